//! Blobs that are not what the compiler wrote: from any bytes, through valid framing around any bytes, to a valid blob
//! with a change. Each is refused, or is a program that judges every request without fault within its step bound.
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

use ambit_bytecode::Section;
use ambit_bytecode::blob::{Blob, HEADER_BYTES};
use ambit_bytecode::disasm::disassemble;
use ambit_bytecode::encode::Sections;
use ambit_eval::Program;
use proptest::prelude::*;

use damaged::conditions::tree;
use damaged::{battery, damages, harmless, repair};
use writer::assemble::assemble;
use writer::world::world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Conditions that have every kind of operand between them.
const CONDITIONS: [&str; 4] = [
    "field 0, in-set 0, skip-if-false l1, all 4 {, has-element 5, element 6, truth, or, }, and, l1:",
    "field 2, in-network 0, field 0, matches 2, or, skip-if-true l1, field 1, literal 8, starts-with, or, l1:",
    "exists 4 {, all 7 {, element 8, truth, }, element 5, size, depth, less, and, }, field 3, in-list 4, or",
    "chain-has 1, origin-in 0, and, caller-in 1, or, under-mission 0, or, count 4, minute, greater, or",
];

fn blobs() -> impl Iterator<Item = Vec<u8>> {
    CONDITIONS.into_iter().map(|condition| world(condition).blob())
}

#[test]
fn undamaged_blobs_are_programs() {
    for blob in blobs() {
        assert!(harmless(&blob, &battery()));
    }
}

#[test]
fn every_single_damage_is_refused() {
    for damaged in blobs().flat_map(|blob| damages(&blob, &[0x01, 0x10, 0x80, 0xff]).collect::<Vec<_>>()) {
        assert!(Program::verify(damaged).is_err());
    }
}

/// Where the checksum does not tell, the rules must.
#[test]
fn damage_with_a_right_checksum_does_no_harm() {
    let battery = battery();
    for blob in blobs() {
        let (mut programs, mut refused) = (0, 0);
        for mut damaged in damages(&blob, &[0x01, 0x06, 0x80]) {
            repair(&mut damaged);
            *(if harmless(&damaged, &battery) { &mut programs } else { &mut refused }) += 1;
        }
        // Both must come up, or this test looks at nothing.
        assert!(programs > 1_000 && refused > 1_000, "{programs} programs, {refused} refused");
    }
}

/// A change of a blob.
#[derive(Clone, Debug)]
enum Change {
    Byte(prop::sample::Index, u8),
    Word(prop::sample::Index, u16),
    /// Bytes from elsewhere in the blob.
    Copy(prop::sample::Index, prop::sample::Index, usize),
    /// What lies in one section grows or shrinks, and the directory says so.
    Resize(usize, i8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        // Small numbers are often ids that exist.
        3 => (any::<prop::sample::Index>(), prop_oneof![0_u16..16, Just(0xffff), any::<u16>()])
            .prop_map(|(at, word)| Change::Word(at, word)),
        2 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_usize..16)
            .prop_map(|(from, to, length)| Change::Copy(from, to, length)),
        1 => (0_usize..18, -12_i8..12).prop_map(|(section, by)| Change::Resize(section, by)),
    ]
}

fn apply(blob: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Byte(at, byte) => *at.get_mut(blob) = *byte,
        Change::Word(at, word) => {
            let at = at.index(blob.len() - 1);
            blob[at..at + 2].copy_from_slice(&word.to_le_bytes());
        }
        Change::Copy(from, to, length) => {
            let (from, to) = (from.index(blob.len() - length), to.index(blob.len() - length));
            blob.copy_within(from..from + length, to);
        }
        Change::Resize(section, by) => {
            repair(blob);
            let Ok(parsed) = Blob::parse(blob) else { return };
            let mut sections = Sections::default();
            for section in Section::REQUIRED {
                *sections.section(*section) = parsed.section(*section).to_vec();
            }
            let body = sections.section(Section::REQUIRED[*section]);
            body.resize(body.len().saturating_add_signed(isize::from(*by)), 0);
            let header = *parsed.header();
            *blob = sections.frame(&header).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Program::verify(bytes).is_err());
    }

    #[test]
    fn any_bytes_after_a_header_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), HEADER_BYTES..512)) {
        bytes[..6].copy_from_slice(b"AMBT\x01\x00");
        repair(&mut bytes);
        prop_assert!(Program::verify(bytes).is_err());
    }

    /// One section is any bytes, small ones for the most part; the others are the valid blob's.
    #[test]
    fn any_section_does_no_harm(
        section in 0_usize..18,
        body in proptest::collection::vec(prop_oneof![3 => 0_u8..4, 1 => any::<u8>()], 0..64),
        condition in 0_usize..4,
    ) {
        let (mut sections, header) = world(CONDITIONS[condition]).sections();
        *sections.section(Section::REQUIRED[section]) = body;
        harmless(&sections.frame(&header).unwrap(), &battery());
    }

    #[test]
    fn any_changes_do_no_harm(
        condition in 0_usize..4,
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let mut blob = world(CONDITIONS[condition]).blob();
        for change in &changes {
            apply(&mut blob, change);
        }
        repair(&mut blob);
        harmless(&blob, &battery());
    }

    /// Any well-typed condition is a program, and its listing reads back as the same code.
    #[test]
    fn any_condition_is_a_program(tree in tree()) {
        let listing = tree.listing();
        let code = assemble(&listing).unwrap();
        prop_assume!(world(&listing).assembled(&listing).steps < 20_000);
        prop_assert!(harmless(&world(&listing).blob(), &battery()), "{}", listing);
        let written = disassemble(&code.bytes, &mut |_, _| None).unwrap();
        prop_assert_eq!(assemble(&written), Ok(code));
    }

    /// As any condition, with one byte changed.
    #[test]
    fn any_damaged_condition_does_no_harm(tree in tree(), at: prop::sample::Index, byte in prop_oneof![0_u8..64, any::<u8>()]) {
        let draft = world(&tree.listing());
        let (mut sections, header) = draft.sections();
        let code = sections.section(Section::Code);
        let at = 16 + at.index(code.len() - 16);
        code[at] = byte;
        harmless(&sections.frame(&header).unwrap(), &battery());
    }
}
