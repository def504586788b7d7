//! The graph as Graphviz reads it.

use std::collections::BTreeMap;

use crate::reach::{Path, Reach};

pub(super) fn render(reach: &Reach<'_>, paths: &[&Path]) -> String {
    let mut text =
        String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for agent in &reach.policy.agents {
        let style = if agent.originates { ", style=bold" } else { "" };
        text.push_str(&format!("  {} [shape=ellipse{style}];\n", quoted(&agent.name)));
    }
    for (from, calls) in reach.calls.iter().enumerate() {
        for call in calls {
            text.push_str(&format!("  {} -> {};\n", quoted(reach.agent(from)), quoted(reach.agent(call.to))));
        }
    }
    // Actions at the end of a way, and in red where someone before the caller may not cause them.
    let mut edges: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    for path in paths {
        *edges.entry((path.caller(), path.action)).or_default() |= path.is_escalation();
    }
    for ((caller, action), is_escalation) in edges {
        let colour = if is_escalation { " [color=red]" } else { "" };
        text.push_str(&format!(
            "  {} -> {}{colour};\n",
            quoted(reach.agent(caller)),
            quoted(reach.action(action))
        ));
    }
    text.push_str("}\n");
    text
}

/// A name as Graphviz takes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
