use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn naive(text: &[u8], needle: &[u8]) -> bool {
    (0..=text.len()).any(|start| text[start..].starts_with(needle))
}

/// Whether it is there, and how many bytes were compared.
fn searched(text: &[u8], needle: &[u8]) -> (Option<bool>, usize) {
    let mut compared = 0;
    let found = contains(text, needle, |left, right| {
        compared += 1;
        left == right
    });
    (found, compared)
}

/// Everything of so many letters, of all lengths up to the longest.
fn words(longest: u32, letters: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..=longest).flat_map(move |length| {
        (0..u32::from(letters).pow(length)).map(move |number| {
            (0..length)
                .map(|place| (number / u32::from(letters).pow(place) % u32::from(letters)) as u8)
                .collect()
        })
    })
}

#[test]
fn every_short_needle_is_found_in_every_short_text() {
    let texts: Vec<_> = words(9, 2).collect();
    for needle in words(6, 2).chain(words(3, 3)) {
        for text in &texts {
            assert_eq!(searched(text, &needle).0, Some(naive(text, &needle)), "{needle:?} in {text:?}");
        }
    }
}

/// The worst that can be asked still takes a small multiple of the text's length.
#[test]
fn search_is_linear() {
    let many = |letter: u8, count: usize| std::vec![letter; count];
    let half = 2_000;
    let fibonacci = {
        let (mut last, mut word) = (std::vec![b'b'], std::vec![b'a']);
        while word.len() < 4 * half {
            let next = [&word[..], &last].concat();
            last = core::mem::replace(&mut word, next);
        }
        word
    };
    for (text, needle) in [
        (many(b'a', 4 * half), [many(b'a', half), many(b'b', 1)].concat()),
        (many(b'a', 4 * half), [many(b'b', 1), many(b'a', half)].concat()),
        (many(b'a', 4 * half), [many(b'a', half), many(b'b', 1), many(b'a', half)].concat()),
        (b"ab".repeat(2 * half), [b"ab".repeat(half / 2), b"b".to_vec()].concat()),
        (b"aab".repeat(half), [b"aab".repeat(half / 3), b"aaa".to_vec()].concat()),
        (fibonacci.clone(), [&fibonacci[..half], b"b", &fibonacci[..half]].concat()),
    ] {
        let (found, compared) = searched(&text, &needle);
        assert_eq!(found, Some(naive(&text, &needle)));
        assert!(compared <= 2 * text.len(), "{compared} bytes compared of {}", text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn search_finds_what_is_there(
        text in proptest::collection::vec(0_u8..3, 0..80),
        needle in proptest::collection::vec(0_u8..3, 0..12),
        repeated in 1_usize..4,
    ) {
        let needle = needle.repeat(repeated);
        let (found, compared) = searched(&text, &needle);
        prop_assert_eq!(found, Some(naive(&text, &needle)));
        prop_assert!(compared <= 2 * text.len());
    }

    #[test]
    fn a_part_of_a_text_is_found(text in proptest::collection::vec(any::<u8>(), 0..200), from: prop::sample::Index, length: prop::sample::Index) {
        let from = from.index(text.len() + 1);
        let length = length.index(text.len() - from + 1);
        prop_assert_eq!(searched(&text, &text[from..from + length]).0, Some(true));
    }
}
