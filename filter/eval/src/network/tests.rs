use core::net::{IpAddr, Ipv6Addr};
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// As the standard library reads it.
fn oracle(text: &str) -> Option<u128> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    })
}

#[test]
fn addresses_are_read_as_the_standard_library_does() {
    for text in [
        "",
        ":",
        "::",
        ":::",
        "::::",
        "1",
        "1.2",
        "1.2.3",
        "1.2.3.4",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..2.3",
        "01.2.3.4",
        "0.0.0.0",
        "00.0.0.0",
        "1.2.3.256",
        "1.2.3.999",
        "1.2.3.1000",
        "1.2.3.-4",
        "1.2.3.+4",
        "1.2.3.4 ",
        "::1",
        "1::",
        "1::2",
        "1::2::3",
        "::1.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "1:2:3:4:5::1.2.3.4",
        "1:2:3:4:5:6::1.2.3.4",
        "::1:2:3:4:5:1.2.3.4",
        "::1:2:3:4:5:6:1.2.3.4",
        "1.2.3.4:1::",
        "12345::",
        "0001::",
        "00001::",
        "abcd:EF01::",
        "g::",
        "::ffff:10.0.0.1",
        "::ffff:010.0.0.1",
        "fe80::1%eth0",
        "[::1]",
        "::1/64",
        ":1",
        "1:",
        "1:2",
        "::1:",
        ":1::",
        "1:::2",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
        "0000:0000:0000:0000:0000:0000:255.255.255.255 ",
        "\u{ff11}.2.3.4",
    ] {
        assert_eq!(parse(text.as_bytes()), oracle(text), "`{text}`");
    }
    assert_eq!(parse(b"1.2.3.\xff"), None);
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9a-fA-F]{1,4}",
        4 => Just(":".to_string()),
        2 => Just("::".to_string()),
        2 => Just(".".to_string()),
        2 => "(25[0-6]|[01]?[0-9]{1,2})",
        1 => "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        1 => "[g% /\\[\\]+-]",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_192))]

    #[test]
    fn any_text_is_read_as_the_standard_library_does(pieces in proptest::collection::vec(piece(), 0..16)) {
        let text: String = pieces.concat();
        prop_assert_eq!(parse(text.as_bytes()), oracle(&text), "`{}`", text);
    }

    #[test]
    fn any_address_is_read(address: u128, gap in any::<u16>()) {
        // Zeros make the shorter forms come up.
        let groups: Vec<u16> = Ipv6Addr::from(address).segments().into_iter().enumerate()
            .map(|(place, group)| if gap >> place & 1 == 0 { 0 } else { group }).collect();
        let address = Ipv6Addr::from(<[u16; 8]>::try_from(groups).unwrap());
        prop_assert_eq!(parse(address.to_string().as_bytes()), Some(u128::from(address)));
    }

    #[test]
    fn a_range_holds_what_shares_its_prefix(base: u128, other: u128, prefix in 0_u8..=128, shared in 0_u32..=128) {
        let mask = u128::MAX.checked_shl(128 - shared).unwrap_or(0);
        let address = (base & mask) | (other & !mask);
        let record = [&base.to_be_bytes()[..], &[prefix]].concat();
        let same = (base ^ address).leading_zeros() >= u32::from(prefix);
        prop_assert_eq!(holds(&record, address), same);
    }
}
