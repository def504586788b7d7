//! What an agent's own sidecar must know to stamp and to count the agent's calls.
//!
//! It is no part of a blob: a blob says who may call its workload, and this is about what an agent's workload calls. It
//! is the policy's part of the member `lineage` in the plugin configurations of the agent's pods, of both roles;
//! whoever renders them adds what policy does not say, such as the secret.

use serde_json::{Map, Value, json};

use crate::model::{Agent, Budget, Mode, Policy};

/// The policy's part of `lineage`, for the pods of `agent`. What is as the filter has it by default is left out.
#[must_use]
pub fn lineage(policy: &Policy, agent: &Agent) -> Map<String, Value> {
    let own = &agent.outbound;
    let mut settings = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    };
    let mission = own.mission.and_then(|id| policy.missions.get(usize::try_from(id.0).ok()?));
    let missions = policy.missions.iter().zip(0_u32..).filter(|(_, number)| {
        agent.missions.as_ref().is_none_or(|allowed| allowed.iter().any(|id| id.0 == *number))
    });
    let budgets: Vec<String> = budget(None, own.budget)
        .into_iter()
        .chain(missions.filter_map(|(mission, _)| budget(Some(&mission.name), mission.budget)))
        .collect();
    let is_shadow = agent.mode.unwrap_or(policy.mesh.mode) == Mode::Shadow;
    set("strict", own.strict.then_some(json!(true)));
    set("windowMs", own.window_ms.map(|window_ms| json!(window_ms)));
    set("mission", mission.map(|mission| json!(mission.name)));
    set("shadow", (is_shadow && !budgets.is_empty()).then_some(json!(true)));
    set("budgets", (!budgets.is_empty()).then_some(json!(budgets)));
    settings
}

/// A budget as the filter reads it; `None` if it allows any number of calls.
fn budget(mission: Option<&str>, budget: Budget) -> Option<String> {
    if budget == Budget::default() {
        return None;
    }
    let parts = [
        mission.map(|name| format!("mission={name}")),
        budget.per_root.map(|calls| format!("root={calls}")),
        budget.rate.map(|rate| format!("window={}/{}", rate.calls, rate.window_ms)),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}
