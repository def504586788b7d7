//! Which crate may depend on which: the picture in `ARCHITECTURE.md`, held to what cargo says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// A crate, what it may use of the workspace, and what of the outside.
type Rule = (&'static str, &'static [&'static str], Option<&'static [&'static str]>);

/// What each crate of the workspace may use of the workspace, and of the outside if that is limited: what ships in a
/// sidecar names every crate it uses, and the rest may use what it argues for.
const ALLOWED: &[Rule] = &[
    ("ambit-bytecode", &[], Some(&[])),
    ("ambit-eval", &["ambit-bytecode"], Some(&[])),
    ("ambit-no-panic", &["ambit-eval"], Some(&[])),
    ("ambit-request", &[], Some(&[])),
    // Authenticates what other plugins of the proxy can write.
    ("ambit-lineage", &[], Some(&["siphasher"])),
    // Links the evaluator to show that it cannot panic; never shipped.
    ("ambit-no-panic", &["ambit-eval"], Some(&[])),
    (
        "ambit-filter",
        &["ambit-bytecode", "ambit-eval", "ambit-lineage", "ambit-request"],
        Some(&["base64", "ed25519-compact"]),
    ),
    // Tries everything that takes bytes from outside, the module that ships among it; never shipped.
    (
        "ambit-fuzz",
        &[
            "ambit-bytecode",
            "ambit-compiler",
            "ambit-eval",
            "ambit-filter",
            "ambit-harness",
            "ambit-lineage",
            "ambit-request",
        ],
        Some(&[]),
    ),
    // Built by the mesh bench, which compares the filter with it; never shipped.
    ("ambit-peer-ext-authz", &[], None),
    ("ambit-compiler", &["ambit-bytecode"], None),
    ("ambit-istio", &["ambit-bytecode", "ambit-compiler"], None),
    (
        "ambit-cli",
        &[
            "ambit-bytecode",
            "ambit-compiler",
            "ambit-eval",
            "ambit-filter",
            "ambit-istio",
            "ambit-lineage",
            "ambit-request",
        ],
        None,
    ),
];

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &["common", "core", "helpers", "types", "utils"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ordinary and build dependencies of each package; those of tests may be anything.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let ships = |dependency: &&Value| dependency["kind"] != "dev";
            let names = package["dependencies"].as_array().unwrap().iter().filter(ships);
            let names = names.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let mut problems = Vec::new();
    for (package, used) in dependencies() {
        let rule = ALLOWED.iter().find(|(name, ..)| *name == package);
        let Some((_, inside, outside)) = rule else {
            if package != "ambit-harness" {
                problems.push(format!("`{package}` has no rule: draw it into ARCHITECTURE.md first"));
            }
            continue;
        };
        for name in &used {
            let of_workspace = name.starts_with("ambit-");
            let allowed = if of_workspace { Some(*inside) } else { *outside };
            if allowed.is_some_and(|allowed| !allowed.contains(&name.as_str())) {
                problems.push(format!("`{package}` may not depend on `{name}`"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_rule_is_about_a_crate() {
    let known = dependencies();
    for (name, ..) in ALLOWED {
        assert!(known.contains_key(*name), "there is no crate `{name}`");
    }
}

#[test]
fn names_say_what_is_inside() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut places = vec![
        root.join("filter"),
        root.join("policy-compiler"),
        root.join("istio"),
        root.join("test-harness"),
    ];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            assert!(!NAMELESS.contains(&stem), "`{}` is named for nothing", path.display());
            if path.is_dir() {
                places.push(path);
            }
        }
    }
}
