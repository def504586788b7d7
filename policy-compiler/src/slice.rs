//! The part of a policy that one workload can need, as a policy of its own.
//!
//! It keeps the services of the workload, the rules that cover their actions, the missions, and the agents that hold
//! such a grant: no one else can be in a lineage that passes here. Of the others it keeps, for the sake of a telling
//! code, all if the mesh has no more than [`MAX_BYSTANDERS`] agents, and in any case the revoked. It must keep those
//! with a mode of their own, and those that take a principal away from an agent that it keeps, because dropping them
//! would hand it over. Agents and missions that are left out are unknown to the workload: other codes, the same denies.

mod bystanders;
mod condition;

use std::collections::HashMap;

use crate::model::{
    Action, ActionId, Agent, AgentId, Delegates, Mission, MissionId, Outbound, Policy, Reach, Rule, RuleId,
    ServiceId, Through, Workload,
};

/// The most agents of a mesh of which each slice keeps also those that hold nothing there.
pub const MAX_BYSTANDERS: usize = 1_000;

/// What one workload can need of a policy.
#[derive(Clone, Debug)]
pub struct Slice {
    /// A policy of its own, with identifiers of its own.
    pub policy: Policy,
    /// The workload.
    pub workload: Workload,
    /// Which service of the whole policy each service is.
    pub services: Vec<ServiceId>,
    /// Which rule of the whole policy each rule is.
    pub rules: Vec<RuleId>,
    /// Which agent of the whole policy each agent is.
    pub agents: Vec<AgentId>,
    /// Which mission of the whole policy each mission is.
    pub missions: Vec<MissionId>,
}

/// From identifiers of the whole policy to those of the slice. What is not here is not in the slice.
#[derive(Default)]
struct Renaming {
    services: HashMap<ServiceId, ServiceId>,
    agents: HashMap<AgentId, AgentId>,
    missions: HashMap<MissionId, MissionId>,
    rules: HashMap<RuleId, RuleId>,
}

/// The slice of `policy` for `workload`. If there are no more than `max_bystanders` agents, none are left out.
#[must_use]
pub fn slice(policy: &Policy, workload: &Workload, max_bystanders: usize) -> Slice {
    let mut renaming = Renaming::default();
    let services: Vec<ServiceId> = ids(&policy.services, ServiceId)
        .filter(|(_, service)| service.workload == *workload)
        .map(|(id, _)| id)
        .collect();
    renaming.services = services.iter().copied().zip((0..).map(ServiceId)).collect();
    // Actions that are left of each rule, for rules that keep any.
    let actions: HashMap<RuleId, Vec<ActionId>> =
        ids(&policy.rules, RuleId).filter_map(|(id, rule)| Some((id, renaming.actions(rule)?))).collect();
    let all_fit = policy.agents.len() <= max_bystanders;
    let agents = bystanders::kept_agents(policy, all_fit, |rule| actions.contains_key(rule));
    renaming.agents = agents.iter().copied().zip((0..).map(AgentId)).collect();
    let missions: Vec<MissionId> = ids(&policy.missions, MissionId)
        .filter(|(_, mission)| all_fit || mission.grants.iter().any(|rule| actions.contains_key(rule)))
        .map(|(id, _)| id)
        .collect();
    renaming.missions = missions.iter().copied().zip((0..).map(MissionId)).collect();

    let mut rules = owned_rules(policy, &agents, &missions);
    rules.retain(|rule| actions.contains_key(rule));
    renaming.rules = rules.iter().copied().zip((0..).map(RuleId)).collect();
    let policy = Policy {
        mesh: policy.mesh.clone(),
        services: services.iter().filter_map(|id| nth(&policy.services, id.0)).cloned().collect(),
        agents: agents
            .iter()
            .filter_map(|id| nth(&policy.agents, id.0))
            .map(|agent| renaming.agent(agent))
            .collect(),
        missions: missions
            .iter()
            .filter_map(|id| nth(&policy.missions, id.0))
            .map(|mission| renaming.mission(mission))
            .collect(),
        rules: rules
            .iter()
            .filter_map(|id| Some(renaming.rule(nth(&policy.rules, id.0)?, actions.get(id)?)))
            .collect(),
        effects: policy.effects.clone(),
    };
    Slice { policy, workload: workload.clone(), services, rules, agents, missions }
}

fn ids<T, I>(items: &[T], id: impl Fn(u32) -> I) -> impl Iterator<Item = (I, &T)> {
    (0..).map(id).zip(items)
}

fn nth<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}

/// The rules of the kept agents and missions, in source order.
fn owned_rules(policy: &Policy, agents: &[AgentId], missions: &[MissionId]) -> Vec<RuleId> {
    let agents = agents.iter().filter_map(|id| nth(&policy.agents, id.0));
    let missions = missions.iter().filter_map(|id| nth(&policy.missions, id.0));
    let mut rules: Vec<RuleId> = agents
        .flat_map(|agent| agent.grants.iter().chain(&agent.denies))
        .chain(missions.flat_map(|mission| mission.grants.iter().chain(&mission.denies)))
        .copied()
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

impl Renaming {
    /// The actions of the slice that a rule covers; `None` if it covers none.
    fn actions(&self, rule: &Rule) -> Option<Vec<ActionId>> {
        let mut left: Vec<ActionId> = Vec::new();
        for (old, new) in &self.services {
            let start = rule.actions.partition_point(|action| action.service < *old);
            let covered = rule.actions.iter().skip(start).take_while(|action| action.service == *old);
            left.extend(covered.map(|action| ActionId { service: *new, index: action.index }));
        }
        left.sort_unstable();
        if left.is_empty() { None } else { Some(left) }
    }

    fn agent(&self, agent: &Agent) -> Agent {
        Agent {
            missions: agent.missions.as_ref().map(|missions| self.some_missions(missions)),
            grants: self.some_rules(&agent.grants),
            denies: self.some_rules(&agent.denies),
            delegates: Delegates {
                to: agent.delegates.to.as_ref().map(|to| self.some_agents(to)),
                max_depth: agent.delegates.max_depth,
            },
            // What it names is not of the slice, and no blob has it.
            outbound: Outbound::default(),
            egress: None,
            ..agent.clone()
        }
    }

    fn mission(&self, mission: &Mission) -> Mission {
        Mission {
            grants: self.some_rules(&mission.grants),
            denies: self.some_rules(&mission.denies),
            egress: None,
            ..mission.clone()
        }
    }

    fn rule(&self, rule: &Rule, actions: &[ActionId]) -> Rule {
        let through = match &rule.reach.through {
            Through::Agents(agents) => Through::Agents(self.some_agents(agents)),
            other => other.clone(),
        };
        Rule {
            actions: actions.to_vec(),
            when: rule.when.as_ref().map(|when| self.condition(when)),
            reach: Reach { direct: rule.reach.direct, through },
            span: rule.span,
        }
    }

    fn some_agents(&self, agents: &[AgentId]) -> Vec<AgentId> {
        agents.iter().filter_map(|agent| self.agents.get(agent).copied()).collect()
    }

    fn some_missions(&self, missions: &[MissionId]) -> Vec<MissionId> {
        missions.iter().filter_map(|mission| self.missions.get(mission).copied()).collect()
    }

    fn some_rules(&self, rules: &[RuleId]) -> Vec<RuleId> {
        rules.iter().filter_map(|rule| self.rules.get(rule).copied()).collect()
    }
}

/// A listing: what is in the slice, and how much was left out.
impl core::fmt::Display for Slice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Workload { namespace, service_account } = &self.workload;
        writeln!(f, "workload {namespace}/{service_account}")?;
        for service in &self.policy.services {
            writeln!(f, "service {} {:?} {} actions", service.name, service.protocol, service.actions.len())?;
            for Action { name, effects, selector, arguments, .. } in &service.actions {
                write!(f, "  {name} effects {:#x} {selector:?}", effects.0)?;
                if let Some(arguments) = arguments {
                    write!(f, " arguments {arguments:?}")?;
                }
                writeln!(f)?;
            }
        }
        for agent in &self.policy.agents {
            writeln!(f, "agent {} {} grants {} denies", agent.name, agent.grants.len(), agent.denies.len())?;
        }
        for mission in &self.policy.missions {
            writeln!(
                f,
                "mission {} {} grants {} denies",
                mission.name,
                mission.grants.len(),
                mission.denies.len()
            )?;
        }
        for (rule, origin) in self.policy.rules.iter().zip(&self.rules) {
            writeln!(f, "rule {} covers {} actions, when {:?}", origin.0, rule.actions.len(), rule.when)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
