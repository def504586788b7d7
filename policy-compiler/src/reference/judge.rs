//! The order of judgement.

use crate::model::{
    Action, ActionId, AgentId, EffectSet, Mode, Policy, Protocol, Reach, Rule, RuleId, Selector, Service,
    ServiceId, Through, Workload,
};
use crate::specificity;

use super::case::{Case, FieldValue, Key};
use super::chain::{self, Chain, Refusal};
use super::condition::Scene;
use super::{Code, Hop, Judgement, Terms, Verdict, glob};

/// Judges one request at one workload.
#[must_use]
pub fn judge(policy: &Policy, workload: &Workload, case: &Case, terms: Terms) -> Judgement {
    let caller = chain::caller(policy, case);
    let action = find_action(policy, workload, case);
    let enforced = enforced(policy, workload, caller.ok(), action.map(|(id, _)| id.service));
    let outcome = caller
        .and_then(|caller| Chain::resolve(policy, case, caller, case.now, terms))
        .map_err(|(code, hop)| (code, hop, None))
        .and_then(|chain| judge_chain(policy, case, &chain, action))
        .map_err(|refusal| told(refusal, case.protocol));
    match outcome {
        Ok(rule) => {
            Judgement { verdict: Verdict::Allow, code: Code::Allowed, hop: None, rule: Some(rule), enforced }
        }
        Err((code, hop, rule)) => Judgement { verdict: Verdict::Deny, code, hop, rule, enforced },
    }
}

type RuleRefusal = (Code, Option<Hop>, Option<RuleId>);

/// Of a call to the outside it is not told what is lacking.
fn told((code, hop, rule): RuleRefusal, protocol: Protocol) -> RuleRefusal {
    let lacks = [Code::NotGranted, Code::NotGrantedThisWay, Code::ConditionNotMet].contains(&code);
    (if protocol == Protocol::Egress && lacks { Code::EgressNotAllowed } else { code }, hop, rule)
}

/// The caller's grant, if everyone agrees.
fn judge_chain(
    policy: &Policy,
    case: &Case,
    chain: &Chain<'_>,
    action: Option<(ActionId, &Action)>,
) -> Result<RuleId, RuleRefusal> {
    let without_rule = |(code, hop): Refusal| (code, hop, None);
    chain.check_shape().map_err(without_rule)?;
    if let Key::Refused(code) = case.key {
        return Err((code, None, None));
    }
    let (id, action) = action.ok_or((Code::ActionUnknown, None, None))?;
    let scene = Scene {
        fields: &case.fields,
        peer: case.peer.as_deref().unwrap_or(""),
        now: case.now,
        members: &chain.members,
        caller: chain.caller,
        missions: &chain.missions,
        ordered: chain.ordered,
    };

    let agents = chain.everyone();
    let missions = chain.every_mission();
    let denies = agents.iter().map(|(hop, agent)| (*hop, &agent.denies));
    for (hop, denies) in denies.chain(missions.iter().map(|(hop, mission)| (*hop, &mission.denies))) {
        let matches = |rule: &Rule| rule.when.as_ref().is_none_or(|when| scene.truth(when) != Some(false));
        if let Some(rule) = covering(policy, denies, id).into_iter().find(|(_, rule)| matches(rule)) {
            return Err((Code::ExplicitlyDenied, Some(hop), Some(rule.0)));
        }
    }

    let holds = |rule: &Rule| rule.when.as_ref().is_none_or(|when| scene.truth(when) == Some(true));
    let mut callers_grant = None;
    for (place, (hop, agent)) in agents.iter().enumerate() {
        let is_caller = place == chain.members.len();
        let followers = chain.followers(place);
        let reaches =
            |reach: &Reach| if is_caller { reach.direct } else { passes_through(reach, &followers) };
        callers_grant = Some(
            first_grant(policy, &agent.grants, id, reaches, holds)
                .map_err(|code| (code, Some(*hop), None))?,
        );
    }
    for (hop, mission) in &missions {
        first_grant(policy, &mission.grants, id, |_| true, holds).map_err(|code| (code, Some(*hop), None))?;
    }

    let ceilings = agents.iter().map(|(hop, agent)| (*hop, agent.ceiling));
    for (hop, ceiling) in ceilings.chain(missions.iter().map(|(hop, mission)| (*hop, mission.ceiling))) {
        if ceiling.is_some_and(|EffectSet(ceiling)| action.effects.0 & !ceiling != 0) {
            return Err((Code::EffectCeiling, Some(hop), None));
        }
    }
    if let (Some(listed), Some(arguments)) = (&action.arguments, &case.arguments) {
        let listed: Vec<&[String]> = listed.iter().map(Vec::as_slice).collect();
        if !has_only(arguments, &listed) {
            return Err((Code::ArgumentUnlisted, None, None));
        }
    }
    callers_grant.ok_or((Code::InternalFault, None, None))
}

/// Whether an object has no members but those that are listed: each by its keys, and none inside another.
fn has_only(object: &FieldValue, listed: &[&[String]]) -> bool {
    match object {
        FieldValue::Null => true,
        FieldValue::Object(members) => members.iter().all(|(key, value)| {
            let inside: Vec<&[String]> = listed
                .iter()
                .filter_map(|keys| keys.split_first())
                .filter(|(first, _)| *first == key)
                .map(|(_, rest)| rest)
                .collect();
            match inside.as_slice() {
                [] => false,
                [[]] => true,
                parts => has_only(value, parts),
            }
        }),
        _ => false,
    }
}

/// Those of `rules` that cover an action, in source order.
fn covering<'a>(policy: &'a Policy, rules: &[RuleId], action: ActionId) -> Vec<(RuleId, &'a Rule)> {
    let mut ids = rules.to_vec();
    ids.sort_unstable();
    let rule = |id: RuleId| policy.rules.get(usize::try_from(id.0).ok()?).map(|rule| (id, rule));
    ids.into_iter().filter_map(rule).filter(|(_, rule)| rule.actions.contains(&action)).collect()
}

/// The first of `grants` that covers the action, may be used this way, and holds; or how far the best of them got.
fn first_grant(
    policy: &Policy,
    grants: &[RuleId],
    action: ActionId,
    reaches: impl Fn(&Reach) -> bool,
    holds: impl Fn(&Rule) -> bool,
) -> Result<RuleId, Code> {
    let covering = covering(policy, grants, action);
    let usable: Vec<_> = covering.iter().filter(|(_, rule)| reaches(&rule.reach)).collect();
    let holding = usable.iter().find(|(_, rule)| holds(rule));
    match (covering.is_empty(), usable.is_empty(), holding) {
        (true, ..) => Err(Code::NotGranted),
        (_, true, _) => Err(Code::NotGrantedThisWay),
        (.., None) => Err(Code::ConditionNotMet),
        (.., Some((id, _))) => Ok(*id),
    }
}

fn passes_through(reach: &Reach, followers: &[AgentId]) -> bool {
    match &reach.through {
        Through::Nobody => false,
        Through::Anyone => true,
        Through::Agents(named) => followers.iter().all(|follower| named.contains(follower)),
    }
}

/// The most specific action of the workload's services of this protocol that the key matches.
fn find_action<'a>(policy: &'a Policy, workload: &Workload, case: &Case) -> Option<(ActionId, &'a Action)> {
    let Key::Known(key) = &case.key else { return None };
    let services = (0..).zip(&policy.services);
    let services =
        services.filter(|(_, service)| service.workload == *workload && service.protocol == case.protocol);
    let actions = services.flat_map(|(service, found)| {
        (0..)
            .zip(&found.actions)
            .map(move |(index, action)| (ActionId { service: ServiceId(service), index }, action))
    });
    let matching = actions.filter(|(_, action)| selects(&action.selector, key));
    matching.min_by_key(|(id, action)| (specificity::rank(&action.selector), *id))
}

fn selects(selector: &Selector, key: &[u8]) -> bool {
    match selector {
        Selector::Http { methods, path } => glob::matches_http(methods, path, key),
        Selector::Key(pattern) => glob::matches_key(pattern.as_bytes(), key),
    }
}

/// The service's mode, else the caller's, else the mesh's.
fn enforced(
    policy: &Policy,
    workload: &Workload,
    caller: Option<AgentId>,
    service: Option<ServiceId>,
) -> bool {
    let caller = caller.and_then(|caller| chain::agent(policy, caller).mode);
    let otherwise = caller.unwrap_or(policy.mesh.mode);
    let of = |service: &Service| service.mode.unwrap_or(otherwise);
    let named = service.and_then(|id| policy.services.get(usize::try_from(id.0).ok()?));
    match named {
        Some(service) => of(service) == Mode::Enforce,
        None => {
            let mut modes =
                policy.services.iter().filter(|service| service.workload == *workload).map(of).peekable();
            match modes.peek() {
                Some(_) => modes.any(|mode| mode == Mode::Enforce),
                None => otherwise == Mode::Enforce,
            }
        }
    }
}
