use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The corpus: how a text is read, the text, and what it is.
fn corpus() -> impl Iterator<Item = (&'static str, Vec<u8>, String)> {
    let lines = include_str!("corpus.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (kind, rest) = line.split_once(char::is_whitespace).unwrap();
        let (text, expected) = rest.trim_start().split_once(char::is_whitespace).unwrap();
        (kind, unescape(text), String::from_utf8(unescape(expected.trim())).unwrap())
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        if let Some(hex) = rest.strip_prefix("\\x") {
            bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
            rest = &hex[2..];
        } else if let Some((count, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let last = *bytes.last().unwrap();
            bytes.extend(core::iter::repeat_n(last, count.parse::<usize>().unwrap() - 1));
            rest = after;
        } else {
            bytes.push(first);
            rest = &rest[1..];
        }
    }
    bytes
}

fn shown(host: &Host<'_>) -> String {
    match host {
        Host::Name(name) => format!("name {}", name.escape_ascii()),
        Host::Address(address) => format!("address {}", address.escape_ascii()),
    }
}

fn read(kind: &str, text: &[u8]) -> String {
    let read = match kind {
        "authority" => Authority::parse(text).map(|Authority { host, port }| {
            let port = port.map_or(String::new(), |port| format!(" port {port}"));
            shown(&host) + &port
        }),
        "sni" => Host::of_server_name(text).map(|host| shown(&host)),
        "url" => Url::parse(text).map(|Url { host, port, target }| {
            let target = if target.is_empty() { b"-" } else { target };
            format!("{} port {port} target {}", shown(&host), target.escape_ascii())
        }),
        _ => panic!("`{kind}` is no way to read"),
    };
    read.unwrap_or_else(|error| format!("refused {error}"))
}

#[test]
fn corpus_is_read_as_it_says() {
    let mut wrong = Vec::new();
    for (kind, text, expected) in corpus() {
        let found = read(kind, &text);
        if found != expected {
            wrong.push(format!("{kind} `{}`: expected `{expected}`, found `{found}`", text.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Any bytes are read, and what is read is what it says it is.
    #[test]
    fn whatever_comes_has_one_spelling(text in near_destinations()) {
        if let Ok(Authority { host, port }) = Authority::parse(&text) {
            prop_assert_ne!(port, Some(0));
            match &host {
                Host::Name(name) => {
                    prop_assert!(name.len() <= MAX_HOST_BYTES && !name.ends_with(b"."));
                    prop_assert!(!name.iter().any(u8::is_ascii_uppercase));
                    // Reading it again changes nothing, nor do case and the dot.
                    let again = [&name.to_ascii_uppercase()[..], b"."].concat();
                    prop_assert_eq!(Host::parse(&again), Ok(host.clone()), "`{}`", text.escape_ascii());
                    let spelled = std::str::from_utf8(name).unwrap();
                    prop_assert!(spelled.parse::<std::net::IpAddr>().is_err());
                }
                Host::Address(address) if !address.contains(&b':') => {
                    let spelled = std::str::from_utf8(address).unwrap();
                    prop_assert!(spelled.parse::<std::net::Ipv4Addr>().is_ok(), "{}", spelled);
                }
                Host::Address(_) => {}
            }
        }
        let _ = Host::of_server_name(&text);
        let _ = Url::parse(&text);
    }

    #[test]
    fn every_address_is_read(v4: [u8; 4], v6: [u16; 8], port in 1_u16..) {
        let four = std::net::Ipv4Addr::from(v4).to_string();
        prop_assert_eq!(read("authority", format!("{four}:{port}").as_bytes()), format!("address {four} port {port}"));
        let six = std::net::Ipv6Addr::from(v6).to_string();
        prop_assert_eq!(read("authority", format!("[{six}]:{port}").as_bytes()), format!("address {six} port {port}"));
        // As one number, in any base, it is none.
        let number = u32::from_be_bytes(v4);
        for text in [format!("{number}"), format!("{number:#x}"), format!("0{number:o}")] {
            prop_assert_eq!(Authority::parse(text.as_bytes()), Err(DestinationError::AddressForm));
        }
    }

    /// A URL leads where its authority says.
    #[test]
    fn urls_are_cut_where_the_authority_ends(authority in near_destinations(), path in "(/[a-z@:?]{0,8})?") {
        let url = [b"https://", &authority[..], path.as_bytes()].concat();
        if let (Ok(url), false) = (Url::parse(&url), authority.iter().any(|byte| matches!(byte, b'/' | b'?'))) {
            let Authority { host, port } = Authority::parse(&authority).unwrap();
            prop_assert_eq!((url.host, url.port, url.target), (host, port.unwrap_or(443), path.as_bytes()));
        }
    }
}

/// Texts made of what destinations are made of.
fn near_destinations() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&[u8]; 28] = [
        b"api",
        b"EXAMPLE",
        b"com",
        b".",
        b".",
        b"..",
        b":",
        b"443",
        b"0",
        b"127",
        b"0x7f",
        b"1",
        b"[",
        b"]",
        b"::1",
        b"@",
        b"%2e",
        b"/",
        b"?",
        b"\\",
        b"\0",
        b"\xc3\xbc",
        b"xn--",
        b"_",
        b"-",
        b" ",
        b"256",
        b"010",
    ];
    let part = prop::sample::select(&PARTS[..]);
    prop_oneof![
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat()),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}
