//! Numbers, exactly.

use crate::model::Decimal;
use crate::syntax::limits::{MAX_DIGITS, MAX_EXPONENT};

/// The decimal that a CEL literal (`50`, `1.5`, `1e-3`, `0x1F`, `7u`) stands for; none if it has too many digits or too
/// large an exponent.
pub(super) fn decimal(text: &str, negative: bool) -> Option<Decimal> {
    let text = text.trim().trim_end_matches(['u', 'U']);
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return lowest(u64::from_str_radix(hex, 16).ok()?, 0, negative);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.len() > MAX_DIGITS {
        return None;
    }
    let dropped = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
    let point = i64::try_from(fraction.len()).ok()?;
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let coefficient = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    lowest(coefficient, exponent.checked_sub(point)?.checked_add(dropped)?, negative)
}

fn lowest(mut coefficient: u64, mut exponent: i64, negative: bool) -> Option<Decimal> {
    if coefficient == 0 {
        return Some(Decimal { coefficient: 0, exponent: 0 });
    }
    while let (0, Some(shorter)) = (coefficient.checked_rem(10)?, coefficient.checked_div(10)) {
        coefficient = shorter;
        exponent = exponent.checked_add(1)?;
    }
    let digits = coefficient.checked_ilog10()?.checked_add(1)?;
    if usize::try_from(digits).ok()? > MAX_DIGITS || exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let coefficient = i64::try_from(coefficient).ok()?;
    let coefficient = if negative { coefficient.checked_neg()? } else { coefficient };
    Some(Decimal { coefficient, exponent: i16::try_from(exponent).ok()? })
}

#[cfg(test)]
mod tests {
    use super::decimal;
    use crate::model::Decimal;

    #[test]
    fn literals_are_read_exactly() {
        for (text, expected) in [
            ("0", Some((0, 0))),
            ("0.000", Some((0, 0))),
            ("50", Some((5, 1))),
            ("1.50", Some((15, -1))),
            (".5e3", Some((5, 2))),
            ("0x1F", Some((31, 0))),
            ("0x64", Some((1, 2))),
            ("7u", Some((7, 0))),
            ("0.1", Some((1, -1))),
            ("123456789012345678", Some((123_456_789_012_345_678, 0))),
            ("1234567890123456789", None),
            ("1e64", Some((1, 64))),
            ("1e65", None),
            ("10e64", None),
            ("1e-65", None),
            ("1e99999999999999999999", None),
        ] {
            let expected = expected.map(|(coefficient, exponent)| Decimal { coefficient, exponent });
            assert_eq!(decimal(text, false), expected, "{text}");
        }
        assert_eq!(decimal("1.5", true), Some(Decimal { coefficient: -15, exponent: -1 }));
    }
}
