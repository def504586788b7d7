//! What the dashboard and the alerts ask Prometheus for is what the filter counts, by the names that a real Envoy gives it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use ambit_harness::artifact;
use ambit_harness::client::{MAX_WAIT, Request};
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, WorkloadSpec};
use serde_json::Value;

const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";
const ADMIN: &str = "spiffe://cluster.local/ns/admin/sa/admin-agent";

/// Pattern that stands for every deny.
const DENIES: &str = "ambit_deny_.+";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../istio/observability").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A counter as Prometheus has it: Envoy takes off its prefix for filters' own counters.
fn of_prometheus(name: &str) -> String {
    name.replace(['.', '-'], "_")
}

/// The names of ours that a text has, and whether it asks for every deny.
fn asked(text: &str) -> (BTreeSet<String>, bool) {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character)).filter(|word| word.starts_with("ambit_"));
    // The pattern itself is split at its dot.
    let names = words.filter(|word| *word != "ambit_deny_").map(str::to_owned).collect();
    (names, text.contains(DENIES))
}

#[test]
fn every_name_is_counted_and_every_count_is_shown() {
    let counted: BTreeSet<String> = ambit_filter::counters().iter().map(|name| of_prometheus(name)).collect();
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let expressions: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let (shown, shows_denies) = asked(&expressions.join("\n"));
    let alerts = read("alerts.yaml");
    let rules: Vec<&str> = alerts.lines().filter(|line| line.contains("rate(")).collect();
    let (alerted, _) = asked(&rules.join("\n"));
    assert!(alerted.len() > 5, "{alerted:?}");
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
    let filter = Filter { module, root_id: "ambit".to_owned(), config: None };
    let admin = WorkloadSpec::new("admin", ADMIN).filter(Direction::Inbound, filter);
    let mesh = Mesh::builder("dashboards").workload(admin).start().unwrap();
    let caller = mesh.direct(&mesh.authority().issue(&[SUPPORT]), "admin").unwrap();
    assert_eq!(caller.send(&Request::get("/")).unwrap().status, 403);
    // Counts are handed over on a tick.
    let admin = mesh.workload("admin").envoy().admin().unwrap();
    let deadline = Instant::now() + MAX_WAIT;
    let mut page = String::new();
    while !page.contains("no_policy") && Instant::now() < deadline {
        page = admin.page("/stats/prometheus").unwrap();
    }
    let ours: Vec<&str> = page.lines().filter(|line| line.contains("no_policy")).collect();
    let expected = of_prometheus("ambit.deny.no-policy");
    assert!(ours.iter().any(|line| line.starts_with(&format!("{expected}{{"))), "{ours:?}");
}
