//! Networks.

use core::net::IpAddr;

use crate::model::Cidr;

/// Bits that an IPv4 address is behind when it is mapped into IPv6.
const MAPPED_BITS: u8 = 96;

/// Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address.
pub(in crate::check) fn parse(text: &str) -> Result<Cidr, String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| format!("`{address}` is not an IP address"))?;
    let (bits, shift, octets) = match address {
        IpAddr::V4(v4) => (32_u8, MAPPED_BITS, v4.to_ipv6_mapped().octets()),
        IpAddr::V6(v6) => (128, 0, v6.octets()),
    };
    let prefix = match prefix {
        None => bits,
        Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(|| format!("`/{prefix}` is longer than {bits} bits"))?,
        Some(prefix) => return Err(format!("`/{prefix}` is not a length in bits")),
    };
    let prefix = prefix.saturating_add(shift);
    let host = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    if u128::from_be_bytes(octets) & host != 0 {
        return Err(format!("`{text}` has bits set behind its prefix"));
    }
    Ok(Cidr { address: octets, prefix })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn networks() {
        for (text, prefix) in
            [("10.0.0.0/8", 104), ("10.1.2.3", 128), ("::/0", 0), ("2001:db8::/32", 32), ("0.0.0.0/0", 96)]
        {
            assert_eq!(parse(text).unwrap().prefix, prefix, "{text}");
        }
        for text in [
            "10.0.0.1/8",
            "10.1.0.0/8",
            "2001:db9::/31",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "a",
            "",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
