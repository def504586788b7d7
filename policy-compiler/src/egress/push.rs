//! Where an agent can be made to call by those who ask it: URLs for push notifications, which A2A has.
//!
//! Such a call is made when the request is long over, so that nothing then says on whose behalf. It is judged when it is
//! asked for: the workload that serves A2A is given all that is outside as a further service, which callers must be
//! granted as they are any other.

use crate::model::{
    Action, ActionId, Agent, EffectSet, Egress, Mission, Mode, Policy, Protocol, Reach, Rule, RuleId,
    Selector, Service, ServiceId, Through, Workload,
};

use super::{HTTP, HTTP_KEY, Rules, SERVICE};

/// The policy with all that is outside as its last service, on this workload. `None` if the workload does not speak A2A,
/// or if nothing bounds what anyone calls outside.
///
/// Rules and services of the policy keep their numbers, and no one has a list of destinations any more. An agent whose list is in shadow mode is as one without a list:
/// the request, which is another's, is not its own call.
#[must_use]
pub fn with_pushes(policy: &Policy, workload: &Workload) -> Option<Policy> {
    let speaks = |service: &&Service| service.protocol == Protocol::A2a && service.workload == *workload;
    let asked = policy.services.iter().find(speaks)?;
    let agents = policy.agents.iter().map(|agent| enforced(agent.egress.as_ref()));
    let missions = policy.missions.iter().map(|mission| mission.egress.as_ref());
    if !agents.chain(missions).any(|egress| egress.is_some()) {
        return None;
    }
    let mut extended = policy.clone();
    let mut rules = Rules::default();
    let anyone = Reach { direct: true, through: Through::Anyone };
    let first = u32::try_from(policy.rules.len()).ok()?;
    let further = |ids: Vec<RuleId>| ids.into_iter().map(move |id| RuleId(id.0.saturating_add(first)));
    // It is one rule, whoever holds it.
    let denies = rules.denies(policy, asked.span);
    for Agent { grants, denies: denied, egress, span, .. } in &mut extended.agents {
        let egress = egress.take();
        let egress = enforced(egress.as_ref());
        grants.extend(further(rules.grants(egress, &anyone, *span)));
        if egress.is_some() {
            denied.extend(further(denies.clone()));
        }
    }
    for Mission { grants, egress, span, .. } in &mut extended.missions {
        grants.extend(further(rules.grants(egress.take().as_ref(), &anyone, *span)));
    }
    let service = ServiceId(u32::try_from(policy.services.len()).ok()?);
    extended.rules.extend(rules.0.into_iter().map(|rule| of_service(rule, service)));
    extended.services.push(Service {
        name: SERVICE.to_owned(),
        workload: workload.clone(),
        protocol: Protocol::Egress,
        actions: vec![Action {
            name: HTTP_KEY.to_owned(),
            selector: Selector::Key(HTTP_KEY.to_owned()),
            effects: EffectSet(0),
            arguments: None,
            span: asked.span,
        }],
        mode: None,
        max_body_bytes: None,
        span: asked.span,
    });
    Some(extended)
}

fn enforced(egress: Option<&Egress>) -> Option<&Egress> {
    egress.filter(|egress| egress.mode != Some(Mode::Shadow))
}

/// The rule on the one action of the service; on none if it is of connections.
fn of_service(rule: Rule, service: ServiceId) -> Rule {
    let is_of_requests = rule.actions.contains(&HTTP);
    let actions = is_of_requests.then_some(ActionId { service, index: HTTP.index });
    Rule { actions: actions.into_iter().collect(), ..rule }
}
