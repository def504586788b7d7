//! Everyone who stands behind a request, with names resolved.

use crate::model::{Agent, AgentId, Mission, MissionId, Policy};

use super::case::{Case, Lineage};
use super::identity::{SpiffeId, agent_of};
use super::{Code, Hop, MAX_MEMBERS, MAX_MISSIONS, Terms};

/// A request was refused: why, and whose fault it is.
pub(super) type Refusal = (Code, Option<Hop>);

/// Everyone who stands behind a request.
pub(super) struct Chain<'a> {
    policy: &'a Policy,
    /// Without the caller, origin first.
    pub(super) members: Vec<AgentId>,
    pub(super) caller: AgentId,
    pub(super) missions: Vec<MissionId>,
    /// The caller's sidecar vouches for the members.
    stamped: bool,
    /// The order of the members is known. A claimed lineage proves no order, so it is judged as merged.
    pub(super) ordered: bool,
}

/// The caller, if it is an agent.
pub(super) fn caller(policy: &Policy, case: &Case) -> Result<AgentId, Refusal> {
    let text = case.peer.as_deref().ok_or((Code::CallerUnauthenticated, None))?;
    let id = SpiffeId::parse(text).ok_or((Code::CallerMalformed, None))?;
    if !id.is_of(policy) {
        return Err((Code::CallerForeign, None));
    }
    agent_of(policy, &id).ok_or((Code::CallerUnmapped, None))
}

impl<'a> Chain<'a> {
    /// Resolves everyone, and refuses the revoked, the malformed and the unknown, in this order.
    pub(super) fn resolve(
        policy: &'a Policy,
        case: &Case,
        caller: AgentId,
        now: u64,
        terms: Terms,
    ) -> Result<Self, Refusal> {
        let (principals, names, merged) = match &case.lineage {
            Lineage::Parsed { members, missions, merged } => {
                (members.as_slice(), missions.as_slice(), *merged)
            }
            Lineage::Absent | Lineage::Malformed(_) => Default::default(),
        };
        if principals.len() > MAX_MEMBERS || names.len() > MAX_MISSIONS {
            return Err((Code::LineageTooManyMembers, None));
        }
        let resolved: Vec<Option<AgentId>> = principals.iter().map(|text| member(policy, text)).collect();

        let everyone = resolved.iter().copied().chain([Some(caller)]);
        for (place, id) in everyone.enumerate() {
            if id.is_some_and(|id| agent(policy, id).revoked) {
                return Err((Code::MemberRevoked, Some(Hop::Member(place))));
            }
        }
        let stamping = agent(policy, caller).stamping;
        match case.lineage {
            Lineage::Malformed(code) => return Err((code, None)),
            Lineage::Absent if stamping && terms.require_stamp => return Err((Code::LineageMissing, None)),
            _ => {}
        }
        if let Some(place) = resolved.iter().position(Option::is_none) {
            return Err((Code::LineageMemberUnmapped, Some(Hop::Member(place))));
        }

        let members: Vec<AgentId> = resolved.into_iter().flatten().collect();
        let stamped = stamping && matches!(case.lineage, Lineage::Parsed { .. });
        let ordered = members.is_empty() || (stamped && !merged);
        let mut chain = Self { policy, members, caller, missions: Vec::new(), stamped, ordered };
        chain.origin_may_originate()?;
        chain.resolve_missions(names, now)?;
        chain.members_accept_missions()?;
        Ok(chain)
    }

    /// Members and then the caller, each with its place.
    pub(super) fn everyone(&self) -> Vec<(Hop, &'a Agent)> {
        let ids = self.members.iter().chain([&self.caller]);
        ids.enumerate().map(|(place, id)| (Hop::Member(place), agent(self.policy, *id))).collect()
    }

    /// Missions, each with its place.
    pub(super) fn every_mission(&self) -> Vec<(Hop, &'a Mission)> {
        self.missions
            .iter()
            .enumerate()
            .map(|(place, id)| (Hop::Mission(place), mission(self.policy, *id)))
            .collect()
    }

    /// Those who follow the member at `place`; in an unordered lineage, everyone else, and for the caller no one.
    pub(super) fn followers(&self, place: usize) -> Vec<AgentId> {
        let everyone: Vec<AgentId> = self.members.iter().copied().chain([self.caller]).collect();
        let is_caller = place == self.members.len();
        let follows = |other: usize| other > place || (!self.ordered && !is_caller && other != place);
        everyone.into_iter().enumerate().filter(|(other, _)| follows(*other)).map(|(_, id)| id).collect()
    }

    /// Only a stamped lineage excuses a caller that may not originate; a claimed one never does.
    fn origin_may_originate(&self) -> Result<(), Refusal> {
        let on_behalf = self.stamped && !self.members.is_empty();
        if !on_behalf && !agent(self.policy, self.caller).originates {
            return Err((Code::MayNotOriginate, Some(Hop::Member(self.members.len()))));
        }
        match self.members.first() {
            Some(origin) if self.stamped && self.ordered && !agent(self.policy, *origin).originates => {
                Err((Code::MayNotOriginate, Some(Hop::Member(0))))
            }
            _ => Ok(()),
        }
    }

    fn resolve_missions(&mut self, names: &[String], now: u64) -> Result<(), Refusal> {
        for (place, name) in names.iter().enumerate() {
            let found = (0..).zip(&self.policy.missions).find(|(_, mission)| mission.name == *name);
            let (index, _) = found.ok_or((Code::MissionUnknown, Some(Hop::Mission(place))))?;
            self.missions.push(MissionId(index));
        }
        for (hop, mission) in self.every_mission() {
            if mission.not_after.is_some_and(|end| now >= end) {
                return Err((Code::MissionExpired, Some(hop)));
            }
        }
        Ok(())
    }

    fn members_accept_missions(&self) -> Result<(), Refusal> {
        for (hop, agent) in self.everyone() {
            if agent.mission_required && self.missions.is_empty() {
                return Err((Code::MissionRequired, Some(hop)));
            }
        }
        for (hop, agent) in self.everyone() {
            let may = |mission| agent.missions.as_ref().is_none_or(|allowed| allowed.contains(mission));
            if !self.missions.iter().all(may) {
                return Err((Code::MissionNotPermitted, Some(hop)));
            }
        }
        Ok(())
    }

    /// Depth, then cycles, then who may hand work to whom.
    pub(super) fn check_shape(&self) -> Result<(), Refusal> {
        let mesh = &self.policy.mesh;
        if self.members.len() >= usize::from(mesh.max_depth) {
            return Err((Code::DepthExceeded, None));
        }
        for (place, (hop, agent)) in self.everyone().into_iter().enumerate() {
            if agent.delegates.max_depth.is_some_and(|most| self.followers(place).len() > usize::from(most)) {
                return Err((Code::DepthExceeded, Some(hop)));
            }
        }
        self.check_cycles()?;
        for (place, (hop, agent)) in self.everyone().into_iter().enumerate() {
            let next = match place.checked_add(1).and_then(|next| self.members.get(next)) {
                Some(next) if self.ordered => Some(*next),
                _ if place < self.members.len() => Some(self.caller),
                _ => None,
            };
            let may = |next| agent.delegates.to.as_ref().is_none_or(|to| to.contains(&next));
            if next.is_some_and(|next| !may(next)) {
                return Err((Code::DelegationNotPermitted, Some(hop)));
            }
        }
        Ok(())
    }

    /// The hop is the second appearance.
    fn check_cycles(&self) -> Result<(), Refusal> {
        let mut seen = Vec::new();
        for (place, id) in self.members.iter().chain([&self.caller]).enumerate() {
            if seen.contains(id) && self.policy.mesh.cycles == crate::model::Cycles::Refuse {
                return Err((Code::Cycle, Some(Hop::Member(place))));
            }
            seen.push(*id);
        }
        Ok(())
    }
}

fn member(policy: &Policy, text: &str) -> Option<AgentId> {
    let id = SpiffeId::parse(text)?;
    id.is_of(policy).then(|| agent_of(policy, &id))?
}

#[expect(clippy::indexing_slicing, reason = "ids are indexes into the vectors of their policy")]
pub(super) fn agent(policy: &Policy, id: AgentId) -> &Agent {
    &policy.agents[usize::try_from(id.0).unwrap_or(usize::MAX)]
}

#[expect(clippy::indexing_slicing, reason = "ids are indexes into the vectors of their policy")]
fn mission(policy: &Policy, id: MissionId) -> &Mission {
    &policy.missions[usize::try_from(id.0).unwrap_or(usize::MAX)]
}
