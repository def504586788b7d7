//! `LANGUAGE.md` says what the check knows, and its examples are true.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod decide;

use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::check::condition::{FUNCTIONS, ROOTS};
use ambit_compiler::check::effects::WELL_KNOWN;
use ambit_compiler::check::selector::{A2A_METHODS, MCP_CALLS, MCP_METHODS};
use ambit_compiler::check::{Checked, check};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::outbound;
use ambit_compiler::schema::schema;
use ambit_compiler::source::Sources;
use ambit_compiler::syntax::shape::{DOCUMENT, KINDS, METADATA, Object, Shape};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn document() -> String {
    fs::read_to_string(root().join("LANGUAGE.md")).unwrap()
}

/// The fenced blocks: what follows the fence, the line (from 1) of the fence, and the text.
fn blocks(text: &str) -> Vec<(String, usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (line, number) in text.lines().zip(1..) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => open = Some((kind.to_owned(), number, String::new())),
            (None, Some((_, _, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

fn checked(name: &str, texts: &[&str]) -> Checked {
    let mut sources = Sources::new();
    for text in texts {
        sources.add(name, *text);
    }
    let checked = check(&sources);
    let said = render(&checked.diagnostics, &sources, Format::Short);
    assert!(checked.policy.is_some(), "{name}: {said}");
    checked
}

#[test]
fn examples_compile_and_their_verdicts_hold() {
    let verdicts = examples("LANGUAGE.md", &document());
    assert!(verdicts > 70, "{verdicts}");
}

/// Those of the document on calls outside, by the same rules.
#[test]
fn examples_about_calls_outside_hold() {
    let text = fs::read_to_string(root().join("../docs/egress.md")).unwrap();
    let verdicts = examples("docs/egress.md", &text);
    assert!(verdicts > 10, "{verdicts}");
}

/// Compiles the examples of a document, and holds their verdicts; gives how many there are.
fn examples(name: &str, text: &str) -> usize {
    let blocks = blocks(text);
    let world: Vec<&str> =
        blocks.iter().filter(|(kind, _, _)| kind == "yaml world").map(|(_, _, body)| body.as_str()).collect();
    let mut current = None;
    let mut verdicts = 0;
    let mut failures = Vec::new();
    for (kind, line, body) in &blocks {
        match kind.as_str() {
            "yaml" => {
                let mut texts = world.clone();
                texts.push(body);
                current = Some(checked(&format!("{name}:{line}"), &texts).policy.unwrap());
            }
            "decide" => {
                let policy = current.as_ref().expect("a policy comes before its verdicts");
                for (case, offset) in body.lines().zip(1..) {
                    verdicts += 1;
                    if let Err(why) = decide::hold(policy, case) {
                        failures.push(format!("{name}:{}: {case}\n    {why}", line + offset));
                    }
                }
            }
            "sidecar" => {
                let policy = current.as_ref().expect("a policy comes before what follows from it");
                for line in body.lines() {
                    verdicts += 1;
                    let (name, expected) = line.split_once(": ").unwrap();
                    let agent = policy.agents.iter().find(|agent| agent.name == name).unwrap();
                    let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
                    let found = serde_json::Value::from(outbound::lineage(policy, agent));
                    if found != expected {
                        failures.push(format!("{name}: {line}\n    {found}"));
                    }
                }
            }
            "yaml world" | "yaml skip" | "yaml delivery" | "sh" | "" => {}
            other => panic!("{name}:{line}: unknown kind of block `{other}`"),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    verdicts
}

/// Every construct that the check knows.
fn constructs() -> Vec<String> {
    fn object(object: &'static Object, out: &mut Vec<String>) {
        for field in object.fields {
            out.push(format!("`{}`", field.name));
            shape(field.shape, out);
        }
    }
    fn shape(of: Shape, out: &mut Vec<String>) {
        match of {
            Shape::Object(inner) | Shape::TextOr(inner) => object(inner, out),
            Shape::List { item, .. } => shape(*item, out),
            Shape::Choice(words) => out.extend(words.iter().map(|(word, _)| format!("`{word}`"))),
            Shape::Text { .. } | Shape::Bool | Shape::Integer { .. } | Shape::Labels => {}
        }
    }
    let mut all: Vec<String> = DOCUMENT.iter().map(|field| format!("`{}`", field.name)).collect();
    object(&METADATA, &mut all);
    for kind in KINDS {
        all.push(format!("\n## {}\n", kind.name));
        object(kind.spec, &mut all);
    }
    all.extend(ROOTS.iter().map(|(name, _)| format!("`{name}`")));
    all.extend(FUNCTIONS.iter().map(|(usage, _)| format!("`{usage}`")));
    all.extend(WELL_KNOWN.iter().map(|(label, _)| format!("`{label}`")));
    all.extend(MCP_METHODS.iter().map(|method| format!("`{method}`")));
    all.extend(A2A_METHODS.iter().map(|method| format!("`{method}`")));
    // Fields of identities are shown in their forms.
    all.retain(|construct| !matches!(construct.as_str(), "`spiffe`" | "`spiffePattern`"));
    all.extend(["{spiffe: \"", "{spiffePattern: \""].map(str::to_owned));
    all.sort();
    all.dedup();
    all
}

#[test]
fn every_construct_is_mentioned() {
    let text = document();
    let missing: Vec<String> =
        constructs().into_iter().filter(|construct| !text.contains(construct)).collect();
    assert!(missing.is_empty(), "LANGUAGE.md does not mention {missing:?}");
}

#[test]
fn the_methods_are_those_that_the_filter_reads() {
    use ambit_request::a2a::Operation::{
        Card, CardExtended, MessageSend, MessageStream, PushCreate, PushDelete, PushGet, PushList,
        TasksCancel, TasksGet, TasksList, TasksSubscribe,
    };
    let operations = [
        MessageSend,
        MessageStream,
        TasksGet,
        TasksList,
        TasksCancel,
        TasksSubscribe,
        PushCreate,
        PushGet,
        PushList,
        PushDelete,
        Card,
        CardExtended,
    ];
    assert_eq!(A2A_METHODS, operations.map(|operation| operation.key()));

    let mut filter: Vec<&str> = ambit_request::mcp::METHODS.iter().map(|method| method.name).collect();
    filter.extend(["response", "stream", "session.delete"]);
    let mut policy: Vec<&str> =
        MCP_METHODS.iter().copied().chain(MCP_CALLS.iter().map(|(method, _)| *method)).collect();
    filter.sort_unstable();
    policy.sort_unstable();
    assert_eq!(policy, filter);
}

#[test]
fn the_schema_is_the_committed_one() {
    let path = root().join("schema/ambit.schema.json");
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), schema(), "BLESS=1 writes it anew");
}

#[test]
fn every_sample_is_clean_and_says_where_its_schema_is() {
    for sample in fs::read_dir(root().join("samples")).unwrap() {
        let sample = sample.unwrap().path();
        let mut sources = Sources::new();
        for file in fs::read_dir(&sample).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&file).unwrap();
                assert!(
                    text.starts_with("# yaml-language-server: $schema=../../schema/ambit.schema.json\n"),
                    "{}",
                    file.display()
                );
                sources.add(file.display().to_string(), text);
            }
        }
        let checked = check(&sources);
        assert_eq!(render(&checked.diagnostics, &sources, Format::Short), "", "{}", sample.display());
    }
}

/// `args` and `path.id` lie elsewhere in each of these, and one rule covers them all.
#[test]
fn a_rule_reads_each_action_in_its_own_way() {
    const POLICY: &str = r#"
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  workload: {namespace: n, serviceAccount: web}
  protocol: http
  actions:
    - {name: short, path: "/{id}"}
    - {name: long, path: "/x/{other}/{id}"}
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: tools}
spec:
  workload: {namespace: n, serviceAccount: tools}
  protocol: mcp
  actions: [{tool: t}]
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: peers}
spec:
  workload: {namespace: n, serviceAccount: peers}
  protocol: a2a
  actions: [{method: message.send}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: paths}
spec:
  identity: [{namespace: n, serviceAccount: paths}]
  originates: true
  grants:
    - {actions: ["web/*"], when: path.id == "7"}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: args}
spec:
  identity: [{namespace: n, serviceAccount: args}]
  originates: true
  grants:
    - {actions: ["web/*", "tools/*", "peers/*"], when: args.a.b == 1 || source.ip == "::1"}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: refined}
spec:
  identity: [{namespace: n, serviceAccount: refined}]
  originates: true
  grants:
    - {actions: [web/long], when: path.other == "8"}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: inline}
spec:
  identity: [{namespace: n, serviceAccount: inline}]
  originates: true
  grants:
    - http: {service: web, paths: ["/x/{id}/{other}", "/x/{id}/b", "/y/{id}"]}
      when: path.id == "7"
"#;
    let policy = checked("ways", &[POLICY]).policy.unwrap();
    for case in [
        "paths: web GET /7 -> allowed",
        "paths: web GET /8 -> condition-not-met",
        "paths: web GET /x/8/7 -> allowed",
        "paths: web GET /x/7/8 -> condition-not-met",
        r#"args: web PUT /7 with {"args": {"a": {"b": 1}}} -> allowed"#,
        r#"args: web PUT /7 with {"args": {"a": {"b": 2}}} -> condition-not-met"#,
        r#"args: tools tools/call:t with {"args": {"a": {"b": 1}}} -> allowed"#,
        r#"args: peers message.send with {"args": {"a": {"b": 1}}} -> allowed"#,
        r#"args: peers message.send with {"args": {"a": 1}} -> condition-not-met"#,
        r#"args: tools tools/call:t with {"ip": "::1"} -> allowed"#,
        "inline: web GET /x/7/8 -> allowed",
        "inline: web GET /x/8/7 -> condition-not-met",
        "inline: web GET /y/7 -> allowed",
        "inline: web GET /7 -> not-granted",
        // What the inline rule made of `long` is still covered by rules on `long`, which name its parameters.
        "refined: web PUT /x/8/b -> allowed",
        "refined: web PUT /x/7/b -> condition-not-met",
        "inline: web PUT /x/7/b -> allowed",
    ] {
        decide::hold(&policy, case).unwrap_or_else(|why| panic!("{case}: {why}"));
    }
}

/// In a deny all of a service is all of it, what inline rules made included, by whatever way the deny says so.
#[test]
fn a_deny_of_all_leaves_nothing_out() {
    const POLICY: &str = r#"
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  workload: {namespace: n, serviceAccount: web}
  protocol: http
  actions: [{name: a, path: /a}]
---
apiVersion: ambit.dev/v1alpha1
kind: Toolset
metadata: {name: all}
spec: {grants: [{actions: ["web/*"]}]}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: named}
spec:
  identity: [{namespace: n, serviceAccount: named}]
  originates: true
  grants: [{http: {service: web, paths: [/a, /b]}}]
  denies: [{actions: ["*/*"], when: request.method == "PUT"}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: tooled}
spec:
  identity: [{namespace: n, serviceAccount: tooled}]
  originates: true
  grants: [{http: {service: web, paths: [/a, /b]}}]
  denies: [{toolset: all, when: request.method == "PUT"}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: granted}
spec:
  identity: [{namespace: n, serviceAccount: granted}]
  originates: true
  grants: [{toolset: all}]
"#;
    let policy = checked("denies", &[POLICY]).policy.unwrap();
    let cases = [
        ("GET /a", "allowed"),
        ("GET /b", "allowed"),
        ("PUT /a", "explicitly-denied"),
        ("PUT /b", "explicitly-denied"),
    ];
    for agent in ["named", "tooled"] {
        for (request, code) in cases {
            let case = format!("{agent}: web {request} -> {code}");
            decide::hold(&policy, &case).unwrap_or_else(|why| panic!("{case}: {why}"));
        }
    }
    decide::hold(&policy, "granted: web GET /a -> allowed").unwrap();
    decide::hold(&policy, "granted: web GET /b -> not-granted").unwrap();
}

/// The seed story, as the demo plays it.
#[test]
fn the_seed_sample_tells_the_seed_story() {
    let seed = root().join("samples/seed");
    let files = ["mesh.yaml", "services.yaml", "agents.yaml"]
        .map(|name| fs::read_to_string(seed.join(name)).unwrap());
    let texts: Vec<&str> = files.iter().map(String::as_str).collect();
    let policy = checked("seed", &texts).policy.unwrap();
    for case in [
        "support: admin-api POST /tasks -> allowed",
        "support: planner-api POST /tasks -> allowed",
        "planner for support: admin-api POST /tasks -> allowed",
        "admin for support: orders-db GET /tables/orders/rows/7 -> allowed",
        "planner for support: orders-db GET /tables/orders/rows/7 -> allowed",
        "admin for support, planner: orders-db GET /tables/orders/rows/7 -> allowed",
        "admin for support: orders-db DELETE /tables/orders -> not-granted",
        "admin for support, planner: orders-db DELETE /tables/orders -> not-granted",
        "admin: orders-db DELETE /tables/orders -> allowed",
        "support: orders-db GET /tables/orders/rows/7 -> not-granted-this-way",
        "planner: orders-db GET /tables/orders/rows/7 -> may-not-originate",
        "/ns/else/sa/where: orders-db GET /tables/orders/rows/7 -> caller-unmapped",
    ] {
        decide::hold(&policy, case).unwrap_or_else(|why| panic!("{case}: {why}"));
    }
}
