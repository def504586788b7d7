//! One lineage: on whose behalf a request is made.

use core::fmt;

use crate::bounded::{Bounded, Full};
use crate::limits::{MAX_DEPTH, MAX_MEMBERS, MAX_MISSIONS};
use crate::name::{Mission, Principal, RootId};

mod merge;
#[cfg(test)]
mod tests;

/// On whose behalf a request is made: everyone who stands behind the peer that sends it.
///
/// The peer itself is not in here, because its connection proves it; [`Lineage::stamp`] adds it when
/// the lineage travels on. A lineage never has more than [`MAX_MEMBERS`] members, [`MAX_MISSIONS`]
/// missions or a depth over [`MAX_DEPTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage<'a> {
    root: Option<RootId<'a>>,
    via: Bounded<Principal<'a>, MAX_MEMBERS>,
    claims: Bounded<Principal<'a>, MAX_MEMBERS>,
    missions: Bounded<Mission<'a>, MAX_MISSIONS>,
    order: Order,
}

/// How to read the members of a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The members are the hops, origin first, and each handed on to the next. An agent that comes
    /// twice is there twice.
    Chain,
    /// The members are those of several chains, sorted, each once; who stood behind whom is not known, so
    /// whoever judges must take each to stand behind any other. Each edge was judged where it was made.
    Merged {
        /// The length of the longest of the chains, 1 to [`MAX_DEPTH`]. It is kept because a set
        /// forgets repeats, and no one may reset a depth by losing a lineage.
        depth: u8,
    },
}

/// A lineage would pass one of its bounds. There is no shorter lineage that is not also wider, so this
/// denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// More than [`MAX_MEMBERS`] members.
    Members,
    /// Deeper than [`MAX_DEPTH`].
    Depth,
    /// More than [`MAX_MISSIONS`] missions.
    Missions,
}

impl<'a> Lineage<'a> {
    /// The lineage of a request that no other request caused: no members.
    #[must_use]
    pub const fn root(id: Option<RootId<'a>>) -> Self {
        Self {
            root: id,
            via: Bounded::new(),
            claims: Bounded::new(),
            missions: Bounded::new(),
            order: Order::Chain,
        }
    }

    /// The id of the request all this began with; `None` if there is more than one, or none was given.
    #[must_use]
    pub const fn root_id(&self) -> Option<RootId<'a>> {
        self.root
    }

    /// The members that stamping proxies vouch for, in the order that [`Lineage::order`] says.
    #[must_use]
    pub fn via(&self) -> &[Principal<'a>] {
        &self.via
    }

    /// Further members, sorted, that only peers named which stamp nothing: they narrow as members do, but
    /// prove no delegation.
    #[must_use]
    pub fn claims(&self) -> &[Principal<'a>] {
        &self.claims
    }

    /// The missions that all apply, sorted.
    #[must_use]
    pub fn missions(&self) -> &[Mission<'a>] {
        &self.missions
    }

    /// How to read [`Lineage::via`].
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Everyone who limits the request, [`Lineage::via`] before [`Lineage::claims`].
    pub fn members(&self) -> impl Iterator<Item = Principal<'a>> + '_ {
        self.via.iter().chain(self.claims.iter()).copied()
    }

    /// The number of hops behind the peer that sends the request, 0 to [`MAX_DEPTH`].
    #[must_use]
    pub fn depth(&self) -> u8 {
        match self.order {
            Order::Chain => u8::try_from(self.via.len()).unwrap_or(MAX_DEPTH),
            Order::Merged { depth } => depth,
        }
    }

    /// Whether an agent comes twice among the hops, `peer` being the last of them. A merged list tells
    /// for `peer` only.
    #[must_use]
    pub fn has_cycle(&self, peer: Principal<'_>) -> bool {
        let mut hops = self.via.as_slice();
        if hops.contains(&peer) {
            return true;
        }
        while let [first, rest @ ..] = hops {
            if rest.contains(first) {
                return true;
            }
            hops = rest;
        }
        false
    }

    /// The lineage of the requests that the receiver makes in turn: `peer`, which asked, comes last.
    ///
    /// # Errors
    /// [`Overflow`] if it would have too many members or be too deep.
    pub fn stamp(mut self, peer: Principal<'a>) -> Result<Self, Overflow> {
        let depth = self.depth().saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(Overflow::Depth);
        }
        match self.order {
            Order::Chain => self.via.push(peer)?,
            Order::Merged { .. } => {
                self.via.insert_sorted(peer)?;
                self.order = Order::Merged { depth };
            }
        }
        self.within_bounds()
    }

    /// What a lineage is worth from a peer that does not stamp: all its members narrow, none is proof
    /// of a delegation, and the peer stands as the origin.
    #[must_use]
    pub fn claimed(mut self) -> Self {
        for principal in self.via.as_slice() {
            // There is room: no list has more members than both lists may have together.
            let _ = self.claims.insert_sorted(*principal);
        }
        self.via = Bounded::new();
        self.order = Order::Chain;
        self
    }

    /// The same lineage under one more mission.
    ///
    /// # Errors
    /// [`Overflow::Missions`].
    pub fn with_mission(mut self, mission: Mission<'a>) -> Result<Self, Overflow> {
        self.missions.insert_sorted(mission).map_err(|Full| Overflow::Missions)?;
        Ok(self)
    }

    /// The same lineage with one more hop at the end of its chain; for the reader of a header.
    pub(crate) fn push_via(&mut self, principal: Principal<'a>) -> Result<(), Overflow> {
        self.via.push(principal)?;
        self.within_bounds().map(|_| ())
    }

    /// The same lineage with one more claim. `Ok(false)` if `principal` does not come after the claims
    /// that are there; for the reader of a header.
    pub(crate) fn push_claim(&mut self, principal: Principal<'a>) -> Result<bool, Overflow> {
        if self.claims.last().is_some_and(|last| *last >= principal) {
            return Ok(false);
        }
        self.claims.push(principal)?;
        self.within_bounds().map(|_| true)
    }

    /// The same lineage under one more mission. `Ok(false)` if `mission` does not come after the
    /// missions that are there; for the reader of a header.
    pub(crate) fn push_mission(&mut self, mission: Mission<'a>) -> Result<bool, Overflow> {
        if self.missions.last().is_some_and(|last| *last >= mission) {
            return Ok(false);
        }
        self.missions.push(mission).map_err(|Full| Overflow::Missions)?;
        Ok(true)
    }

    /// Gives the lineage its root id; for the reader of a header.
    pub(crate) const fn set_root(&mut self, root: Option<RootId<'a>>) {
        self.root = root;
    }

    /// Declares the members a merge. `false` if they are not sorted, each once, or there are none; for
    /// the reader of a header.
    pub(crate) fn set_merged(&mut self, depth: u8) -> bool {
        self.order = Order::Merged { depth };
        !self.via.is_empty() && self.via.is_sorted_by(|left, right| left < right)
    }

    fn within_bounds(self) -> Result<Self, Overflow> {
        if self.via.len().saturating_add(self.claims.len()) > MAX_MEMBERS {
            return Err(Overflow::Members);
        }
        Ok(self)
    }
}

impl Overflow {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Members => "lineage-too-many-members",
            Self::Depth => "lineage-too-deep",
            Self::Missions => "lineage-too-many-missions",
        }
    }
}

impl From<Full> for Overflow {
    /// A list of members is full.
    fn from(_: Full) -> Self {
        Self::Members
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members => write!(f, "more than {MAX_MEMBERS} members in one lineage"),
            Self::Depth => write!(f, "a lineage deeper than {MAX_DEPTH}"),
            Self::Missions => write!(f, "more than {MAX_MISSIONS} missions in one lineage"),
        }
    }
}

impl core::error::Error for Overflow {}
