//! Policies of a size: services with 40 actions, agents with ten grants each.
//!
//! The first 16 agents hold actions 0 to 9, so that any of them may ask for any of those on behalf of any other; all
//! others hold ten that begin elsewhere.

use std::fmt::Write as _;

use ambit_compiler::compile::Options;
use serde_json::{Value, json};

use crate::policy_directory::{LineageSettings, compile_text, inbound_config};

/// Actions of each service.
const ACTIONS: usize = 40;
/// Grants of each agent.
const GRANTS: usize = 10;
/// Agents that hold the first actions.
const CHAIN: usize = 16;

/// The principal of an agent.
pub(super) fn principal(agent: usize) -> String {
    format!("spiffe://cluster.local/ns/team-{}/sa/agent-{agent}", agent % 20)
}

/// The path of an action of the HTTP service.
pub(super) fn path(action: usize) -> String {
    format!("/tables/orders/kind-{action}/7")
}

/// The value of the lineage header of a request behind which stand this many agents, the caller not counted.
pub(super) fn lineage(members: usize) -> String {
    let members: Vec<String> = (0..members).map(|agent| format!("\"{}\"", principal(agent))).collect();
    format!("v=1, root=\"4bf92f3577b34da6\", via=({})", members.join(" "))
}

/// The policy text of an HTTP service.
pub(super) fn http(agents: usize) -> String {
    let action = |action: usize| {
        format!(
            "    - {{name: act-{action}, methods: [GET], path: '/tables/{{table}}/kind-{action}/{{id}}'}}\n"
        )
    };
    text("http", agents, action, "")
}

/// The policy text of an MCP service, whose grants ask for an argument, and whose tools everyone may list.
pub(super) fn mcp(agents: usize) -> String {
    let action = |action: usize| format!("    - {{tool: act-{action}}}\n");
    let text = text("mcp", agents, action, "\n      when: args.limit <= 100");
    let text = text.replace("  actions:\n", "  actions:\n    - {method: tools/list}\n");
    text.replace("  grants:\n", "  grants:\n    - actions: [orders-db/tools.list]\n")
}

fn text(protocol: &str, agents: usize, action: impl Fn(usize) -> String, when: &str) -> String {
    let mut text = format!(
        "apiVersion: ambit.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: bench}}\nspec: {{maxDepth: 16}}\n---\n\
         apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: orders-db}}\nspec:\n  \
         workload: {{namespace: data, serviceAccount: orders-db}}\n  protocol: {protocol}\n  actions:\n"
    );
    (0..ACTIONS).for_each(|number| text.push_str(&action(number)));
    for agent in 0..agents {
        let held: Vec<String> = held(agent).map(|action| format!("orders-db/act-{action}")).collect();
        let _ = write!(
            text,
            "---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: agent-{agent}}}\nspec:\n  \
             identity: [{{namespace: team-{}, serviceAccount: agent-{agent}}}]\n  originates: true\n  \
             delegates: {{to: [\"*\"]}}\n  grants:\n    - actions: [{}]{when}\n",
            agent % 20,
            held.join(", "),
        );
    }
    text
}

/// What each agent holds, for engines that take it as data: `grants[principal][action]`.
pub(super) fn grants(agents: usize) -> Value {
    let grants = (0..agents).map(|agent| {
        let held = held(agent).map(|action| (format!("act-{action}"), json!(true)));
        (principal(agent), Value::Object(held.collect()))
    });
    json!({"grants": Value::Object(grants.collect())})
}

/// The actions that an agent holds.
fn held(agent: usize) -> impl Iterator<Item = usize> {
    let first = if agent < CHAIN { 0 } else { agent % ACTIONS };
    (first..first + GRANTS).map(|action| action % ACTIONS)
}

/// The inbound configuration that a policy text comes to.
pub(super) fn config(text: &str) -> Result<String, String> {
    config_with(text, None)
}

/// The same, with lineage kept.
pub(super) fn config_with(text: &str, lineage: Option<&LineageSettings>) -> Result<String, String> {
    let blobs = compile_text(text, &Options::default())?;
    Ok(inbound_config(blobs.get("orders-db").ok_or("the policy has no `orders-db`")?, lineage))
}
