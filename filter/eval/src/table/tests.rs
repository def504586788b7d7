use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn records_are_within_of<const SIZE: usize>(bytes: &[u8], start: usize, count: u32, place: u32) {
    let table = Table::<SIZE> { start, count };
    let at = start + place as usize * SIZE;
    let expected = if place < count { bytes.get(at..at + SIZE) } else { None };
    assert_eq!(table.record(bytes, place).map(<[u8; SIZE]>::as_slice), expected);
    assert_eq!(table.offset(place), at);
}

proptest! {
    #[test]
    fn find_is_a_linear_search(members in proptest::collection::btree_set(0_u16..60, 0..40), before in 0_usize..5, wanted in 0_u16..62) {
        let mut bytes = std::vec![0xff; before];
        bytes.extend(members.iter().flat_map(|member| member.to_le_bytes()));
        let table = Table { start: before, count: members.len() as u32 };
        let linear = members.iter().position(|member| *member == wanted).map(|place| place as u32);
        prop_assert_eq!(find(&bytes, table, wanted), linear);
    }

    /// A record lies where it should, and nowhere if any of it would lie outside.
    #[test]
    fn records_are_within(
        length in 0_usize..64,
        start in 0_usize..70,
        count in 0_u32..20,
        place in 0_u32..24,
    ) {
        let bytes: Vec<u8> = (0..length as u8).collect();
        records_are_within_of::<1>(&bytes, start, count, place);
        records_are_within_of::<4>(&bytes, start, count, place);
        records_are_within_of::<17>(&bytes, start, count, place);
    }

    #[test]
    fn groups_are_what_lies_between_their_firsts(lengths in proptest::collection::vec(0_u32..5, 0..8)) {
        let mut bytes = Vec::new();
        let mut first = 0_u32;
        for length in [0].iter().chain(&lengths) {
            first += length;
            bytes.extend(first.to_le_bytes());
        }
        let firsts = Table { start: 0, count: lengths.len() as u32 + 1 };
        let items = Table { start: bytes.len(), count: first };
        bytes.extend((0..first as u16).flat_map(u16::to_le_bytes));
        let groups = Groups { firsts, items };
        prop_assert_eq!(groups.count() as usize, lengths.len());
        let mut next = 0_u16;
        for (place, length) in lengths.iter().enumerate() {
            let table = groups.table(&bytes, place as u32).unwrap();
            let members: Vec<_> = (0..table.count).map(|member| table.u16(&bytes, member).unwrap()).collect();
            let expected: Vec<_> = (next..next + *length as u16).collect();
            next += *length as u16;
            prop_assert_eq!(members, expected);
        }
        prop_assert!(groups.table(&bytes, lengths.len() as u32).is_none());
    }
}

#[test]
fn places_beyond_all_memory_are_no_records() {
    let table = Table::<12> { start: usize::MAX - 1, count: u32::MAX };
    assert_eq!(table.record(&[0; 8], u32::MAX - 1), None);
    assert_eq!(table.offset(u32::MAX - 1), usize::MAX);
}

#[test]
fn an_index_without_slots_finds_nothing() {
    assert_eq!(Index::<8>::default().candidate(&[0; 8], 5), None);
}
