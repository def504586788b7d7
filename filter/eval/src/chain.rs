//! Everyone who stands behind a request, with names resolved.

use ambit_bytecode::limits::{MAX_MEMBERS, MAX_MISSIONS};

use crate::program::{Holder, Profile};

/// An agent in a lineage. What is asked of it again and again is read once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Member {
    pub(crate) agent: u16,
    pub(crate) profile: Profile,
    pub(crate) holder: Holder,
}

/// A mission of a lineage.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mission {
    pub(crate) mission: u16,
    pub(crate) holder: Holder,
    /// Unix seconds; 0 is never.
    pub(crate) end: u64,
}

/// Agents and missions, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    members: [Member; MAX_MEMBERS],
    count: usize,
    missions: [Mission; MAX_MISSIONS],
    mission_count: usize,
    pub(crate) caller: Member,
    /// The caller's sidecar vouches for the members.
    pub(crate) stamped: bool,
    /// The order of the members is known. A claimed lineage proves no order, so it is judged as a merged one.
    pub(crate) ordered: bool,
}

impl Chain {
    pub(crate) fn new(caller: Member) -> Self {
        Self {
            members: [Member::default(); MAX_MEMBERS],
            count: 0,
            missions: [Mission::default(); MAX_MISSIONS],
            mission_count: 0,
            caller,
            stamped: false,
            ordered: true,
        }
    }

    /// Adds a member after those there. `None` if there is no room.
    pub(crate) fn push_member(&mut self, member: Member) -> Option<()> {
        *self.members.get_mut(self.count)? = member;
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    /// Adds a mission. `None` if there is no room.
    pub(crate) fn push_mission(&mut self, mission: Mission) -> Option<()> {
        *self.missions.get_mut(self.mission_count)? = mission;
        self.mission_count = self.mission_count.checked_add(1)?;
        Some(())
    }

    /// Members, origin first, without the caller.
    #[inline]
    pub(crate) fn members(&self) -> &[Member] {
        self.members.get(..self.count).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn missions(&self) -> &[Mission] {
        self.missions.get(..self.mission_count).unwrap_or_default()
    }

    /// Members and then the caller, each with its place.
    #[inline]
    pub(crate) fn everyone(&self) -> impl Iterator<Item = (usize, &Member)> + '_ {
        self.members().iter().chain([&self.caller]).enumerate()
    }

    /// Whether an agent is among the members. The caller is none of them.
    pub(crate) fn has_member(&self, agent: u16) -> bool {
        self.members().iter().any(|member| member.agent == agent)
    }

    /// Whether the lineage rides under a mission.
    pub(crate) fn has_mission(&self, mission: u16) -> bool {
        self.missions().iter().any(|ridden| ridden.mission == mission)
    }

    /// Whether everyone who follows the one at `place` passes a test. Without an order, everyone else follows a
    /// member; no one follows the caller.
    pub(crate) fn followers_all(&self, place: usize, mut test: impl FnMut(u16) -> bool) -> bool {
        let is_caller = place == self.count;
        self.everyone()
            .filter(|(other, _)| *other > place || (!self.ordered && !is_caller && *other != place))
            .all(|(_, member)| test(member.agent))
    }

    /// How many follow the one at `place`.
    pub(crate) fn followers(&self, place: usize) -> usize {
        if place == self.count {
            0
        } else if self.ordered {
            self.count.saturating_sub(place)
        } else {
            self.count
        }
    }
}
