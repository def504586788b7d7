use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Written out in full, with so many digits before and after the point.
fn written(number: Number) -> String {
    const POINT: usize = 200;
    let digits: Vec<char> = std::format!("{}", number.coefficient.unsigned_abs()).chars().collect();
    let mut text = std::vec!['0'; 2 * POINT];
    // The last digit stands for 10^exponent.
    let last = (POINT as i32 - 1 - i32::from(number.exponent)) as usize;
    for (place, digit) in digits.iter().enumerate() {
        text[last + 1 + place - digits.len()] = *digit;
    }
    text.into_iter().collect()
}

/// The order of the texts, compared digit by digit.
fn oracle(left: Number, right: Number) -> Ordering {
    let sign = |number: Number| number.coefficient.signum();
    let by_sign = sign(left).cmp(&sign(right));
    let by_digits = written(left).cmp(&written(right));
    by_sign.then(if sign(left) < 0 { by_digits.reverse() } else { by_digits })
}

fn lowest(mut coefficient: i64, mut exponent: i16) -> Number {
    if coefficient == 0 {
        return Number { coefficient, exponent: 0 };
    }
    while coefficient % 10 == 0 {
        coefficient /= 10;
        exponent += 1;
    }
    Number { coefficient, exponent }
}

/// Few digits and near exponents meet often; extremes are rarer, and in requests a coefficient may have 19 digits.
fn number() -> impl Strategy<Value = Number> {
    let coefficient = prop_oneof![
        -30_i64..30,
        any::<i64>(),
        Just(i64::MIN),
        Just(i64::MAX),
        -1_000_000_000_000_000_000_i64..1_000_000_000_000_000_000
    ];
    (coefficient, prop_oneof![-3_i16..3, -20_i16..20, -130_i16..130]).prop_map(|(c, e)| lowest(c, e))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn numbers_compare_exactly(left in number(), right in number()) {
        prop_assert_eq!(left.cmp(&right), oracle(left, right));
        prop_assert_eq!(right.cmp(&left), oracle(left, right).reverse());
        prop_assert_eq!(left == right, left.cmp(&right) == Ordering::Equal);
    }

    /// The same digits a power of ten apart, or one apart in the last digit: the closest calls there are.
    #[test]
    fn close_numbers_compare_exactly(coefficient: i64, exponent in -40_i16..40, shift in 0_u32..19, step in -1_i64..=1) {
        let Some(scaled) = 10_i64.checked_pow(shift).and_then(|power| coefficient.checked_mul(power)) else { return Ok(()) };
        let (left, right) = (lowest(coefficient, exponent), lowest(scaled.saturating_add(step), exponent - shift as i16));
        prop_assert_eq!(left.cmp(&right), oracle(left, right));
    }

    #[test]
    fn whole_numbers_are_in_lowest_form(number: u32) {
        prop_assert_eq!(Number::whole(number), lowest(i64::from(number), 0));
    }
}

#[test]
fn zero_and_extremes_are_in_order() {
    let ascending = [
        Number { coefficient: i64::MIN, exponent: i16::MAX },
        Number { coefficient: -1, exponent: 0 },
        Number { coefficient: -1, exponent: i16::MIN },
        Number { coefficient: 0, exponent: 0 },
        Number { coefficient: 1, exponent: i16::MIN },
        Number { coefficient: 1, exponent: 0 },
        Number { coefficient: i64::MAX, exponent: i16::MAX },
    ];
    for (place, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            assert_eq!(left.cmp(right), place.cmp(&other), "{left:?} {right:?}");
        }
    }
    assert_eq!(Number::whole(0), Number { coefficient: 0, exponent: 0 });
}

#[test]
fn truth_has_three_values() {
    use Truth::{False, True, Unknown};
    for (left, right, and, or) in [
        (True, True, True, True),
        (True, False, False, True),
        (True, Unknown, Unknown, True),
        (False, False, False, False),
        (False, Unknown, False, Unknown),
        (Unknown, Unknown, Unknown, Unknown),
    ] {
        assert_eq!((left.and(right), right.and(left)), (and, and));
        assert_eq!((left.or(right), right.or(left)), (or, or));
        assert_eq!(left.negated().negated(), left);
    }
    assert_eq!((True.negated(), Unknown.negated()), (False, Unknown));
}
