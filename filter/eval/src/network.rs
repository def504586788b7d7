//! Addresses and ranges of them. `FORMAT.md`, section networks.

use core::net::IpAddr;

use ambit_bytecode::cursor::{array_at, u8_at};

/// An address as IPv6, IPv4 mapped. `None` if the text is not an address, a scope or a port included.
pub(crate) fn parse(text: &[u8]) -> Option<u128> {
    // The longest address is 45 bytes; whatever is longer need not be looked at.
    let text = core::str::from_utf8(text.get(..).filter(|text| text.len() <= 45)?).ok()?;
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    })
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
