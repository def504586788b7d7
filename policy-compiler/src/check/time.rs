//! Points in time, and lengths of it.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::syntax::ast::Name;

/// Unix seconds of an RFC 3339 time in UTC.
pub(super) fn unix_seconds(text: &Name, diagnostics: &mut Diagnostics) -> Option<u64> {
    let seconds = parse(&text.value);
    if seconds.is_none() {
        let message = format!("`{}` is not a time", text.value);
        diagnostics.push(
            Diagnostic::new(Code::BadTime, text.span, message).help("as in `2027-01-31T00:00:00Z`, in UTC"),
        );
    }
    seconds
}

/// The units of lengths of time, in milliseconds, longest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Milliseconds of a length of time, such as `30s`.
pub(super) fn milliseconds(text: &Name, diagnostics: &mut Diagnostics) -> Option<u64> {
    let length = length(&text.value);
    if length.is_none() {
        let message = format!("`{}` is not a length of time", text.value);
        diagnostics.push(
            Diagnostic::new(Code::BadTime, text.span, message)
                .help("a whole number and one of `ms`, `s`, `m` and `h`, as in `30s`"),
        );
    }
    length
}

/// A length of time as it is written.
pub(super) fn shown(milliseconds: u64) -> String {
    let fits = |unit: &&(&str, u64)| milliseconds >= unit.1 && milliseconds.is_multiple_of(unit.1);
    let (unit, length) = UNITS.iter().find(fits).copied().unwrap_or(("ms", 1));
    format!("{}{unit}", milliseconds.checked_div(length).unwrap_or(0))
}

fn length(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*length)
}

fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let leap = is_leap(year);
    let length = match month {
        2 => {
            if leap {
                29
            } else {
                28
            }
        }
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || day == 0 || day > length || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days_before = days_before_year(year)?.checked_sub(days_before_year(1970)?)?;
    let days = days_before.checked_add(days_before_month(month, leap)?)?.checked_add(day.checked_sub(1)?)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    hours.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?.checked_add(second)
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Days from the first of January of the year 1 to that of `year`.
fn days_before_year(year: u64) -> Option<u64> {
    let past = year.checked_sub(1)?;
    let leaps =
        past.checked_div(4)?.checked_sub(past.checked_div(100)?)?.checked_add(past.checked_div(400)?)?;
    past.checked_mul(365)?.checked_add(leaps)
}

fn days_before_month(month: u64, leap: bool) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    BEFORE.get(index)?.checked_add(u64::from(leap && month > 2))
}

#[cfg(test)]
mod tests {
    use super::{length, parse, shown};

    #[test]
    fn lengths() {
        for (text, milliseconds) in [
            ("30s", Some(30_000)),
            ("0s", Some(0)),
            ("250ms", Some(250)),
            ("90m", Some(5_400_000)),
            ("1h", Some(3_600_000)),
            ("1d", None),
            ("s", None),
            ("30", None),
            ("1.5s", None),
            ("-1s", None),
            ("1m30s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(length(text), milliseconds, "{text}");
        }
        assert_eq!([0, 1_500, 60_000, 3_600_000].map(shown), ["0ms", "1500ms", "1m", "1h"]);
    }

    #[test]
    fn times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:34:56Z", Some(951_827_696)),
            ("2026-11-23T00:58:00Z", Some(1_795_395_480)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("2100-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-1-01T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00+01:00", None),
            ("1969-12-31T23:59:59Z", None),
            ("", None),
        ] {
            assert_eq!(parse(text), seconds, "{text}");
        }
    }
}
