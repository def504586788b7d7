//! Exact comparison of decimals, by writing them out.

use core::cmp::Ordering;

use crate::model::Decimal;

/// Every exponent is lifted by this much, so that all numbers are whole.
const LIFT: i32 = 64;

/// Compares two decimals exactly.
pub(super) fn compare(left: Decimal, right: Decimal) -> Ordering {
    match (left.coefficient.signum(), right.coefficient.signum()) {
        (1, 1) => magnitude(left, right),
        (-1, -1) => magnitude(right, left),
        (left, right) => left.cmp(&right),
    }
}

fn magnitude(left: Decimal, right: Decimal) -> Ordering {
    let (left, right) = (written_out(left), written_out(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

/// The digits of `|decimal| * 10^LIFT`, without leading zeros.
fn written_out(decimal: Decimal) -> String {
    let mut digits = decimal.coefficient.unsigned_abs().to_string();
    let zeros = i32::from(decimal.exponent).saturating_add(LIFT).max(0);
    digits.extend((0..zeros).map(|_| '0'));
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_exactly() {
        let decimal = |coefficient, exponent| Decimal { coefficient, exponent };
        let ascending = [
            decimal(-999_999_999_999_999_999, 64),
            decimal(-2, 1),
            decimal(-19, 0),
            decimal(-1, -64),
            decimal(0, 0),
            decimal(1, -64),
            decimal(999_999_999_999_999_999, -64),
            decimal(3, -1),
            decimal(1, 0),
            decimal(100_000_000_000_000_001, -17),
            decimal(11, -1),
            decimal(1, 1),
            decimal(999_999_999_999_999_999, 0),
            decimal(1, 18),
            decimal(1, 64),
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(compare(*left, *right), at.cmp(&other), "{left:?} and {right:?}");
            }
        }
    }
}
