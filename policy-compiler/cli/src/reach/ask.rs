//! One question to a sidecar: may the last agent of a way do this, on behalf of those before it?

use std::collections::HashMap;

use ambit_compiler::model::{ActionId, Policy, RuleId, ServiceId};
use ambit_eval::{
    Arguments, Caller, Code, Count, Facts, Hop, Key, Lineage, Principal, Request, Statement, Truth, Value,
    Verdict,
};
use ambit_filter::head::split;

use super::Outcome;
use crate::cases::{DEFAULT_TIME, principal_of};
use crate::failure::Problem;
use crate::sidecar::{Sidecar, Sidecars};

/// Asks sidecars.
pub(super) struct Asker<'p> {
    policy: &'p Policy,
    principals: Vec<String>,
    actions: Vec<Asked<'p>>,
    places: HashMap<ActionId, usize>,
}

/// An action, and where it is asked for.
struct Asked<'p> {
    name: String,
    service: usize,
    sidecar: &'p Sidecar,
    /// Its number in the blob.
    number: u16,
    protocol: ambit_eval::Protocol,
}

/// Nothing of a request is known but what is asked.
struct Unknown;

impl Facts for Unknown {
    fn value(&self, _field: u16) -> Value<'_> {
        Value::Unread
    }

    fn count(&self, _list: u16) -> Count {
        Count::Unread
    }

    fn element(&self, _field: u16, _place: u32) -> Value<'_> {
        Value::Unread
    }

    fn arguments(&self, _listing: u16) -> Arguments {
        Arguments::Listed
    }
}

/// `SERVICE/ACTION`
pub(super) fn name(policy: &Policy, id: ActionId) -> Option<String> {
    let service = policy.services.get(usize::try_from(id.service.0).ok()?)?;
    let action = service.actions.get(usize::try_from(id.index).ok()?)?;
    Some(format!("{}/{}", service.name, action.name))
}

impl<'p> Asker<'p> {
    pub(super) fn new(sidecars: &'p Sidecars<'_>) -> Result<Self, Problem> {
        let policy = &sidecars.loaded.policy;
        let mut asker = Self { policy, principals: Vec::new(), actions: Vec::new(), places: HashMap::new() };
        asker.principals = policy.agents.iter().map(|agent| principal_of(policy, agent)).collect();
        for (place, service) in policy.services.iter().enumerate() {
            let sidecar = sidecars.of(service)?;
            let program = sidecar.policy.program();
            let mut numbers = HashMap::new();
            for number in 0..=u16::MAX {
                let Some((owner, action)) = program.action_name(number) else { break };
                if owner == service.name.as_bytes() {
                    numbers.insert(action.to_vec(), number);
                }
            }
            for (index, action) in service.actions.iter().enumerate() {
                let Some(number) = numbers.get(action.name.as_bytes()).copied() else { continue };
                let Some(protocol) = program.protocol(number) else { continue };
                let ids = u32::try_from(place).ok().zip(u32::try_from(index).ok());
                let Some((service_id, index)) = ids else { continue };
                let id = ActionId { service: ServiceId(service_id), index };
                asker.places.insert(id, asker.actions.len());
                let name = format!("{}/{}", service.name, action.name);
                asker.actions.push(Asked { name, service: place, sidecar, number, protocol });
            }
        }
        Ok(asker)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.actions.iter().map(|action| action.name.clone()).collect()
    }

    pub(super) fn place(&self, id: ActionId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// The place of an action's service among the policy's.
    pub(super) fn service(&self, action: usize) -> Option<usize> {
        self.actions.get(action).map(|action| action.service)
    }

    /// What comes of it, and by which rules everyone agrees.
    pub(super) fn ask(&self, way: &[usize], action: usize) -> (Outcome, Vec<RuleId>) {
        // A sidecar that does not stamp says nothing of who is before it.
        let stamps = |place: &&usize| self.policy.agents.get(**place).is_some_and(|agent| agent.stamping);
        let unseen = way.len().saturating_sub(way.iter().rev().take_while(stamps).count());
        let first_seen = unseen.saturating_sub(1);
        let seen = way.get(first_seen..).unwrap_or_default();
        let said = self.ask_seen(seen, action, unseen < way.len() || way.len() == 1);
        if first_seen == 0 {
            return said;
        }
        // What would be said if everyone were seen?
        let whole = self.ask_seen(way, action, true);
        match (&said.0, &whole.0) {
            (Outcome::Allowed | Outcome::Limited(_), Outcome::Closed(..) | Outcome::Limited(_)) => {
                (Outcome::Open, said.1)
            }
            _ => whole,
        }
    }

    fn ask_seen(&self, way: &[usize], action: usize, is_stamped: bool) -> (Outcome, Vec<RuleId>) {
        let without = self.ask_under(way, action, is_stamped, None);
        if !matches!(without.0, Outcome::Closed(Code::MissionRequired, _)) {
            return without;
        }
        // Who acts only under a mission may choose one.
        let under = self
            .policy
            .missions
            .iter()
            .map(|mission| self.ask_under(way, action, is_stamped, Some(mission.name.as_bytes())));
        let best = under.min_by_key(|(outcome, _)| match outcome {
            Outcome::Allowed => 0,
            Outcome::Open | Outcome::Limited(_) => 1,
            Outcome::Closed(..) => 2,
        });
        best.unwrap_or(without)
    }

    fn ask_under(
        &self,
        way: &[usize],
        action: usize,
        is_stamped: bool,
        mission: Option<&[u8]>,
    ) -> (Outcome, Vec<RuleId>) {
        let nothing = (Outcome::Closed(Code::ActionUnknown, None), Vec::new());
        let Some(asked) = self.actions.get(action) else { return nothing };
        let principals: Vec<Principal<'_>> =
            way.iter().filter_map(|agent| self.principals.get(*agent)).map(|id| split(id)).collect();
        let Some((caller, members)) = principals.split_last() else { return nothing };
        let missions = mission.as_slice();
        let statement = if is_stamped {
            Statement::Lineage(Lineage { members, missions, merged: false })
        } else {
            Statement::Absent
        };
        let request = Request {
            caller: Caller::Proven(*caller),
            statement,
            protocol: asked.protocol,
            key: Key::Action(asked.number),
            facts: &Unknown,
            now: DEFAULT_TIME,
        };
        let program = asked.sidecar.policy.program();
        let place = |verdict: &Verdict| match verdict.hop {
            Some(Hop::Member(place)) => Some(usize::from(place)),
            Some(Hop::Mission(_)) | None => None,
        };
        let best = program.best_case(&request);
        if !best.allows() {
            return (Outcome::Closed(best.code, place(&best)), Vec::new());
        }
        let mut rules = Vec::new();
        let mut agreed: Vec<Hop> = Vec::new();
        program.account(&request, |one| {
            let may_hold = one.truth == Truth::True || one.is_open;
            if one.grants && one.reaches && may_hold && !agreed.contains(&one.hop) {
                agreed.push(one.hop);
                rules.extend(asked.sidecar.origin(one.rule).map(|origin| origin.rule));
            }
        });
        let verdict = program.decide(&request);
        let outcome = if verdict.allows() { Outcome::Allowed } else { Outcome::Limited(place(&verdict)) };
        (outcome, rules)
    }
}
