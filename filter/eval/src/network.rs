//! Addresses and ranges of them. `FORMAT.md`, section networks.
//!
//! The standard library parses addresses, too, but not without a way to panic in it.

use ambit_bytecode::cursor::{array_at, u8_at};

/// An address as IPv6, IPv4 mapped. `None` if the text is not an address: no scope, no port, no leading zeros in IPv4.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u128> {
    // The longest address is 45 bytes; whatever is longer need not be looked at.
    if text.len() > 45 {
        return None;
    }
    match v4(text) {
        Some(address) => Some(0xffff_0000_0000 | u128::from(address)),
        None => v6(text),
    }
}

/// Whether the range of a record holds an address.
pub(crate) fn holds(record: &[u8], address: u128) -> bool {
    let (Some(base), Some(prefix)) = (array_at::<16>(record, 0), u8_at(record, 16)) else {
        return false;
    };
    let rest = 128_u32.saturating_sub(u32::from(prefix));
    let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
    (u128::from_be_bytes(base) ^ address) & mask == 0
}

/// Four numbers up to 255, in decimal, without leading zeros.
fn v4(text: &[u8]) -> Option<u32> {
    let mut address = 0_u32;
    let mut count = 0_u8;
    for number in text.split(|byte| *byte == b'.') {
        if number.len() > 3 || (number.len() > 1 && number.first() == Some(&b'0')) {
            return None;
        }
        let byte = u8::try_from(digits(number, 10)?).ok()?;
        address = (address << 8) | u32::from(byte);
        count = count.saturating_add(1);
    }
    (count == 4).then_some(address)
}

/// Eight groups, or fewer around one `::` that stands for at least one.
fn v6(text: &[u8]) -> Option<u128> {
    let Some(gap) = text.windows(2).position(|pair| pair == b"::") else {
        return groups(text).filter(|(_, count)| *count == 8).map(|(address, _)| address);
    };
    let (head, rest) = text.split_at_checked(gap)?;
    if head.contains(&b'.') {
        return None;
    }
    let (head, before) = groups(head)?;
    let (tail, after) = groups(rest.get(2..)?)?;
    let missing = 8_u32.checked_sub(before)?.checked_sub(after).filter(|missing| *missing > 0)?;
    let shift = missing.saturating_add(after).saturating_mul(16);
    Some(head.checked_shl(shift).unwrap_or(0) | tail)
}

/// Groups of up to four hexadecimal digits between colons, the last two perhaps as IPv4, and how many they are.
fn groups(text: &[u8]) -> Option<(u128, u32)> {
    let (mut address, mut count) = (0_u128, 0_u32);
    if text.is_empty() {
        return Some((address, count));
    }
    let mut rest = Some(text);
    while let Some(text) = rest {
        let colon = text.iter().position(|byte| *byte == b':');
        let (group, after) = match colon {
            Some(colon) => text.split_at_checked(colon)?,
            None => (text, text),
        };
        rest = colon.and_then(|_| after.get(1..));
        if rest.is_none() && group.contains(&b'.') {
            address = (address << 32) | u128::from(v4(group)?);
            count = count.saturating_add(2);
        } else {
            if group.len() > 4 {
                return None;
            }
            address = (address << 16) | u128::from(digits(group, 16)?);
            count = count.saturating_add(1);
        }
    }
    (count <= 8).then_some((address, count))
}

/// At least one digit. Callers look at how many: four fit, whatever the radix.
fn digits(text: &[u8], radix: u32) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
            _ => return None,
        };
        let digit = u32::from(digit);
        if digit < radix { Some(number.saturating_mul(radix).saturating_add(digit)) } else { None }
    })
}

#[cfg(test)]
mod tests;
