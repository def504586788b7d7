//! Witnesses of `ambit diff` are tests: each has the verdict that it is shown with, under the old policy and the new.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn ambit(arguments: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ambit")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn diff(old: &Path, new: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_ambit"))
        .args(["diff", "--format", "json"])
        .args([old, new])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every witness as a test, which expects what `side` says.
fn tests(found: &Value, side: &str) -> String {
    let changes = found["changes"].as_array().unwrap();
    let test = |(place, change): (usize, &Value)| {
        let mut test = change["witness"].clone();
        test["name"] = json!(format!("witness {place}"));
        test["expect"] = change[side]["code"].clone();
        test["by"] = change[side]["by"].clone();
        test["passes"] = json!((change["way"] == "allowed") == (side == "after"));
        test
    };
    json!({"tests": changes.iter().enumerate().map(test).collect::<Vec<_>>()}).to_string()
}

#[test]
fn witnesses_are_true() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/swarm");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witnesses");
    let _ = fs::remove_dir_all(&directory);
    let edits = [
        ("agents.yaml", "args.amount <= 50", "args.amount <= 500 && args.currency in [\"EUR\", \"CHF\"]"),
        ("agents.yaml", "delegates: {to: [planner, admin]}", "delegates: {to: [planner]}"),
        ("agents.yaml", "effects: {ceiling: [read, money]}", "effects: {ceiling: [read]}"),
        ("agents.yaml", "serviceAccount: planner-agent", "serviceAccount: planner"),
        ("agents.yaml", "      direct: false", "      direct: true"),
        ("agents.yaml", "through: [planner, billing]", "through: [billing]"),
        ("mesh.yaml", "mode: enforce", "mode: shadow"),
        ("mesh.yaml", "cycles: refuse", "cycles: tolerate"),
        ("mesh.yaml", "maxDepth: 6", "maxDepth: 2"),
        ("services.yaml", "path: /tables/{table}/rows/{id}", "path: /tables/{table}/rows/**"),
        ("services.yaml", "methods: [DELETE]", "methods: [DELETE, PUT]"),
    ];
    for (place, (name, from, to)) in edits.into_iter().enumerate() {
        let changed = directory.join(place.to_string());
        fs::create_dir_all(&changed).unwrap();
        for file in ["agents.yaml", "mesh.yaml", "services.yaml"] {
            let text = fs::read_to_string(samples.join(file)).unwrap();
            let text = if file == name {
                assert!(text.contains(from), "{from}");
                text.replace(from, to)
            } else {
                text
            };
            fs::write(changed.join(file), text).unwrap();
        }
        let found = diff(&samples, &changed);
        assert_ne!(found["changes"], json!([]), "{from} -> {to}");
        assert_eq!(found["cut"], json!([]), "{from} -> {to}");
        let back = diff(&changed, &samples);
        assert_eq!(back["judged"], found["judged"], "{from} -> {to}");
        for (policy, side) in [(&samples, "before"), (&changed, "after")] {
            let file: PathBuf = directory.join(format!("{place}-{side}.test.yaml"));
            fs::write(&file, tests(&found, side)).unwrap();
            let (code, said) = ambit(&[Path::new("test"), Path::new("-f"), policy, &file]);
            assert_eq!(code, Some(0), "{from} -> {to}, {side}\n{said}");
        }
    }
}
