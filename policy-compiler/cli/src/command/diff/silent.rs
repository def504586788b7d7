//! What no request to a service shows: compared as it is written, or as it is compiled.

use std::collections::BTreeSet;

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::egress;
use ambit_compiler::model::{Agent, Policy, Workload};

use crate::policy::written;

/// A sentence for each difference that the search for witnesses does not look at.
pub(super) fn compare(old: &Policy, new: &Policy, options: &Options) -> Vec<String> {
    let mut silent = Vec::new();
    let named = |policy: &Policy| -> BTreeSet<Workload> { egress::workloads(policy).into_iter().collect() };
    for workload in named(old).union(&named(new)) {
        let blob = |policy: &Policy| {
            let outside = egress::policy(policy, workload)?;
            Some(compile(&outside, workload, options).map(|compiled| compiled.blob).ok())
        };
        let said = match (blob(old), blob(new)) {
            (old, new) if old == new => continue,
            (_, None) => "may call anything outside the mesh, and was bounded",
            (None, _) => "is bounded in what it may call outside the mesh, and was not",
            _ => "may call other things outside the mesh",
        };
        silent.push(format!("`{}` {said}", written(workload)));
    }
    // Budgets and missions by name: ids are those of each policy.
    let outbound = |policy: &Policy, agent: &Agent| {
        let mission = agent.outbound.mission.and_then(|id| policy.missions.get(usize::try_from(id.0).ok()?));
        let mission = mission.map(|mission| mission.name.clone());
        (agent.outbound.strict, agent.outbound.window_ms, agent.outbound.budget, mission)
    };
    for agent in &new.agents {
        let former = old.agents.iter().find(|former| former.name == agent.name);
        if former.is_some_and(|former| outbound(old, former) != outbound(new, agent)) {
            silent
                .push(format!("the budget or the lineage settings of the agent `{}` are others", agent.name));
        }
    }
    for mission in &new.missions {
        let former = old.missions.iter().find(|former| former.name == mission.name);
        if former.is_some_and(|former| former.budget != mission.budget) {
            silent.push(format!("the budget of the mission `{}` is another", mission.name));
        }
    }
    silent
}
