//! Everything that takes bytes from outside, as functions of bytes that must hold for all of them.
//!
//! A [`Target`] panics when what it claims does not hold. The same targets are run in three ways:
//!
//! - `cargo test` replays the corpora of `corpus/`, whole, cut and damaged, with a fixed seed (`tests/replay.rs`);
//! - `cargo run --release --package ambit-fuzz -- TARGET SECONDS [SEED]` goes on with that for longer, on any toolchain;
//! - `cargo fuzz run --fuzz-dir test-harness/fuzz/libfuzzer TARGET` lets coverage lead.
//!
//! What was found once is kept in the corpus of its target, under a name that says what it was.
//!
//! One of them drives the module that ships, through the harness; the others are about ordinary code.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target panics when something does not hold"
)]

pub mod damage;
mod input;
mod target;

use std::fs;
use std::io;
use std::path::PathBuf;

/// Something that must hold for all bytes.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is that of its corpus.
    pub name: &'static str,
    /// What it claims.
    pub claim: &'static str,
    /// Tries it. Panics if it does not hold.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "blob",
        claim: "a blob is refused, or judges every request within the steps that are stamped on it",
        run: target::blob::run,
    },
    Target {
        name: "repaired_blob",
        claim: "the same with a checksum that is right",
        run: target::blob::run_repaired,
    },
    Target {
        name: "request",
        claim: "what is decided of a request does not depend on how its body is cut into pieces",
        run: target::request::run,
    },
    Target {
        name: "reply",
        claim: "what is left of a list does not depend on how the reply is cut, and is no more than there was",
        run: target::reply::run,
    },
    Target {
        name: "lineage",
        claim: "a lineage is refused, or means the same when it is written and read again",
        run: target::lineage::run,
    },
    Target {
        name: "names",
        claim: "a path, a SPIFFE id and a destination are refused, or have one spelling that is read as itself",
        run: target::names::run,
    },
    Target {
        name: "settings",
        claim: "a plugin configuration is refused, or read",
        run: target::settings::run,
    },
    Target {
        name: "policy",
        claim: "a policy text has diagnostics that can be shown, or compiles to blobs that verify",
        run: target::policy::run,
    },
    Target {
        name: "format",
        claim: "formatting a policy text changes nothing when it is done again, and nothing that the text means",
        run: target::policy::run_format,
    },
    Target {
        name: "callbacks",
        claim: "the module that ships bears any order of callbacks and any failure of its host, and lets no more pass",
        run: target::callbacks::run,
    },
];

/// Tries the target of a name.
///
/// # Panics
///
/// When it does not hold, or when there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(bytes);
}

/// The corpus of a target: names and bytes, by name.
///
/// # Errors
///
/// When its directory cannot be read.
pub fn corpus(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut inputs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        inputs.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    inputs.sort();
    Ok(inputs)
}
