//! What the dashboard and the alerts ask Prometheus for is what the filter counts, by the names that a real Envoy gives it,
//! and Prometheus understands the question.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ambit_compiler::compile::Options;
use ambit_harness::artifact;
use ambit_harness::client::{MAX_WAIT, Request};
use ambit_harness::debian;
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, WorkloadSpec};
use ambit_harness::policy_directory::{compile_text, inbound_config};
use serde_json::{Value, json};

const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";
const ADMIN: &str = "spiffe://cluster.local/ns/admin/sa/admin-agent";

const POLICY: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: admin}
spec:
  workload: {namespace: admin, serviceAccount: admin}
  protocol: http
  actions: [{name: read, methods: [GET], path: /}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: support}
spec:
  identity: [{namespace: support, serviceAccount: support-agent}]
  originates: true
  grants: []
";

/// Pattern that stands for every deny.
const DENIES: &str = "ambit_deny_.+";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../istio/observability").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A metric as Prometheus has it: Envoy takes off its prefix for filters' own counters.
fn of_prometheus(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

/// The names of ours that a text has, and whether it asks for every deny.
fn asked(text: &str) -> (BTreeSet<String>, bool) {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character)).filter(|word| word.starts_with("ambit_"));
    // Patterns are split at their dots.
    let names = words.filter(|word| !word.ends_with('_')).map(str::to_owned).collect();
    (names, text.contains(DENIES))
}

/// What the filter counts, and what its gauges are.
fn counted() -> BTreeSet<String> {
    ambit_filter::metrics().iter().map(|name| of_prometheus(name)).collect()
}

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

fn expressions(panels: &[Value]) -> Vec<&str> {
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

/// The alert rules as Prometheus has them, without what is written for people.
fn rules() -> Value {
    let object: Value = serde_saphyr::from_str(&read("alerts.yaml")).unwrap();
    let mut rules = object["spec"].clone();
    for rule in rules["groups"][0]["rules"].as_array_mut().unwrap() {
        assert!(rule["annotations"]["description"].is_string(), "{rule}");
        rule.as_object_mut().unwrap().remove("annotations");
    }
    rules
}

/// What Prometheus's own tool says of tests, if it can be had. The files lie in a directory of this name.
fn promtool(directory: &str, files: &[(&str, String)]) -> Option<Output> {
    let tool = match debian::program("promtool", &|line| eprintln!("{line}")) {
        Ok(tool) => tool,
        Err(problem) => {
            eprintln!("*** NOT CHECKED: what Prometheus makes of dashboard and alerts: {problem}");
            return None;
        }
    };
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(directory);
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in files {
        fs::write(directory.join(name), text).unwrap();
    }
    let tests = directory.join(files[0].0);
    Some(tool.command().args(["test", "rules"]).arg(tests).current_dir(directory).output().unwrap())
}

#[test]
fn alerts_fire_when_they_should() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/alerts.test.yaml");
    let tests = fs::read_to_string(tests).unwrap();
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            tests.contains(&format!("alertname: {name}, exp_alerts"))
                || tests.contains(&format!("alertname: {name}\n")),
            "nothing tries `{name}`"
        );
    }
    let files = [("tests.yaml", tests), ("rules.yaml", rules().to_string())];
    let Some(output) = promtool("alerts", &files) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn prometheus_can_answer_the_dashboard() {
    let panels = panels();
    let series = counted()
        .into_iter()
        .map(|name| json!({"series": format!("{name}{{namespace=\"a\",pod=\"p\"}}"), "values": "1+60x60"}));
    // Whatever the answer is, there is one: none is expected, so that each is shown.
    let asked = expressions(&panels).into_iter().map(|expression| {
        json!({"expr": expression.replace("$namespace", ".*"), "eval_time": "30m", "exp_samples": []})
    });
    let tests = json!({
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": series.collect::<Vec<_>>(),
            "promql_expr_test": asked.collect::<Vec<_>>(),
        }],
    });
    let Some(output) = promtool("dashboard", &[("tests.yaml", tests.to_string())]) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("err:"), "{said}");
    assert_eq!(said.matches("exp:").count(), expressions(&panels).len(), "one has no answer: {said}");
}

#[test]
fn every_name_is_counted_and_every_count_is_shown() {
    let counted = counted();
    let panels = panels();
    let (shown, shows_denies) = asked(&expressions(&panels).join("\n"));
    let (alerted, _) = asked(&rules().to_string());
    assert!(alerted.len() > 5, "{alerted:?}");
    for name in counted.iter().filter(|name| name.starts_with("ambit_policy_")) {
        assert!(name.ends_with("_since") || alerted.contains(name), "nothing is said when `{name}` is wrong");
    }
    for name in shown.iter().chain(&alerted) {
        assert!(counted.contains(name), "nothing counts `{name}`");
    }
    assert!(shows_denies, "the dashboard has no panel of all denies");
    for name in &counted {
        assert!(name.starts_with("ambit_deny_") || shown.contains(name), "no panel shows `{name}`");
    }
    // Panels stand beside one another, and not on one another.
    let place = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().unwrap();
    let places: BTreeSet<(u64, u64)> =
        panels.iter().map(|panel| (place(panel, "x"), place(panel, "y"))).collect();
    assert_eq!(places.len(), panels.len());
}

#[test]
fn a_real_envoy_gives_them_these_names() {
    let module = artifact::filter(&|line| eprintln!("{line}")).unwrap();
    let config = |generation, not_after| {
        let options = Options { generation, not_after, ..Options::default() };
        inbound_config(&compile_text(POLICY, &options).unwrap()["admin"], None)
    };
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let filter = Filter { module, root_id: "ambit".to_owned(), config: Some(config(7, 4_000_000_000)) };
    let admin = WorkloadSpec::new("admin", ADMIN).filter(Direction::Inbound, filter);
    let mesh = Mesh::builder("dashboards").workload(admin).start().unwrap();
    let caller = mesh.direct(&mesh.authority().issue(&[SUPPORT]), "admin").unwrap();
    assert_eq!(caller.send(&Request::get("/")).unwrap().status, 403);
    let admin = mesh.workload("admin");
    let endpoint = admin.envoy().admin().unwrap();
    // Metrics are handed over on a tick, of each worker and of the main thread.
    let value = |name: &str, is_it: &dyn Fn(u64) -> bool| {
        let deadline = Instant::now() + MAX_WAIT;
        let mut page = String::new();
        while Instant::now() < deadline {
            page = endpoint.page("/stats/prometheus").unwrap();
            let line = page.lines().find(|line| line.starts_with(&format!("{name}{{")));
            let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok());
            if let Some(value) = value.filter(|value| is_it(*value)) {
                return (value, page);
            }
        }
        panic!("{name}: {page}");
    };
    for (name, kind, expected) in [
        ("ambit.deny.not-granted", "counter", Some(1)),
        ("ambit.steps", "counter", None),
        ("ambit.policy.generation", "gauge", Some(7)),
        ("ambit.policy.until", "gauge", Some(4_000_000_000)),
        ("ambit.policy.since", "gauge", None),
    ] {
        let name = of_prometheus(name);
        let (found, page) = value(&name, &|value| expected.is_none_or(|expected| value == expected));
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{page}");
        assert!(found > 0, "{name}");
        if name.ends_with("since") {
            assert!((began..began + 600).contains(&found), "{found}, and not since {began}");
        }
    }
    // A later policy, without an end: both gauges follow.
    admin.update_policy(&config(8, 0)).unwrap();
    value("ambit_policy_generation", &|value| value == 8);
    value("ambit_policy_until", &|value| value == 0);
}
