//! What is accepted and probably not meant. Looked for only in a policy without errors, so that nothing follows from a slip
//! that was reported already.

use std::collections::{HashMap, HashSet};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{ActionId, Agent, AgentId, EffectSet, Policy, Reach, Rule, RuleId, Through};
use crate::source::Span;

/// Warns of everything.
pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let reached = reached(policy);
    for (agent, number) in policy.agents.iter().zip(0_u32..) {
        let id = AgentId(number);
        // A revoked agent's rules are idle on purpose.
        if agent.revoked {
            continue;
        }
        if !agent.originates && !reached.contains(&id) {
            diagnostics.push(
                Diagnostic::new(Code::Unreachable, agent.span, format!("nobody can reach agent `{}`", agent.name))
                    .help("let it originate work (`originates: true`), or name it in `delegates.to` of another agent"),
            );
        }
        if agent.grants.is_empty() && agent.egress.as_ref().is_none_or(|egress| egress.allow.is_empty()) {
            let message = format!("agent `{}` has no grants", agent.name);
            diagnostics.push(
                Diagnostic::new(Code::EmptyAgent, agent.span, message)
                    .note("every member of a lineage must be granted an action, so nothing can be done through it either"),
            );
        }
        let owner = Owner {
            grants: &agent.grants,
            denies: &agent.denies,
            ceiling: agent.ceiling,
            agent: Some(agent),
        };
        owner.warn(policy, diagnostics);
    }
    for mission in &policy.missions {
        let owner =
            Owner { grants: &mission.grants, denies: &mission.denies, ceiling: mission.ceiling, agent: None };
        owner.warn(policy, diagnostics);
    }
    unused_missions(policy, diagnostics);
    super::egress::warn(policy, diagnostics);
}

/// The agents that another agent may delegate to.
fn reached(policy: &Policy) -> HashSet<AgentId> {
    let mut reached = HashSet::new();
    for (agent, number) in policy.agents.iter().zip(0_u32..) {
        let others = |id: &AgentId| *id != AgentId(number);
        match &agent.delegates.to {
            Some(to) => reached.extend(to.iter().copied().filter(others)),
            None => reached.extend((0..).map(AgentId).take(policy.agents.len()).filter(others)),
        }
    }
    reached
}

fn unused_missions(policy: &Policy, diagnostics: &mut Diagnostics) {
    if policy.agents.is_empty() || policy.agents.iter().any(|agent| agent.missions.is_none()) {
        return;
    }
    let used: HashSet<_> = policy.agents.iter().flat_map(|agent| agent.missions.iter().flatten()).collect();
    for (mission, number) in policy.missions.iter().zip(0_u32..) {
        if !used.contains(&crate::model::MissionId(number)) {
            let message = format!("no agent may act under mission `{}`", mission.name);
            diagnostics.push(
                Diagnostic::new(Code::UnusedMission, mission.span, message)
                    .help("name it in `missions.oneOf` of an agent"),
            );
        }
    }
}

/// An agent or mission, as the holder of rules.
struct Owner<'a> {
    grants: &'a [RuleId],
    denies: &'a [RuleId],
    ceiling: Option<EffectSet>,
    agent: Option<&'a Agent>,
}

impl Owner<'_> {
    fn warn(&self, policy: &Policy, diagnostics: &mut Diagnostics) {
        let denied: HashSet<ActionId> = rules(policy, self.denies)
            .filter(|deny| deny.when.is_none())
            .flat_map(|deny| deny.actions.iter().copied())
            .collect();
        let mut said: HashSet<Span> = HashSet::new();
        for grant in rules(policy, self.grants) {
            let why = self.unused(grant, policy, &denied);
            if let Some((message, help)) = why
                && said.insert(grant.span)
            {
                diagnostics.push(Diagnostic::new(Code::UnusedGrant, grant.span, message).help(help));
            }
        }
        shadowed(policy, self.grants, &mut said, diagnostics);
        shadowed(policy, self.denies, &mut said, diagnostics);
    }

    /// Why no chain can use a grant.
    fn unused(
        &self,
        grant: &Rule,
        policy: &Policy,
        denied: &HashSet<ActionId>,
    ) -> Option<(&'static str, &'static str)> {
        if grant.actions.is_empty() {
            return None;
        }
        if grant.actions.iter().all(|action| denied.contains(action)) {
            return Some(("an unconditional deny of the same owner covers this grant", "remove one of them"));
        }
        if let Some(ceiling) = self.ceiling
            && grant.actions.iter().all(|action| effects(policy, *action).0 & !ceiling.0 != 0)
        {
            return Some((
                "the effect ceiling excludes every action of this grant",
                "raise `effects.ceiling`, or remove the grant",
            ));
        }
        let agent = self.agent?;
        if grant.reach.direct {
            return None;
        }
        let usable = match (&grant.reach.through, delegates(agent)) {
            (Through::Nobody, _) | (_, Some([])) => false,
            (Through::Anyone, _) | (Through::Agents(_), None) => true,
            (Through::Agents(through), Some(to)) => through.iter().any(|agent| to.contains(agent)),
        };
        (!usable).then_some((
            "no chain can use this grant: its owner does not delegate to the agents that it must go through",
            "name one of them in `delegates.to`, or allow direct use by `direct: true`",
        ))
    }
}

/// Whom an agent hands work to; none: anyone.
fn delegates(agent: &Agent) -> Option<&[AgentId]> {
    if agent.delegates.max_depth == Some(0) {
        return Some(&[]);
    }
    agent.delegates.to.as_deref()
}

fn effects(policy: &Policy, action: ActionId) -> EffectSet {
    let service = usize::try_from(action.service.0).ok().and_then(|index| policy.services.get(index));
    let action = service.and_then(|service| service.actions.get(usize::try_from(action.index).ok()?));
    action.map_or(EffectSet(0), |action| action.effects)
}

fn rules<'a>(policy: &'a Policy, ids: &'a [RuleId]) -> impl Iterator<Item = &'a Rule> {
    ids.iter().filter_map(|id| policy.rules.get(usize::try_from(id.0).ok()?))
}

/// Warns of rules whose every action an earlier rule without a condition covers, of as wide a reach.
fn shadowed(policy: &Policy, ids: &[RuleId], said: &mut HashSet<Span>, diagnostics: &mut Diagnostics) {
    const FULL: Reach = Reach { direct: true, through: Through::Anyone };
    let mut full: HashMap<ActionId, Span> = HashMap::new();
    let mut partial: Vec<(&Reach, HashMap<ActionId, Span>)> = Vec::new();
    for rule in rules(policy, ids) {
        let covers = |map: &HashMap<ActionId, Span>| {
            let first = rule.actions.first().and_then(|action| map.get(action)).copied();
            first.filter(|span| {
                *span != rule.span && rule.actions.iter().all(|action| map.contains_key(action))
            })
        };
        let same = partial.iter().find(|(reach, _)| **reach == rule.reach).and_then(|(_, map)| covers(map));
        if let Some(earlier) = covers(&full).or(same) {
            if said.insert(rule.span) {
                diagnostics.push(
                    Diagnostic::new(Code::Shadowed, rule.span, "an earlier rule covers all of this one")
                        .also(earlier, "this one")
                        .help("remove one of them"),
                );
            }
            continue;
        }
        if rule.when.is_some() {
            continue;
        }
        let entries = rule.actions.iter().map(|action| (*action, rule.span));
        if rule.reach == FULL {
            full.extend(entries);
        } else if let Some((_, map)) = partial.iter_mut().find(|(reach, _)| **reach == rule.reach) {
            map.extend(entries);
        } else {
            partial.push((&rule.reach, entries.collect()));
        }
    }
}
