//! The attacks that `SECURITY.md` lists are held by what it says: scenarios that there are, and tests that there are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ambit_harness::egress;
use ambit_harness::scenario::{self, Scenario, Step};

const TITLE: &str = "## Attacks that others have met";

#[test]
fn every_attack_is_held_by_something() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (_, section) = text.split_once(TITLE).expect("the section");
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    let mut scenarios = BTreeMap::new();
    let mut problems = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [attack, _, holders] = cells.as_slice() else { panic!("not three cells: {row}") };
        for holder in holders.split("; ") {
            let holder = holder.strip_prefix('`').and_then(|holder| holder.strip_suffix('`')).unwrap_or("");
            let is_there = match holder.split_once(": ") {
                Some((file, case)) => cases(&mut scenarios, file).iter().any(|name| name == case),
                None => !holder.is_empty() && root.join(holder).is_file(),
            };
            if !is_there {
                problems.push(format!("{attack}: there is no `{holder}`"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The names of a scenario's cases.
fn cases<'s>(scenarios: &'s mut BTreeMap<String, Vec<String>>, file: &str) -> &'s [String] {
    scenarios.entry(file.to_owned()).or_insert_with(|| {
        if let Some(file) = file.strip_prefix("egress/") {
            let all = egress::load_all().unwrap().into_iter().find(|scenario| scenario.name == file);
            return all.into_iter().flat_map(|all| all.departures).map(|departure| departure.name).collect();
        }
        let path = scenario::directory().join(file).with_extension("yaml");
        let Ok(Scenario { steps, .. }) = scenario::load(&path) else { return Vec::new() };
        let names = steps.into_iter().filter_map(|step| match step {
            Step::Case(case) => Some(case.name),
            _ => None,
        });
        names.collect()
    })
}
