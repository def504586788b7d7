use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// States with their labels and the ranges that lead on.
type States = Vec<(u16, Vec<(u8, u8, u16)>)>;

fn written(states: &States) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((states.len() as u16).to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out.extend((states.iter().map(|(_, ranges)| ranges.len()).sum::<usize>() as u32).to_le_bytes());
    let mut first = 0_u32;
    for (label, ranges) in states {
        out.extend(first.to_le_bytes());
        out.extend(label.to_le_bytes());
        first += ranges.len() as u32;
    }
    for (low, high, target) in states.iter().flat_map(|(_, ranges)| ranges) {
        out.extend([*low, *high]);
        out.extend(target.to_le_bytes());
    }
    out
}

fn naive(states: &States, input: &[u8]) -> Option<u16> {
    let mut state = 0;
    for byte in input {
        let (_, ranges) = &states[state];
        let (_, _, target) = ranges.iter().find(|(low, high, _)| (low..=high).contains(&byte))?;
        state = usize::from(*target);
    }
    Some(states[state].0).filter(|label| *label != NONE)
}

/// Ranges that ascend: cut the bytes at some places, and keep some of the pieces.
fn ranges(states: u16) -> impl Strategy<Value = Vec<(u8, u8, u16)>> {
    let pieces = (
        proptest::collection::btree_set(any::<u8>(), 1..12),
        proptest::collection::vec((any::<bool>(), 0..states), 12),
    );
    pieces.prop_map(|(cuts, kept)| {
        let cuts: Vec<u8> = cuts.into_iter().collect();
        let ends = cuts.iter().skip(1).map(|next| next - 1).chain([u8::MAX]);
        let pieces = cuts.iter().zip(ends).zip(kept);
        pieces.filter(|(_, (keep, _))| *keep).map(|((low, high), (_, target))| (*low, high, target)).collect()
    })
}

fn states() -> impl Strategy<Value = States> {
    (1_u16..6).prop_flat_map(|count| {
        proptest::collection::vec((prop_oneof![Just(NONE), 0_u16..9], ranges(count)), usize::from(count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn an_automaton_runs_as_it_reads(states in states(), inputs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 16), before in 0_usize..9) {
        let bytes = [std::vec![0xa5; before], written(&states)].concat();
        let automaton = Automaton::lay_out(&mut Cursor::new(&bytes[before..]), before).unwrap();
        for input in inputs {
            prop_assert_eq!(automaton.run(&bytes, &input), naive(&states, &input));
        }
    }

    #[test]
    fn labels_below_a_prefix_are_those_of_what_continues_it(states in states(), prefix in proptest::collection::vec(any::<u8>(), 0..3)) {
        let bytes = written(&states);
        let automaton = Automaton::lay_out(&mut Cursor::new(&bytes), 0).unwrap();
        let mut marks = std::vec![7; states.len()];
        let mut found = Vec::new();
        prop_assert_eq!(automaton.below(&bytes, &prefix, &mut marks, &mut |label| found.push(label)), Some(()));
        found.sort_unstable();
        found.dedup();
        // Whatever can be reached is within as many bytes as there are states, and one byte of each range will do.
        let mut inputs = std::vec![prefix.clone()];
        let mut expected = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(input) = inputs.pop() {
            expected.extend(naive(&states, &input));
            let state = input.iter().try_fold(0, |state: usize, byte| {
                let range = states[state].1.iter().find(|(low, high, _)| (low..=high).contains(&byte));
                range.map(|(_, _, target)| usize::from(*target))
            });
            if let Some(state) = state.filter(|state| seen.insert(*state)) {
                inputs.extend(states[state].1.iter().map(|(low, ..)| [&input[..], &[*low]].concat()));
            }
        }
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(found, expected);
        if !seen.is_empty() {
            let short = &mut marks[1..];
            let all = automaton.below(&bytes, &prefix, short, &mut |_| {}).is_some();
            prop_assert!(!all || !seen.contains(&(states.len() - 1)));
        }
    }
}
