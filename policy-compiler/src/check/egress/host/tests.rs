use super::{Place, parse};
use crate::model::HostPattern;

#[test]
fn hosts_are_brought_to_one_spelling() {
    let exact = |name: &str| HostPattern::Exact(name.to_owned());
    let below = |name: &str| HostPattern::Below(name.to_owned());
    for (text, expected) in [
        ("api.example.com", exact("api.example.com")),
        ("API.Example.COM.", exact("api.example.com")),
        ("*.Example.com", below("example.com")),
        ("xn--mnchen-3ya.example", exact("xn--mnchen-3ya.example")),
        ("_dmarc.example.com", exact("_dmarc.example.com")),
        ("1password.com", exact("1password.com")),
        ("a.0xg", exact("a.0xg")),
        ("*.com", below("com")),
    ] {
        assert_eq!(parse(text, Place::Allow), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for text in [
        "",
        ".",
        "*",
        "*.",
        "**.example.com",
        "*example.com",
        "a*.example.com",
        "api.*.com",
        "*.*.com",
        ".example.com",
        "a..example.com",
        "a.example.com..",
        "https://api.example.com",
        "api.example.com/v1",
        "api.example.com:443",
        "user@example.com",
        "a b.example.com",
        "a%2eb.example.com",
        "a\0.example.com",
        "münchen.example",
        "10.0.0.1",
        "10.0.0.1.",
        "10.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "example.0x",
        "example.1",
        "*.0.0.1",
        "::1",
        "[::1]",
        "[::1]:443",
        "localhost",
        "orders.default.svc.cluster.local",
        "*.svc.cluster.local",
    ] {
        assert!(parse(text, Place::Allow).is_err(), "{text}");
    }
    let long = format!("{}.example", "a".repeat(64));
    assert!(parse(&long, Place::Allow).is_err());
    assert!(parse(&format!("{}example", "a.".repeat(124)), Place::Allow).is_err());
}
