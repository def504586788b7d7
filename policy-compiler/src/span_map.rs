//! The span map beside a blob: from its rule numbers to places in the policy text, so that a decision record of March
//! still names a file and a line.

use serde_json::{Value, json};

use crate::compile::Compiled;
use crate::egress;
use crate::ir::{Effect, Owner, RuleOrigin};
use crate::model::{ActionId, Policy};
use crate::source::{Sources, Span};

/// The version of the map's form.
pub const VERSION: u32 = 1;

/// The span map of a blob, as JSON that ends in a line feed.
///
/// `rules[n]` is what the blob numbers `n`: who holds it (`agent` or `mission`), its `effect` (`grant` or `deny`), the
/// `file` and the first `line`, from 1, and a number for its `actions`; `actions[m]` are those, as `SERVICE/ACTION`.
/// `digest` is that of the policy source, which the blob states too: a map belongs to the blobs of its digest.
#[must_use]
pub fn span_map(policy: &Policy, sources: &Sources, compiled: &Compiled, digest: &[u8; 32]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let rules: Vec<Value> = compiled.rules.iter().map(|origin| rule(policy, sources, origin)).collect();
    let actions: Vec<Vec<String>> = compiled.columns.iter().map(|column| names(policy, column)).collect();
    let mut text =
        json!({ "version": VERSION, "digest": hex, "actions": actions, "rules": rules }).to_string();
    text.push('\n');
    text
}

fn rule(policy: &Policy, sources: &Sources, origin: &RuleOrigin) -> Value {
    let (kind, name, list) = match origin.owner {
        Owner::Agent(id) => {
            let agent = nth(&policy.agents, id.0);
            let list = agent.and_then(|agent| agent.egress.as_ref());
            ("agent", agent.map(|agent| &agent.name), list.map(|list| list.span))
        }
        Owner::Mission(id) => {
            let mission = nth(&policy.missions, id.0);
            let list = mission.and_then(|mission| mission.egress.as_ref());
            ("mission", mission.map(|mission| &mission.name), list.map(|list| list.span))
        }
    };
    // What the policy does not have was made of a list of destinations.
    let made = || policy.mesh.egress.span.filter(|_| origin.effect == Effect::Deny).or(list);
    let span = nth(&policy.rules, origin.rule.0).map(|rule| rule.span).or_else(made).unwrap_or_default();
    let (file, line) = place(sources, span);
    let effect = match origin.effect {
        Effect::Grant => "grant",
        Effect::Deny => "deny",
    };
    json!({ kind: name, "effect": effect, "file": file, "line": line, "actions": origin.column })
}

fn names(policy: &Policy, column: &[ActionId]) -> Vec<String> {
    let name = |id: &ActionId| {
        let Some(service) = nth(&policy.services, id.service.0) else {
            return Some(format!("{}/{}", egress::SERVICE, egress::HTTP_KEY));
        };
        Some(format!("{}/{}", service.name, nth(&service.actions, id.index)?.name))
    };
    column.iter().filter_map(name).collect()
}

fn nth<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}

fn place(sources: &Sources, span: Span) -> (String, u32) {
    sources
        .file(span.file)
        .map_or_else(Default::default, |file| (file.name().to_owned(), file.place(span.start).line))
}
