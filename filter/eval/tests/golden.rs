//! Blobs of old are read, and judge as they did: `golden/README.md`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests may panic"
)]

mod asked;
mod damaged;
mod writer;

#[path = "golden/everything.rs"]
mod everything;
#[path = "golden/listing.rs"]
mod listing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ambit_bytecode::Opcode;
use ambit_bytecode::blob::{Blob, Section, VERSION};
use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, SigningKey, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::egress;
use ambit_compiler::source::Sources;
use ambit_eval::{Hop, Program, Verdict, VerifyErrorKind};

use asked::Asked;
use damaged::{damages, harmless, repair};

const NAMES: [&str; 7] =
    ["arguments", "conditions", "delegation", "egress", "everything", "everything-2", "shared"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn file(name: &str, extension: &str) -> PathBuf {
    directory().join(format!("{name}.{extension}"))
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn blob(name: &str) -> Vec<u8> {
    let path = file(name, "blob");
    if blessing() && !path.exists() {
        std::fs::write(&path, written(name)).unwrap();
    }
    std::fs::read(path).unwrap()
}

/// A blob as this compiler, or the test's writer, makes it today.
fn written(name: &str) -> Vec<u8> {
    if name == "everything-2" {
        return everything::draft().blob();
    }
    let text = std::fs::read(file(name, "yaml")).unwrap();
    let sources = Sources::single(format!("{name}.yaml"), text);
    let checked = check(&sources);
    let said = render(&checked.diagnostics, &sources, Format::Short);
    let policy = checked.policy.unwrap_or_else(|| panic!("{said}"));
    let (policy, workload) = if name == "egress" {
        let workload = egress::workloads(&policy).remove(0);
        (egress::policy(&policy, &workload).unwrap(), workload)
    } else {
        let workload = policy.services[0].workload.clone();
        (policy, workload)
    };
    let dated = name == "conditions";
    let options = Options {
        generation: 7,
        not_before: if dated { 1_767_225_600 } else { 0 },
        not_after: if dated { 1_830_297_600 } else { 0 },
        source_digest: [0xd1; 32],
        signing_key: dated.then(|| SigningKey::from_seed([7; 32]).unwrap()),
        ..Options::default()
    };
    compile(&policy, &workload, &options).unwrap().blob
}

/// Requests, with what is written behind each.
fn requests(name: &str) -> Vec<(Asked, String)> {
    let text = std::fs::read_to_string(file(name, "requests")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = |line: &str| {
        let (asked, verdict) = line.split_once(" => ").unwrap_or((line, ""));
        (Asked::read(asked), verdict.to_owned())
    };
    lines.map(split).collect()
}

fn shown(verdict: &Verdict) -> String {
    let mut text = verdict.code.word().to_owned();
    match verdict.hop {
        None => {}
        Some(Hop::Member(place)) => text.push_str(&format!(" member {place}")),
        Some(Hop::Mission(place)) => text.push_str(&format!(" mission {place}")),
    }
    for (word, id) in [("caller", verdict.caller), ("action", verdict.action)] {
        text.push_str(&id.map_or(String::new(), |id| format!(" {word} {id}")));
    }
    text.push_str(&verdict.rule.map_or(String::new(), |rule| format!(" rule {rule}")));
    for (word, holds) in [("shadow", verdict.shadow), ("pending", verdict.pending)] {
        text.push_str(&if holds { format!(" {word}") } else { String::new() });
    }
    text
}

/// Gives a verdict to lines that have none.
fn bless(name: &str, program: &Program<Vec<u8>>) {
    let path = file(name, "requests");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = |line: &str| {
        if line.is_empty() || line.starts_with('#') || line.contains(" => ") {
            return format!("{line}\n");
        }
        format!("{line} => {}\n", shown(&Asked::read(line).of(program)))
    };
    std::fs::write(path, text.lines().map(line).collect::<String>()).unwrap();
    let path = file(name, "listing");
    if !path.exists() {
        std::fs::write(path, listing::of(program)).unwrap();
    }
}

#[test]
fn old_blobs_judge_as_they_did() {
    for name in NAMES {
        let program = Program::verify(blob(name)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        if blessing() {
            bless(name, &program);
        }
        for (asked, expected) in requests(name) {
            let verdict = asked.of(&program);
            assert_eq!(shown(&verdict), expected, "{name}: {asked:?}");
            assert!(verdict.steps <= program.step_bound());
        }
        assert_eq!(listing::of(&program), std::fs::read_to_string(file(name, "listing")).unwrap(), "{name}");
    }
}

/// Both versions are among them, so that both are read by everything below.
#[test]
fn every_version_is_kept() {
    let versions = NAMES.map(|name| Blob::parse(&blob(name)).unwrap().version());
    assert_eq!(BTreeSet::from(versions), (1..=VERSION).collect());
}

/// What version 1 stamps does not count all that a judgement takes, and is checked all the same.
#[test]
fn stamps_are_checked_by_their_version() {
    for name in NAMES {
        let blob = blob(name);
        let parsed = Blob::parse(&blob).unwrap();
        let bound = Program::verify(blob.as_slice()).unwrap().step_bound();
        assert!(bound == parsed.header().step_bound || parsed.version() == 1, "{name}");
        let code = parsed.extent(Section::Code).start;
        for stamp in [12, code + 12] {
            if u16::from_le_bytes([blob[code], blob[code + 1]]) == 0 && stamp > 12 {
                continue;
            }
            let mut changed = blob.clone();
            changed[stamp] ^= 1;
            repair(&mut changed);
            assert_eq!(Program::verify(changed).unwrap_err().kind, VerifyErrorKind::Steps, "{name}");
        }
    }
}

/// No blob may lie there without being looked at.
#[test]
fn every_blob_is_listed() {
    let entries = std::fs::read_dir(directory()).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    let names = names.filter(|path| path.extension().is_some_and(|extension| extension == "blob"));
    let names: BTreeSet<_> =
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, NAMES.iter().map(|name| (*name).to_owned()).collect());
}

/// An opcode that is in no golden blob could change its meaning unseen.
#[test]
fn every_opcode_is_in_a_golden_blob() {
    let listings: String =
        NAMES.iter().map(|name| std::fs::read_to_string(file(name, "listing")).unwrap()).collect();
    let words: BTreeSet<_> = listings.split_whitespace().collect();
    for opcode in Opcode::ALL {
        assert!(words.contains(opcode.mnemonic()), "`{}`", opcode.mnemonic());
    }
}

#[test]
fn damaged_golden_blobs_are_refused() {
    for name in NAMES {
        for damaged in damages(&blob(name), &[0x01, 0x80, 0xff]) {
            assert!(Program::verify(damaged).is_err(), "{name}");
        }
    }
}

/// Where the checksum does not tell, the rules must.
#[test]
fn damaged_golden_blobs_do_no_harm() {
    for name in NAMES {
        let blob = blob(name);
        let battery: Vec<_> = requests(name).into_iter().map(|(asked, _)| asked).collect();
        assert!(harmless(&blob, &battery), "{name}");
        for mut damaged in damages(&blob, &[0x01, 0xfe]) {
            repair(&mut damaged);
            harmless(&damaged, &battery);
        }
    }
}
