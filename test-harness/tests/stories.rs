//! The stories of `cargo demo`, on real Envoys: each passes with RBAC and is denied with Ambit, and the task beside it goes
//! on working.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use ambit_harness::demo::{Stage, titles};
use ambit_harness::policy_directory::PolicyDirectory;

/// The narrowest terminal in which every line has room.
const COLUMNS: usize = 80;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-compiler/samples/swarm")
}

/// The sample with one change.
fn changed(directory: &Path, from: &str, to: &str) -> PolicyDirectory {
    fs::create_dir_all(directory).unwrap();
    let mut changes = 0;
    for name in ["mesh.yaml", "services.yaml", "agents.yaml"] {
        let text = fs::read_to_string(sample().join(name)).unwrap();
        changes += text.matches(from).count();
        fs::write(directory.join(name), text.replace(from, to)).unwrap();
    }
    assert_eq!(changes, 1, "`{from}` is not once in the sample");
    PolicyDirectory::at(directory.to_owned())
}

#[test]
fn every_verdict_is_the_expected_one() {
    let mut stage = Stage::set(&PolicyDirectory::swarm(), &|_| {}).unwrap();
    let mut told = Vec::new();
    assert_eq!(stage.play(&mut told, false).unwrap(), Vec::<String>::new());
    let told = String::from_utf8(told).unwrap();
    assert!(!told.contains('\u{1b}'), "colours that nobody asked for");
    for line in told.lines() {
        assert!(line.chars().count() <= COLUMNS, "this is too long for a terminal: {line}");
    }
    for (place, title) in titles().into_iter().enumerate() {
        assert!(told.contains(&format!("\n{}. {title}: ", place + 1)), "{title} is not told");
    }
    for block in shown_in_readme() {
        assert!(told.contains(&block), "this is not what is told:\n{block}\nbut:\n{told}");
    }

    // The one who plays notices a policy that has become too wide, and one that has become too narrow.
    let changed_into = directory("stories");
    let cases = [
        ("      when: args.amount <= 50\n", "", "Confused deputy two hops away: Ambit should deny it"),
        ("args.amount <= 50", "args.amount <= 30", "Confused deputy two hops away: the task should pass"),
        ("perRoot: 10", "perRoot: 100", "Fan-out flood: Ambit should deny it"),
    ];
    for (number, (from, to, surprise)) in cases.into_iter().enumerate() {
        stage.change_policy(&changed(&changed_into.join(number.to_string()), from, to)).unwrap();
        stage.come_to_rest().unwrap();
        let surprises = stage.play(&mut std::io::sink(), false).unwrap();
        assert_eq!(surprises.len(), 1, "{surprises:?}");
        assert!(surprises[0].starts_with(surprise), "{surprises:?}");
    }
}

/// What the README shows of the demo's output.
fn shown_in_readme() -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let blocks = readme.split("```\n").filter(|block| {
        let is_story = titles().iter().any(|title| block.contains(&format!(". {title}: ")));
        is_story || block.starts_with("what was tried")
    });
    let blocks: Vec<String> = blocks.map(str::to_owned).collect();
    assert_eq!(blocks.len(), 2, "a story and the table");
    blocks
}

/// A directory of this process under `target/tmp`.
fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

/// The sample says which stories it is about; they are these.
#[test]
fn the_sample_tells_the_same_stories() {
    let text = fs::read_to_string(sample().join("stories.txt")).unwrap();
    let told = text.lines().filter_map(|line| Some(line.strip_prefix('[')?.split_once(']')?.0.to_owned()));
    let played: Vec<String> = titles().into_iter().map(str::to_lowercase).collect();
    assert_eq!(told.collect::<Vec<_>>(), played);
}
