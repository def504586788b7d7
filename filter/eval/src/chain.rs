//! Everyone who stands behind a request, with names resolved.

use ambit_bytecode::limits::{MAX_MEMBERS, MAX_MISSIONS};

/// Agents and missions by id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    members: [u16; MAX_MEMBERS],
    count: usize,
    missions: [u16; MAX_MISSIONS],
    mission_count: usize,
    pub(crate) caller: u16,
    /// The caller's sidecar vouches for the members.
    pub(crate) stamped: bool,
    /// The order of the members is known. A claimed lineage proves no order, so it is judged as a merged one.
    pub(crate) ordered: bool,
}

impl Chain {
    pub(crate) const fn new(caller: u16) -> Self {
        Self {
            members: [0; MAX_MEMBERS],
            count: 0,
            missions: [0; MAX_MISSIONS],
            mission_count: 0,
            caller,
            stamped: false,
            ordered: true,
        }
    }

    /// Adds a member after those there. `None` if there is no room.
    pub(crate) fn push_member(&mut self, agent: u16) -> Option<()> {
        *self.members.get_mut(self.count)? = agent;
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    /// Adds a mission. `None` if there is no room.
    pub(crate) fn push_mission(&mut self, mission: u16) -> Option<()> {
        *self.missions.get_mut(self.mission_count)? = mission;
        self.mission_count = self.mission_count.checked_add(1)?;
        Some(())
    }

    /// Members, origin first, without the caller.
    #[inline]
    pub(crate) fn members(&self) -> &[u16] {
        self.members.get(..self.count).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn missions(&self) -> &[u16] {
        self.missions.get(..self.mission_count).unwrap_or_default()
    }

    /// Members and then the caller, each with its place.
    #[inline]
    pub(crate) fn everyone(&self) -> impl Iterator<Item = (usize, u16)> + '_ {
        self.members().iter().copied().chain([self.caller]).enumerate()
    }

    /// Whether everyone who follows the one at `place` passes a test. Without an order, everyone else follows a
    /// member; no one follows the caller.
    pub(crate) fn followers_all(&self, place: usize, mut test: impl FnMut(u16) -> bool) -> bool {
        let is_caller = place == self.count;
        self.everyone()
            .filter(|(other, _)| *other > place || (!self.ordered && !is_caller && *other != place))
            .all(|(_, agent)| test(agent))
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
