use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn check(san: &[u8], expected: Result<(&str, &str), SpiffeError>) {
    let actual = SpiffeId::parse(san).map(|id| (id.trust_domain(), id.path()));
    assert_eq!(actual, expected, "for `{}`", san.escape_ascii());
}

#[test]
fn ids() {
    for (san, expected) in [
        ("spiffe://cluster.local/ns/a/sa/b", Ok(("cluster.local", "/ns/a/sa/b"))),
        ("spiffe://t_d-1/x", Ok(("t_d-1", "/x"))),
        ("spiffe://td/A.b/...", Ok(("td", "/A.b/..."))),
        ("", Err(SpiffeError::Scheme)),
        ("SPIFFE://td/x", Err(SpiffeError::Scheme)),
        ("spiffe:/td/x", Err(SpiffeError::Scheme)),
        ("https://td/x", Err(SpiffeError::Scheme)),
        (" spiffe://td/x", Err(SpiffeError::Scheme)),
        ("spiffe:///x", Err(SpiffeError::EmptyTrustDomain)),
        ("spiffe://", Err(SpiffeError::EmptyTrustDomain)),
        ("spiffe://Td/x", Err(SpiffeError::TrustDomainCharacter)),
        ("spiffe://td:80/x", Err(SpiffeError::TrustDomainCharacter)),
        ("spiffe://u@td/x", Err(SpiffeError::TrustDomainCharacter)),
        ("spiffe://td\0/x", Err(SpiffeError::TrustDomainCharacter)),
        ("spiffe://td?/x", Err(SpiffeError::TrustDomainCharacter)),
        ("spiffe://td", Err(SpiffeError::NoPath)),
        ("spiffe://td/", Err(SpiffeError::EmptySegment)),
        ("spiffe://td/x/", Err(SpiffeError::EmptySegment)),
        ("spiffe://td//x", Err(SpiffeError::EmptySegment)),
        ("spiffe://td/x/../y", Err(SpiffeError::DotSegment)),
        ("spiffe://td/.", Err(SpiffeError::DotSegment)),
        ("spiffe://td/x?y", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/x#y", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/%61", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/x\0", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/x y", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/é", Err(SpiffeError::PathCharacter)),
        ("spiffe://td/x,spiffe://td/y", Err(SpiffeError::PathCharacter)),
    ] {
        check(san.as_bytes(), expected);
    }
}

#[test]
fn limits() {
    let domain = "d".repeat(MAX_TRUST_DOMAIN_BYTES);
    check(format!("spiffe://{domain}/x").as_bytes(), Ok((&domain, "/x")));
    check(format!("spiffe://{domain}d/x").as_bytes(), Err(SpiffeError::LongTrustDomain));
    let path = format!("/{}", "p".repeat(MAX_SPIFFE_BYTES - "spiffe://td/".len()));
    check(format!("spiffe://td{path}").as_bytes(), Ok(("td", &path)));
    check(format!("spiffe://td{path}p").as_bytes(), Err(SpiffeError::TooLong));
}

#[test]
fn kubernetes_names_need_the_exact_shape() {
    for (path, expected) in [
        ("/ns/support/sa/agent", Some(("support", "agent"))),
        ("/ns/support/sa/agent/x", None),
        ("/x/ns/support/sa/agent", None),
        ("/ns/a/b/sa/agent", None),
        ("/ns/sa/agent", None),
        ("/ns/support/sa", None),
        ("/NS/support/sa/agent", None),
    ] {
        let san = format!("spiffe://td{path}");
        let id = SpiffeId::parse(san.as_bytes()).unwrap();
        assert_eq!(id.namespace().zip(id.service_account()), expected, "for `{path}`");
    }
}

/// The standard's grammar, as an independent reading of it.
fn conforms(san: &str) -> bool {
    let Some((domain, path)) = san.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let inner = |c: char, upper: bool| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c) || (upper && c.is_ascii_uppercase())
    };
    (1..=255).contains(&domain.len())
        && domain.chars().all(|c| inner(c, false))
        && path.split('/').all(|s| !["", ".", ".."].contains(&s) && s.chars().all(|c| inner(c, true)))
        && san.len() <= 2048
}

proptest! {
    #[test]
    fn accepts_what_the_grammar_accepts(tail in "[a-zA-Z0-9./_:%@? -]{0,24}", prefix in "(spiffe://)?(td/)?") {
        let san = format!("{prefix}{tail}");
        prop_assert_eq!(SpiffeId::parse(san.as_bytes()).is_ok(), conforms(&san));
    }

    #[test]
    fn parts_join_to_the_whole(san in "spiffe://[a-z.]{1,9}(/[A-Za-z.]{1,5}){1,4}") {
        if let Ok(id) = SpiffeId::parse(san.as_bytes()) {
            prop_assert_eq!(["spiffe://", id.trust_domain(), id.path()].concat(), id.as_str());
        }
    }

    #[test]
    fn any_bytes(san in prop::collection::vec(any::<u8>(), 0..48)) {
        let bytes: Vec<u8> = [SCHEME, &san].concat();
        if SpiffeId::parse(&bytes).is_ok() {
            prop_assert!(bytes.iter().all(u8::is_ascii_graphic));
        }
    }
}
