//! Policies that requests are judged by.

use std::sync::OnceLock;

use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::source::Sources;
use ambit_filter::policy::Policy;

/// The agent that calls.
pub(crate) const CALLER: &[u8] = b"spiffe://cluster.local/ns/n/sa/a";
/// Another agent, with fewer grants.
pub(crate) const OTHER: &str = "spiffe://cluster.local/ns/n/sa/b";

const PROTOCOLS: [(&str, &str, &str); 4] = [
    (
        "mcp",
        "{tool: query}, {tool: list}, {tool: drop}, {prompt: p}, {name: file.read, resource: 'file:///*'}, {method: tools/list}, {method: response}",
        "
    - {actions: [s/list, s/tools.list, s/file.read, s/p]}
    - {actions: [s/query], when: 'args.table in [\"orders\"] && args.rows.all(r, r.n < 5) && request.headers[\"x-t\"] != \"no\"'}
    - {actions: [s/drop], when: 'chain.depth < 3'}",
    ),
    (
        "a2a",
        "{method: message.send}, {method: tasks.get}, {method: push.create}",
        "
    - {actions: [s/tasks.get]}
    - {actions: [s/message.send], when: 'args.amount <= 50 && args.items.all(i, i.price <= 9)'}",
    ),
    (
        "http",
        "{name: refund, methods: [POST], path: /refund}, {name: row, path: '/rows/{id}'}",
        "
    - {actions: [s/refund], when: 'args.amount <= 50 && \"x\" in args.tags'}
    - {actions: [s/row], when: 'path.id.matches(\"[a-c]+\") && request.query[\"q\"] == \"a b\"'}",
    ),
    ("grpc", "{name: get, method: shop.Orders/Get}", "\n    - {actions: [s/get]}"),
];

/// Policies of one service each, by protocol: MCP, A2A, HTTP, gRPC.
pub(crate) fn all() -> &'static [Policy] {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    POLICIES.get_or_init(|| {
        PROTOCOLS.iter().map(|(protocol, actions, grants)| policy(protocol, actions, grants)).collect()
    })
}

fn policy(protocol: &str, actions: &str, grants: &str) -> Policy {
    let text = format!(
        "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {{name: s}}
spec: {{workload: {{namespace: n, serviceAccount: s}}, protocol: {protocol}, actions: [{actions}]}}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: a}}
spec:
  identity: [{{namespace: n, serviceAccount: a}}]
  originates: true
  grants:{grants}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: b}}
spec:
  identity: [{{namespace: n, serviceAccount: b}}]
  originates: true
  grants: [{{actions: ['s/*']}}]
"
    );
    let sources = Sources::single("policy.yaml", text);
    let checked = check(&sources);
    let policy =
        checked.policy.unwrap_or_else(|| panic!("{}", render(&checked.diagnostics, &sources, Format::Short)));
    let compiled = compile(&policy, &policy.services[0].workload, &Options::default()).expect("it compiles");
    Policy::load(compiled.blob).expect("it loads")
}
