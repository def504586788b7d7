//! What a user sees. Each `NAME.yaml` is checked, and what is said is held against `NAME.expected`, in the short form.
//!
//! Dropping in a file adds a test; `BLESS=1` writes the expected texts anew. `world.yml` is added to each policy unless its first
//! line is `# alone`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::check::check;
use ambit_compiler::diagnostics::Code;
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::source::Sources;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn said(case: &Path, format: Format) -> String {
    let text = fs::read(case).unwrap();
    let alone = text.starts_with(b"# alone");
    let name = case.file_name().unwrap().to_string_lossy();
    let mut sources = Sources::single(name, text);
    if !alone {
        sources.add("world.yml", fs::read(directory().join("world.yml")).unwrap());
    }
    render(&check(&sources).diagnostics, &sources, format)
}

fn hold(case: &Path, said: &str, extension: &str, failures: &mut Vec<String>) {
    let expected_path = case.with_extension(extension);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&expected_path, said).unwrap();
        return;
    }
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    if expected != said {
        failures.push(format!("{}\n--- expected\n{expected}--- said\n{said}", expected_path.display()));
    }
}

#[test]
fn each_case_is_said_as_expected() {
    let mut failures = Vec::new();
    for case in cases() {
        hold(&case, &said(&case, Format::Short), "expected", &mut failures);
        // A few are kept in every form.
        for (extension, format) in
            [("human", Format::Human { colour: false }), ("json", Format::Json), ("github", Format::Github)]
        {
            if case.with_extension(extension).exists() {
                hold(&case, &said(&case, format), extension, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{} differ; BLESS=1 accepts\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_world_alone_has_nothing_to_say() {
    let sources = Sources::single("world.yml", fs::read(directory().join("world.yml")).unwrap());
    let checked = check(&sources);
    assert_eq!(render(&checked.diagnostics, &sources, Format::Short), "");
    assert!(checked.policy.is_some());
}

#[test]
fn every_code_is_reached_by_a_case() {
    let mut reached = BTreeSet::new();
    for case in cases() {
        let said = said(&case, Format::Short);
        reached.extend(Code::ALL.iter().filter(|code| said.contains(&format!("[{code}]"))).copied());
    }
    let missing: Vec<String> = Code::ALL
        .iter()
        .filter(|code| !reached.contains(code))
        .map(|code| format!("{code} {}", code.title()))
        .collect();
    assert!(missing.is_empty(), "no case reaches {missing:#?}");
}

#[test]
fn codes_are_in_order_and_explained() {
    let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    for code in Code::ALL {
        assert!(code.explanation().len() > 40, "{code}");
        assert_eq!(Code::parse(&code.to_string()), Some(*code));
    }
}

/// House rules for messages: fragments in lower case, one line, no full stop.
#[test]
fn messages_follow_the_rules() {
    for case in cases() {
        for line in said(&case, Format::Short).lines() {
            let (_, message) = line.split_once("]: ").unwrap_or_else(|| panic!("{line}"));
            for part in message.split("; help: ") {
                let first = part.chars().next().unwrap();
                let proper = ["SPIFFE", "YAML", "CEL", "RFC", "HTTP", "A2A", "IP"]
                    .iter()
                    .any(|word| part.starts_with(word));
                assert!(!first.is_uppercase() || proper, "{part}");
                assert!(!part.ends_with('.') || part.ends_with(".."), "{part}");
            }
        }
    }
}
