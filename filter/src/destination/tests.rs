use proptest::prelude::*;

use super::{Destination, Ends, Range, Route};

fn call(authority: &str, scheme: &str, cluster: &str, original: &str) -> String {
    let route = Route { cluster: cluster.into(), original: original.into() };
    match Destination::of_call(authority.as_bytes(), scheme.as_bytes(), &route) {
        Ok(Destination { name, address, port }) => {
            let host = name.or(address).unwrap_or_else(|| b"unknown".to_vec());
            let port = port.map_or(String::new(), |port| format!(" {port}"));
            String::from_utf8(host).unwrap() + &port
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn calls_go_where_their_route_leads() {
    let mesh = "outbound|80||orders.shop.svc.cluster.local";
    for (authority, scheme, cluster, original, expected) in [
        ("api.example.com", "http", "", "", "api.example.com 80"),
        ("api.example.com", "https", "", "", "api.example.com 443"),
        ("API.example.com.:8080", "http", "", "", "api.example.com 8080"),
        // What stands in the authority changes nothing of where the proxy goes.
        ("api.example.com:443", "http", "outbound|80||api.example.com", "", "api.example.com 80"),
        ("api.example.com", "http", "outbound|8443|v1|api.example.com", "", "api.example.com 8443"),
        // A cluster of another name is a gateway's: its port is not the destination's.
        (
            "api.example.com:8080",
            "http",
            "outbound|443||gateway.istio-system.svc",
            "",
            "api.example.com 8080",
        ),
        ("api.example.com", "http", "inbound|80||api.example.com", "", "api.example.com 80"),
        ("api.example.com", "http", "outbound|x||api.example.com", "", "api.example.com 80"),
        ("203.0.113.7", "http", "", "10.0.0.1:80", "203.0.113.7 80"),
        ("[2001:db8::1]:81", "http", "", "", "2001:db8::1 81"),
        ("user@api.example.com", "http", "", "", "destination-character"),
        // It goes to the address, whatever name it has.
        ("api.example.com", "http", "PassthroughCluster", "203.0.113.7:8080", "203.0.113.7 8080"),
        ("orders.shop.svc", "http", "PassthroughCluster", "[2001:db8::1]:80", "2001:db8::1 80"),
        ("\0", "http", "PassthroughCluster", "169.254.169.254:80", "169.254.169.254 80"),
        ("api.example.com", "http", "PassthroughCluster", "", "unknown"),
        ("orders.shop", "http", mesh, "", "orders.shop 80"),
    ] {
        assert_eq!(call(authority, scheme, cluster, original), expected, "{authority} by {cluster}");
    }
}

#[test]
fn connections_go_to_their_address_by_a_name() {
    for (server_name, address, expected) in [
        ("api.example.com", "203.0.113.7:443", Ok((Some("api.example.com"), Some("203.0.113.7"), Some(443)))),
        ("", "203.0.113.7:5432", Ok((None, Some("203.0.113.7"), Some(5432)))),
        ("", "[fd00:ec2::254]:80", Ok((None, Some("fd00:ec2::254"), Some(80)))),
        ("a.example", "pipe://x", Ok((Some("a.example"), None, None))),
        ("203.0.113.7", "203.0.113.7:443", Err("destination-address-as-name")),
        ("a\0.example", "203.0.113.7:443", Err("destination-character")),
    ] {
        let ends = Ends { server_name: server_name.into(), address: address.into() };
        let found = Destination::of_connection(&ends).map_err(|error| error.word());
        let expected = expected.map(|(name, address, port)| {
            let text = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
            Destination { name: text(name), address: text(address), port }
        });
        assert_eq!(found, expected, "`{server_name}` at {address}");
    }
}

fn at(address: &str) -> Destination {
    Destination { address: Some(address.into()), ..Destination::default() }
}

#[test]
fn ranges() {
    for (range, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("10.9.9.9/8", "10.0.0.0", "9.255.255.255"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ("203.0.113.7/32", "203.0.113.7", "203.0.113.6"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("fd00::/8", "fd12:3456::1", "fe80::1"),
        ("::/0", "10.0.0.1", ""),
    ] {
        let parsed = Range::parse(range).unwrap();
        assert!(at(inside).is_in(&[parsed]), "{inside} in {range}");
        assert!(!at(outside).is_in(&[parsed]), "{outside} in {range}");
    }
    for text in [
        "",
        "/",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "::/129",
        "10.0/8",
        "a/8",
        "10.0.0.0/8/8",
    ] {
        assert_eq!(Range::parse(text), None, "{text}");
    }
    assert!(
        !Destination::default().is_in(&[Range::parse("::/0").unwrap()]),
        "what is not known is in no range"
    );
}

proptest! {
    /// As the standard library sees it.
    #[test]
    fn a_range_holds_what_begins_as_it_does(base: u32, address: u32, prefix in 0_u32..=32) {
        let text = |bits: u32| std::net::Ipv4Addr::from(bits).to_string();
        let range = Range::parse(&format!("{}/{prefix}", text(base))).unwrap();
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
        prop_assert_eq!(at(&text(address)).is_in(&[range]), base & mask == address & mask);
    }
}
