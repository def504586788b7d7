use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A binary search over that many, as long as it can last.
fn longest_search(count: u32) -> u32 {
    let (mut left, mut looks) = (count, 0);
    while left > 0 {
        looks += 1;
        left /= 2;
    }
    looks
}

#[test]
fn a_search_takes_no_more() {
    for count in (0..200).chain([1_000, 1_023, 1_024, 65_535, u32::MAX]) {
        assert_eq!(search(count), longest_search(count), "{count}");
    }
}

#[test]
fn the_bound_is_the_formula_of_the_document() {
    for sizes in [
        Sizes::default(),
        Sizes { largest_set: 10_000, longest_side: 40, dearest_arm: 25 },
        Sizes { largest_set: 1, longest_side: 0x7fff, dearest_arm: 20_000 },
    ] {
        let Sizes { largest_set, longest_side, dearest_arm } = sizes;
        let bound = 64
            + 17 * (50 + 5 * search(largest_set))
            + 32
            + 21 * (18 + 2 * search(longest_side) + 2 * dearest_arm);
        assert_eq!(sizes.step_bound(), Some(bound));
    }
    assert_eq!(Sizes { dearest_arm: 25_000, ..Sizes::default() }.step_bound(), None);
    assert_eq!(Sizes { dearest_arm: u32::MAX, ..Sizes::default() }.step_bound(), None);
}
