//! The table of live contexts: what the inbound role writes and the outbound role reads.
//!
//! A *context* is a request that the application is working on. It begins when the request is let
//! through and is *live* until its response ends; then it still limits for a *window*, because work
//! outlives responses. The table answers one question: on whose behalf is this call made?
//!
//! # The answer
//!
//! - The call carries a correlation id under which contexts are known: their merge
//!   ([`Answer::Found`]). Ids of all kinds count at once; if two of them point to different contexts,
//!   both limit.
//! - It does not, or ids are not trusted ([`Trust::Nothing`]): the merge of everything there is
//!   ([`Answer::Merged`]).
//! - There is nothing: the call is the application's own idea ([`Answer::Root`]).
//!
//! A peer can send the id of someone else's request. Then both limit the calls with that id, which may deny
//! them and never widens them. An application that sends the id of another live request than the one it
//! works for is what [`Trust::Nothing`] is for.
//!
//! # What a bound does
//!
//! The table has bounds, and none of them forgets a member. Contexts with the same lineage share a
//! *group*; a group lasts as long as the last of them.
//!
//! - Only so many contexts are listed with their ids. The ids of those that found no place, and of those
//!   that ended, are in a filter of ids for their group (a Bloom filter). A call whose
//!   id is listed is limited also by the groups that the filter names for it. The filter may name one too
//!   many and never one too few; and as it may err, it adds and never selects.
//! - A lineage that finds no group shares one with another, as their merge. If that passes the bounds
//!   of a lineage, every call that meets the group is denied ([`Answer::Overflow`]). Lineages of one
//!   peer share among themselves first, so that a peer that makes up lineages hurts those who asked
//!   through it.
//!
//! # Time
//!
//! The table has a clock of its own, which only goes forward, and at most [`MAX_CLOCK_STEP_MS`] at a
//! time. A host's clock that jumps ahead therefore ends no window early, and one that jumps back ends
//! it a little late.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::correlation::Ids;
use crate::limits::{
    DEAD_AFTER_MS, DEFAULT_WINDOW_MS, MAX_CLOCK_STEP_MS, MAX_LISTED, MAX_LISTED_ENDED, MAX_OWNERS,
};
use crate::name::RootId;

mod filter;
mod group;
mod lookup;
mod spent;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use filter::IdFilter;
pub(crate) use group::carry;
use group::{Groups, len, small};
pub use lookup::{Answer, Trust};
pub(crate) use spent::{Bill, Spent};

/// How far a host's clock may seem to go back because two workers read it at nearly the same time.
const CLOCK_SLACK_MS: u64 = 1_000;

/// The live contexts of one proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Says which writing came later.
    pub(crate) stamp: Stamp,
    clock_ms: u64,
    /// What the host's clock said when `clock_ms` was last set.
    host_clock_ms: u64,
    /// Until then the table is not complete and answers nothing.
    quarantine_until_ms: u64,
    owners: Vec<Owner>,
    /// A group keeps its place as long as it is active.
    groups: Vec<Option<Group>>,
    /// The live ones in the order in which they began, those that ended in the order in which they did.
    listed: Vec<Listed>,
    crowds: Vec<Crowd>,
    filter: IdFilter,
    /// What was spent of budgets.
    pub(crate) spent: Spent,
}

/// The age of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Greater each time that the table was built anew: the host's time, if the worker that does it knows
    /// no greater one.
    pub(crate) epoch: u64,
    /// What the table was built with, hashed: two workers that build one at once may choose the same epoch.
    pub(crate) built: u64,
    /// One more with each write.
    pub(crate) version: u64,
}

impl Stamp {
    /// Whether a table with this stamp may have been written after one with the other.
    pub(crate) const fn follows(self, other: Self) -> bool {
        let is_same = self.epoch == other.epoch && self.built == other.built;
        self.epoch > other.epoch || (is_same && self.version > other.version)
    }
}

/// A worker with live contexts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    id: u32,
    beat_ms: u64,
}

/// Contexts with one lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    /// Who asked, hashed.
    asker: u64,
    /// The lineage that the group began with, hashed. It names the group in the filter of ids.
    tag: u64,
    lineage: Carried,
    /// When the last window of those that ended is over.
    ended_until_ms: u64,
}

/// A context and its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    state: State,
    group: u8,
    ids: Ids,
    /// The root that it is part of, hashed.
    work: u64,
    /// Kept while it is live.
    root: Option<Rc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live { owner: u32, serial: u64 },
    Ended { until_ms: u64 },
}

/// Live contexts that found no place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Crowd {
    owner: u32,
    group: u8,
    count: u32,
}

/// The canonical header of a stamped lineage, without its root id; `None` for one that cannot travel
/// on, so that every call under it is denied.
pub(crate) type Carried = Option<Rc<[u8]>>;

/// A context that begins.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) serial: u64,
    pub(crate) ids: Ids,
    pub(crate) root: Option<Rc<str>>,
    pub(crate) asker: u64,
    pub(crate) tag: u64,
    /// The root that it is part of, hashed: its id and who began it, or else the lineage.
    pub(crate) work: u64,
    pub(crate) lineage: Carried,
}

/// Where the table keeps a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: u8,
    pub(crate) is_listed: bool,
}

impl State {
    const fn is_live(self) -> bool {
        matches!(self, Self::Live { .. })
    }

    const fn limits_at(self, clock_ms: u64) -> bool {
        match self {
            Self::Live { .. } => true,
            Self::Ended { until_ms } => until_ms > clock_ms,
        }
    }
}

impl Context {
    /// The bytes that it takes, about.
    pub(crate) fn len(&self) -> usize {
        len(&self.lineage).saturating_add(self.root.as_ref().map_or(0, |root| root.len()))
    }
}

impl Table {
    /// A table without contexts.
    pub(crate) fn new(epoch: u64, clock_ms: u64, now_ms: u64, quarantine_ms: u64) -> Self {
        Self {
            stamp: Stamp { epoch, built: 0, version: 0 },
            clock_ms,
            host_clock_ms: now_ms,
            quarantine_until_ms: clock_ms.saturating_add(quarantine_ms),
            owners: Vec::new(),
            groups: Vec::new(),
            listed: Vec::new(),
            crowds: Vec::new(),
            filter: IdFilter::new(),
            spent: Spent::default(),
        }
    }

    pub(crate) const fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Whether it is not complete yet.
    pub(crate) const fn is_quarantined(&self) -> bool {
        self.quarantine_until_ms > self.clock_ms
    }

    /// The longest window of a context that ended.
    pub(crate) const fn longest_window_ms(&self) -> u32 {
        self.filter.window_ms
    }

    /// The table's own time when the host's clock says `now_ms`.
    fn clock_at(&self, now_ms: u64) -> u64 {
        let step = now_ms.saturating_sub(self.host_clock_ms).min(MAX_CLOCK_STEP_MS);
        self.clock_ms.saturating_add(step)
    }

    /// Lets time pass: forgets what is over.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_at(now_ms);
        if now_ms > self.host_clock_ms || self.host_clock_ms.saturating_sub(now_ms) > CLOCK_SLACK_MS {
            self.host_clock_ms = now_ms;
        }
        self.bury_dead_owners();
        let active = self.active(self.clock_ms);
        for (place, group) in self.groups.iter_mut().enumerate() {
            if !active.has_place(place) {
                *group = None;
            }
        }
        let clock_ms = self.clock_ms;
        self.listed.retain(|listed| listed.state.limits_at(clock_ms));
        self.filter.drop_old(clock_ms, !self.crowds.is_empty());
        self.drop_old_spent();
    }

    /// Whether time must be made to pass although nothing happens.
    pub(crate) fn wants_upkeep(&self, now_ms: u64, every_ms: u64) -> bool {
        let waits =
            self.is_quarantined() || self.groups.iter().any(Option::is_some) || !self.spent.is_empty();
        waits && now_ms.abs_diff(self.host_clock_ms) >= every_ms
    }

    /// A new owner, by an id that no owner ever had; `None` if there are too many.
    pub(crate) fn join(&mut self, id: u32) -> Option<u32> {
        if self.owners.len() >= MAX_OWNERS {
            return None;
        }
        self.owners.push(Owner { id, beat_ms: self.clock_ms });
        Some(id)
    }

    pub(crate) fn has_owner(&self, owner: u32) -> bool {
        self.owners.iter().any(|other| other.id == owner)
    }

    /// Notes that `owner` is alive.
    pub(crate) fn beat(&mut self, owner: u32) {
        for other in &mut self.owners {
            if other.id == owner {
                other.beat_ms = self.clock_ms;
            }
        }
    }

    /// Removes `owner`, which has no contexts.
    pub(crate) fn leave(&mut self, owner: u32) {
        self.owners.retain(|other| other.id != owner);
    }

    /// Begins a context.
    pub(crate) fn begin(&mut self, owner: u32, context: &Context) -> Place {
        let group = self.group_for(context);
        let is_listed = self.listed.iter().filter(|listed| listed.state.is_live()).count() < MAX_LISTED;
        if is_listed {
            self.listed.push(Listed {
                state: State::Live { owner, serial: context.serial },
                group,
                ids: context.ids,
                work: context.work,
                root: context.root.clone(),
            });
        } else {
            self.filter.insert(&context.ids, self.tag_of(group), self.clock_ms, 0);
            match self.crowds.iter_mut().find(|crowd| crowd.owner == owner && crowd.group == group) {
                Some(crowd) => crowd.count = crowd.count.saturating_add(1),
                None => self.crowds.push(Crowd { owner, group, count: 1 }),
            }
        }
        Place { group, is_listed }
    }

    /// Ends a context; it limits for another `window_ms`.
    pub(crate) fn end(&mut self, owner: u32, serial: u64, ids: &Ids, place: Place, window_ms: u32) {
        let until_ms = self.clock_ms.saturating_add(u64::from(window_ms));
        if place.is_listed {
            let state = State::Live { owner, serial };
            if let Some(at) = self.listed.iter().position(|listed| listed.state == state) {
                let mut listed = self.listed.remove(at);
                listed.state = State::Ended { until_ms };
                listed.root = None;
                self.keep_spent(Some(listed.work), until_ms);
                self.listed.push(listed);
            }
        } else {
            self.keep_spent(None, until_ms);
            for crowd in &mut self.crowds {
                if crowd.owner == owner && crowd.group == place.group {
                    crowd.count = crowd.count.saturating_sub(1);
                }
            }
            self.crowds.retain(|crowd| crowd.count > 0);
        }
        self.note_end(ids, place.group, window_ms);
        self.drop_oldest_ended();
    }

    /// The serials of the listed contexts of `owner`, in the order in which they began.
    pub(crate) fn listed_of(&self, owner: u32) -> impl Iterator<Item = u64> + '_ {
        self.listed.iter().filter_map(move |listed| match listed.state {
            State::Live { owner: other, serial } if other == owner => Some(serial),
            _ => None,
        })
    }

    /// The number of contexts of `owner` that are not listed.
    pub(crate) fn crowd_of(&self, owner: u32) -> usize {
        let crowds = self.crowds.iter().filter(|crowd| crowd.owner == owner);
        crowds.fold(0, |sum: usize, crowd| {
            sum.saturating_add(usize::try_from(crowd.count).unwrap_or(usize::MAX))
        })
    }

    fn note_end(&mut self, ids: &Ids, place: u8, window_ms: u32) {
        let until = self.clock_ms.saturating_add(u64::from(window_ms));
        if let Some(Some(group)) = self.groups.get_mut(usize::from(place)) {
            group.ended_until_ms = group.ended_until_ms.max(until);
        }
        self.filter.insert(ids, self.tag_of(place), self.clock_ms, window_ms);
    }

    /// Keeps the list short. The ids of all that ended are in the filter too.
    fn drop_oldest_ended(&mut self) {
        let ended = self.listed.iter().filter(|listed| !listed.state.is_live()).count();
        let mut excess = ended.saturating_sub(MAX_LISTED_ENDED);
        self.listed.retain(|listed| {
            let goes = excess > 0 && !listed.state.is_live();
            excess = excess.saturating_sub(usize::from(goes));
            !goes
        });
    }

    /// Ends the contexts of workers that are gone.
    fn bury_dead_owners(&mut self) {
        let clock_ms = self.clock_ms;
        let is_dead = |owner: &Owner| owner.beat_ms.saturating_add(DEAD_AFTER_MS) <= clock_ms;
        let dead: Vec<u32> =
            self.owners.iter().filter(|owner| is_dead(owner)).map(|owner| owner.id).collect();
        if dead.is_empty() {
            return;
        }
        self.owners.retain(|owner| !dead.contains(&owner.id));
        let window_ms = self.filter.window_ms.max(DEFAULT_WINDOW_MS);
        let until_ms = clock_ms.saturating_add(u64::from(window_ms));
        let mut ended = Vec::new();
        for listed in &mut self.listed {
            if let State::Live { owner, .. } = listed.state
                && dead.contains(&owner)
            {
                listed.state = State::Ended { until_ms };
                listed.root = None;
                ended.push((listed.ids, listed.group, listed.work));
            }
        }
        for (ids, group, work) in ended {
            self.keep_spent(Some(work), until_ms);
            self.note_end(&ids, group, window_ms);
        }
        self.drop_oldest_ended();
        let crowds = core::mem::take(&mut self.crowds);
        for crowd in crowds {
            if dead.contains(&crowd.owner) {
                // Its ids are in the filter, and no one knows which they are.
                self.keep_spent(None, until_ms);
                self.note_end(&Ids::none(), crowd.group, window_ms);
                self.filter.keep_until(until_ms);
            } else {
                self.crowds.push(crowd);
            }
        }
    }

    /// The groups that limit at `clock_ms`.
    fn active(&self, clock_ms: u64) -> Groups {
        let mut active = Groups::default();
        for listed in self.listed.iter().filter(|listed| listed.state.limits_at(clock_ms)) {
            active.insert(listed.group);
        }
        for crowd in &self.crowds {
            active.insert(crowd.group);
        }
        for (place, group) in self.groups.iter().enumerate() {
            if group.as_ref().is_some_and(|group| group.ended_until_ms > clock_ms) {
                active.insert(small(place));
            }
        }
        active
    }
}

/// The root id of a lineage, to be kept.
pub(crate) fn keep_root(root: Option<RootId<'_>>) -> Option<Rc<str>> {
    root.map(|id| id.as_str().into())
}
