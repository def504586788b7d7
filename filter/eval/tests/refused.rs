//! Every rule of `FORMAT.md` has a blob that breaks it and nothing before it, and is refused for it, at the place.
//!
//! To start with, a valid blob (`writer/world.rs`), in which one thing is then changed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests may panic"
)]

mod writer;

#[path = "refused/code.rs"]
mod code;
#[path = "refused/framing.rs"]
mod framing;
#[path = "refused/sections.rs"]
mod sections;

use std::collections::BTreeSet;

use ambit_bytecode::Section;
use ambit_bytecode::blob::{Blob, CHECKED_FROM, CHECKSUM_AT};
use ambit_bytecode::hash::hash;
use ambit_eval::{Program, VerifyError, VerifyErrorKind};

use writer::Draft;
use writer::world::world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The condition of the valid blob.
const CONDITION: &str = "field 0, truth, skip-if-false l1, all 4 {, element 5, truth, }, and, l1:";

/// What is done to the valid blob.
#[derive(Clone, Copy)]
enum Change {
    /// To what is written.
    Draft(fn(&mut Draft)),
    /// To a section: from an offset on, these bytes instead.
    Set(Section, usize, &'static [u8]),
    /// A section's last bytes are missing.
    Cut(Section, usize),
    /// A section has more bytes.
    Push(Section, &'static [u8]),
    /// To the bytes of the blob, with the checksum as it then has to be.
    Bytes(fn(&mut Vec<u8>)),
    /// To the bytes of the blob, whatever the checksum.
    Raw(fn(&mut Vec<u8>)),
}

/// A change, the rule that it breaks, and where: from the start of the section, or of the blob.
struct Case {
    change: Change,
    kind: VerifyErrorKind,
    section: Option<Section>,
    at: usize,
}

const fn case(change: Change, kind: VerifyErrorKind, section: Section, at: usize) -> Case {
    Case { change, kind, section: Some(section), at }
}

fn changed(change: Change) -> Vec<u8> {
    let mut draft = world(CONDITION);
    if let Change::Draft(edit) = change {
        edit(&mut draft);
    }
    let (mut sections, header) = draft.sections();
    match change {
        Change::Set(section, at, bytes) => {
            sections.section(section)[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Change::Cut(section, count) => {
            let left = sections.section(section).len() - count;
            sections.section(section).truncate(left);
        }
        Change::Push(section, bytes) => sections.section(section).extend(bytes),
        _ => {}
    }
    let mut blob = sections.frame(&header).unwrap();
    match change {
        Change::Raw(edit) => edit(&mut blob),
        Change::Bytes(edit) => {
            edit(&mut blob);
            let checksum = hash(0, &blob[CHECKED_FROM..]);
            blob[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
        }
        _ => {}
    }
    blob
}

fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let blob = changed(case.change);
        let start = match case.section {
            Some(section) => Blob::parse(&blob).unwrap().extent(section).start,
            None => 0,
        };
        let expected = VerifyError { kind: case.kind, section: case.section, offset: start + case.at };
        let refused = Program::verify(blob).err();
        if refused != Some(expected) {
            let at = refused.map(|error| error.offset.wrapping_sub(start));
            wrong.push(format!("case {number}: {expected:?}, {} in; found {refused:?}, {at:?} in", case.at));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_unchanged_blob_is_a_program() {
    let program = Program::verify(changed(Change::Raw(|_| ()))).unwrap();
    assert_eq!((program.header().generation, program.agents(), program.fields()), (42, 5, 12));
}

#[test]
fn every_kind_has_a_case() {
    let every = [framing::CASES, sections::TABLES, sections::NAMES, sections::VALUES, code::CASES];
    let words: BTreeSet<_> = every.into_iter().flatten().map(|case| case.kind.word()).collect();
    for kind in kinds() {
        assert!(words.contains(kind.word()), "`{}` has no case", kind.word());
    }
    // A kind that is missing here does not compile in `next`; one that shares its word is found here.
    let distinct: BTreeSet<_> = kinds().map(VerifyErrorKind::word).collect();
    assert_eq!(
        distinct.len(),
        kinds().count() - 1,
        "only a reserved byte reads alike in framing and sections"
    );
}

fn kinds() -> impl Iterator<Item = VerifyErrorKind> {
    std::iter::successors(Some(VerifyErrorKind::Framing(framing::FIRST)), |kind| next(*kind))
}

fn next(kind: VerifyErrorKind) -> Option<VerifyErrorKind> {
    Some(match kind {
        VerifyErrorKind::Framing(kind) => {
            framing::next(kind).map_or(VerifyErrorKind::Truncated, VerifyErrorKind::Framing)
        }
        VerifyErrorKind::Truncated => VerifyErrorKind::Trailing,
        VerifyErrorKind::Trailing => VerifyErrorKind::Count,
        VerifyErrorKind::Count => VerifyErrorKind::Reserved,
        VerifyErrorKind::Reserved => VerifyErrorKind::Unknown,
        VerifyErrorKind::Unknown => VerifyErrorKind::Order,
        VerifyErrorKind::Order => VerifyErrorKind::Reference,
        VerifyErrorKind::Reference => VerifyErrorKind::Number,
        VerifyErrorKind::Number => VerifyErrorKind::Opcode,
        VerifyErrorKind::Opcode => VerifyErrorKind::Stack,
        VerifyErrorKind::Stack => VerifyErrorKind::Jump,
        VerifyErrorKind::Jump => VerifyErrorKind::Nesting,
        VerifyErrorKind::Nesting => VerifyErrorKind::Steps,
        VerifyErrorKind::Steps => return None,
    })
}
