//! Tests of one text by another.

use ambit_bytecode::opcode::Opcode;

use crate::value::Truth;

/// Applies a text test. An empty needle is everywhere.
///
/// `contains` is of UTF-8 only: of other bytes, which only a header can hold, it is unknown.
pub(crate) fn test(opcode: Opcode, text: &[u8], needle: &[u8]) -> Truth {
    match opcode {
        Opcode::StartsWith => text.starts_with(needle).into(),
        Opcode::EndsWith => text.ends_with(needle).into(),
        _ if core::str::from_utf8(text).is_err() || core::str::from_utf8(needle).is_err() => Truth::Unknown,
        _ => contains(text, needle, |left, right| left == right).is_some_and(|found| found).into(),
    }
}

/// Whether the needle is in the text: Crochemore and Perrin's two-way search, which needs no memory and compares at
/// most a small multiple of both lengths. The standard library's needs as little, but has ways to panic in it.
///
/// `None` never comes up: every place that is looked at exists.
fn contains(text: &[u8], needle: &[u8], mut same: impl FnMut(u8, u8) -> bool) -> Option<bool> {
    if needle.is_empty() {
        return Some(true);
    }
    let (middle, mut period) = factorize(needle)?;
    let (left, right) = needle.split_at_checked(middle)?;
    // If the left part comes again a period later, the needle has this period all over, and what one attempt matched
    // of it need not be compared again in the next.
    let periodic = needle.get(period..)?.starts_with(left);
    if !periodic {
        period = left.len().max(right.len()).checked_add(1)?;
    }
    let mut known = 0_usize;
    let mut start = 0_usize;
    while let Some(window) = text.get(start..start.checked_add(needle.len())?) {
        let from = middle.max(known);
        let mut ahead = window.iter().zip(needle).skip(from);
        if let Some(matched) = ahead.position(|(byte, wanted)| !same(*byte, *wanted)) {
            start = start.checked_add(from.checked_sub(middle)?)?.checked_add(matched)?.checked_add(1)?;
            known = 0;
            continue;
        }
        let mut behind = window.iter().zip(needle).take(middle).skip(known).rev();
        if behind.all(|(byte, wanted)| same(*byte, *wanted)) {
            return Some(true);
        }
        start = start.checked_add(period)?;
        known = if periodic { needle.len().checked_sub(period)? } else { 0 };
    }
    Some(false)
}

/// A critical place of the needle, and the period of what follows it: the later of its greatest suffixes by either
/// order of bytes.
fn factorize(needle: &[u8]) -> Option<(usize, usize)> {
    let ascending = greatest_suffix(needle, |byte, best| byte < best)?;
    let descending = greatest_suffix(needle, |byte, best| byte > best)?;
    Some(ascending.max(descending))
}

/// Where the greatest suffix starts, if `below` is the order of bytes, and its period.
fn greatest_suffix(needle: &[u8], below: impl Fn(u8, u8) -> bool) -> Option<(usize, usize)> {
    let (mut best, mut rival, mut equal, mut period) = (0_usize, 1_usize, 0_usize, 1_usize);
    while let Some(byte) = needle.get(rival.checked_add(equal)?) {
        let of_best = needle.get(best.checked_add(equal)?)?;
        equal = equal.checked_add(1)?;
        if byte == of_best {
            if equal == period {
                rival = rival.checked_add(period)?;
                equal = 0;
            }
        } else if below(*byte, *of_best) {
            rival = rival.checked_add(equal)?;
            equal = 0;
            period = rival.checked_sub(best)?;
        } else {
            best = rival;
            rival = rival.checked_add(1)?;
            equal = 0;
            period = 1;
        }
    }
    Some((best, period))
}

#[cfg(test)]
mod tests;
