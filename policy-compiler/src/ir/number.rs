//! The order of decimals.

use core::cmp::Ordering;

use crate::model::Decimal;

/// Compares two decimals exactly.
pub(crate) fn order(left: Decimal, right: Decimal) -> Ordering {
    let by_sign = left.coefficient.signum().cmp(&right.coefficient.signum());
    if by_sign.is_ne() || left.coefficient == 0 {
        return by_sign;
    }
    let by_size = magnitude(left).cmp(&magnitude(right)).then_with(|| {
        // Of one order of magnitude: exponents differ by less than 19, so that bringing them together fits.
        let least = left.exponent.min(right.exponent);
        lifted(left, least).cmp(&lifted(right, least))
    });
    if left.coefficient > 0 { by_size } else { by_size.reverse() }
}

/// How many digits stand before the point, were it written out.
fn magnitude(number: Decimal) -> i32 {
    let digits = number.coefficient.unsigned_abs().checked_ilog10().map_or(0, |log| log.saturating_add(1));
    i32::from(number.exponent).saturating_add(i32::try_from(digits).unwrap_or(i32::MAX))
}

fn lifted(number: Decimal, exponent: i16) -> u128 {
    let power = u32::try_from(number.exponent.saturating_sub(exponent)).unwrap_or(0);
    u128::from(number.coefficient.unsigned_abs())
        .saturating_mul(10_u128.checked_pow(power).unwrap_or(u128::MAX))
}
