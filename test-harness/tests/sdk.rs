//! The official SDKs of MCP and A2A, unmodified, as clients and servers on both sides of real Envoys.
//!
//! A client sees what is denied as the error of one call, which says why, and its session goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ambit_compiler::compile::Options;
use ambit_harness::artifact;
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, WorkloadSpec};
use ambit_harness::policy_directory::compile_text;
use ambit_harness::sdk::{Environment, Server};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

fn environment(name: &str) -> Environment {
    Environment::install(&file(&format!("{name}.txt")), &|line| eprintln!("{line}")).unwrap()
}

/// A mesh of one agent and one server of an SDK, whose sidecar has the policy.
fn mesh(name: &str, called: &str, policy: &str, app: SocketAddr) -> Mesh {
    let blobs = compile_text(policy, &Options::default()).unwrap();
    let filter = Filter {
        module: artifact::filter(&|line| eprintln!("{line}")).unwrap(),
        root_id: "ambit".to_owned(),
        config: Some(json!({"policy": STANDARD.encode(&blobs[called])}).to_string()),
    };
    let spiffe = format!("spiffe://cluster.local/ns/data/sa/{called}");
    Mesh::builder(name)
        .workload(WorkloadSpec::new(called, &spiffe).external_app(app).filter(Direction::Inbound, filter))
        .workload(WorkloadSpec::new("support", SUPPORT))
        .start()
        .unwrap()
}

/// What a step comes to.
enum Expected {
    /// The SDK returns this.
    Ok(Value),
    /// The SDK raises an error that says this.
    Denied(&'static str),
}
use Expected::{Denied, Ok as Allowed};

/// Plays steps with a client, and compares what comes of each and what reaches the server.
fn play(
    what: &str,
    client: &Environment,
    (script, arguments): (&str, &[&str]),
    mesh: &Mesh,
    server: &Server,
    steps: &[(Value, Expected, Option<Value>)],
) -> Vec<Value> {
    let sidecar = mesh.workload("support").outbound();
    let sent: Vec<Value> = steps.iter().map(|(step, ..)| step.clone()).collect();
    let outcomes = client.run_client(&file(script), arguments, sidecar, &sent).unwrap();
    assert_eq!(outcomes.len(), steps.len() + 2, "{what}: {outcomes:#?}");
    for ((step, expected, _), outcome) in steps.iter().zip(&outcomes[1..]) {
        match expected {
            Allowed(value) => assert_eq!(outcome["ok"], *value, "{what}: {step}: {outcome}"),
            Denied(code) => {
                let message = outcome["error"]["message"].as_str().unwrap_or_default();
                assert!(message.contains(code), "{what}: {step}: {outcome}");
                assert!(message.contains("decision "), "{what}: {step}: {outcome}");
                assert!(!outcome.to_string().contains("spiffe:"), "{what}: {step}: {outcome}");
            }
        }
    }
    assert_eq!(outcomes.last(), Some(&json!({"closed": true})), "{what}");
    let reached: Vec<Value> = steps.iter().filter_map(|(.., reached)| reached.clone()).collect();
    assert_eq!(server.said(), reached, "{what}");
    outcomes
}

const TOOLS: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: tools}
spec:
  workload: {namespace: data, serviceAccount: tools}
  protocol: mcp
  actions:
    - {tool: query, effects: [read]}
    - {tool: drop, effects: [irreversible]}
    - {tool: countdown}
    - {name: guide, resource: 'docs://guide'}
    - {name: secret, resource: 'docs://secret'}
    - {name: rows, resource: 'rows://orders/*'}
    - {prompt: greet}
    - {prompt: scold}
    - {method: initialize}
    - {method: server/discover}
    - {method: notifications/initialized}
    - {method: tools/list}
    - {method: prompts/list}
    - {method: resources/list}
    - {method: resources/templates/list}
    - {method: stream}
    - {method: session.delete}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: support}
spec:
  identity: [{namespace: support, serviceAccount: support-agent}]
  originates: true
  grants:
    - actions:
        - tools/initialize
        - tools/server.discover
        - tools/notifications.initialized
        - tools/tools.list
        - tools/prompts.list
        - tools/resources.list
        - tools/resources.templates.list
        - tools/rows
        - tools/stream
        - tools/session.delete
        - tools/countdown
        - tools/guide
    - actions: [tools/query]
      when: args.table in ['orders', 'shipments']
    - actions: [tools/greet]
      when: args.name == 'Ada'
";

#[test]
fn mcp() {
    for (server, clients) in [
        (
            "mcp-2",
            [("mcp-2", "auto", "2026-07-28"), ("mcp-2", "legacy", "2025-11-25"), ("mcp-1", "", "2025-11-25")],
        ),
        (
            "mcp-1",
            [("mcp-2", "auto", "2025-11-25"), ("mcp-2", "legacy", "2025-11-25"), ("mcp-1", "", "2025-11-25")],
        ),
    ] {
        for arguments in [&[][..], &["json"]] {
            let running = environment(server).serve(&file("mcp_server.py"), arguments).unwrap();
            let mesh = mesh(&format!("sdk-{server}"), "tools", TOOLS, running.address());
            for (client, mode, version) in clients {
                let what = format!("client {client} {mode}, server {server} {arguments:?}");
                let called = |name: &str, arguments: Value| json!(["call", name, arguments]);
                let text = |text: &str| json!({"text": text, "progress": []});
                let orders = json!({"kind": "query", "table": "orders", "limit": 10});
                let progress: Value = match arguments {
                    // Such a server answers with one JSON document, which has no room for progress.
                    ["json"] => json!([]),
                    _ => json!([[1.0, 2.0], [2.0, 2.0]]),
                };
                let steps = [
                    // Each list has only what some call of it could be granted.
                    (json!(["tools"]), Allowed(json!(["query", "countdown"])), None),
                    (json!(["prompts"]), Allowed(json!(["greet"])), None),
                    (json!(["resources"]), Allowed(json!(["docs://guide"])), None),
                    (json!(["templates"]), Allowed(json!(["rows://{table}/{row}"])), None),
                    (
                        json!(["read", "rows://orders/7"]),
                        Allowed(json!("orders 7")),
                        Some(json!({"kind": "row", "table": "orders", "row": "7"})),
                    ),
                    (json!(["read", "rows://users/7"]), Denied("action-unknown"), None),
                    (
                        called("query", json!({"table": "orders"})),
                        Allowed(text("10 rows of orders")),
                        Some(orders),
                    ),
                    (called("query", json!({"table": "users"})), Denied("condition-not-met"), None),
                    (called("query", json!({"table": "orders\u{0}"})), Denied("json-nul-character"), None),
                    (called("drop", json!({"table": "orders"})), Denied("not-granted"), None),
                    (called("unheard-of", json!({})), Denied("action-unknown"), None),
                    (
                        called("countdown", json!({"steps": 2})),
                        Allowed(json!({"text": "done", "progress": progress})),
                        Some(json!({"kind": "countdown", "steps": 2})),
                    ),
                    (
                        json!(["read", "docs://guide"]),
                        Allowed(json!("read this first")),
                        Some(json!({"kind": "guide"})),
                    ),
                    (json!(["read", "docs://secret"]), Denied("not-granted"), None),
                    (
                        json!(["prompt", "greet", {"name": "Ada"}]),
                        Allowed(json!("Greet Ada.")),
                        Some(json!({"kind": "greet", "name": "Ada"})),
                    ),
                    (json!(["prompt", "greet", {"name": "Bob"}]), Denied("condition-not-met"), None),
                    (
                        called("query", json!({"table": "shipments", "limit": 2})),
                        Allowed(text("2 rows of shipments")),
                        Some(json!({"kind": "query", "table": "shipments", "limit": 2})),
                    ),
                ];
                let client = environment(client);
                let script = ("mcp_client.py", &["http://tools.local/mcp", mode][..]);
                let outcomes = play(&what, &client, script, &mesh, &running, &steps);
                assert_eq!(outcomes[0]["connected"], version, "{what}");
            }
        }
    }
}

const AGENT: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: agent}
spec:
  workload: {namespace: data, serviceAccount: agent}
  protocol: a2a
  actions:
    - {method: card.get}
    - {method: message.send, effects: [money]}
    - {method: message.stream, effects: [money]}
    - {method: tasks.get}
    - {method: push.create}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: support}
spec:
  identity: [{namespace: support, serviceAccount: support-agent}]
  originates: true
  grants:
    - actions: [agent/card.get, agent/tasks.get]
    - actions: [agent/message.send, agent/message.stream]
      when: args.amount <= 50 && args.items.all(item, item.price < 10)
";

#[test]
fn a2a() {
    for (server, clients) in [
        ("a2a-1", &[("a2a-1", "JSONRPC"), ("a2a-1", "HTTP+JSON"), ("a2a-0.3", "JSONRPC")][..]),
        ("a2a-0.3", &[("a2a-1", "JSONRPC"), ("a2a-0.3", "JSONRPC")][..]),
    ] {
        let running = environment(server).serve(&file("a2a_server.py"), &[]).unwrap();
        let mesh = mesh(&format!("sdk-{server}"), "agent", AGENT, running.address());
        for (client, binding) in clients {
            let what = format!("client {client} {binding}, server {server}");
            let good = json!({"amount": 50, "items": [{"price": 1}, {"price": 2}]});
            let is_1 = *client == "a2a-1";
            let sent = if is_1 { json!(["task"]) } else { json!(["Task"]) };
            let streamed = if is_1 {
                json!(["task", "status_update", "artifact_update", "status_update"])
            } else {
                json!(["Task", "TaskStatusUpdateEvent", "TaskArtifactUpdateEvent", "TaskStatusUpdateEvent"])
            };
            let done = if is_1 { "TASK_STATE_COMPLETED" } else { "completed" };
            // How the server reads the message shows that it reads what was judged.
            let reached = |parts: &[&Value]| {
                let part = |data: &&Value| match server {
                    "a2a-1" => json!({"data": float(data)}),
                    _ if is_1 => json!({"data": float(data), "kind": "data"}),
                    _ => json!({"data": data, "kind": "data"}),
                };
                Some(json!({"kind": "message", "parts": parts.iter().map(part).collect::<Vec<_>>()}))
            };
            let note = json!({"note": "x"});
            let refused = |kind: &str, data: &[Value]| {
                let step: Vec<Value> = std::iter::once(json!(kind)).chain(data.iter().cloned()).collect();
                (json!(step), Denied("condition-not-met"), None)
            };
            let steps = [
                (json!(["send", good]), Allowed(sent.clone()), reached(&[&good])),
                refused("send", &[json!({"amount": 51, "items": []})]),
                refused("send", &[json!({"amount": 1, "items": [{"price": 1}, {"price": 10}]})]),
                refused("send", &[json!({"amount": 1})]),
                refused("send", &[good.clone(), json!({"amount": 1})]),
                (json!(["stream", note, good]), Allowed(streamed.clone()), reached(&[&note, &good])),
                refused("stream", &[json!({"amount": 51, "items": []})]),
                (json!(["push", good, "http://hooks.example/x"]), Denied("not-granted"), None),
                (json!(["get"]), Allowed(json!(done)), None),
                (json!(["send", good]), Allowed(sent.clone()), reached(&[&good])),
            ];
            let client = environment(client);
            play(
                &what,
                &client,
                ("a2a_client.py", &["http://agent.local", binding]),
                &mesh,
                &running,
                &steps,
            );
        }
    }
}

/// The same JSON with every number as Protobuf's `Value` has it.
fn float(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(float).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), float(value))).collect(),
        other => other.clone(),
    }
}
