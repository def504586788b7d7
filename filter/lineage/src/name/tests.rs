use std::string::String;

use super::{Mission, Principal, RootId};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn check_principal(id: &str, is_principal: bool) {
    assert_eq!(Principal::parse(id.as_bytes()).map(Principal::as_str), is_principal.then_some(id), "{id}");
}

#[test]
fn principals_have_one_spelling() {
    check_principal("spiffe://t/a", true);
    check_principal("spiffe://mesh.example/ns/support/sa/support-agent", true);
    check_principal("spiffe://a_b-c.9/A.z_0-/...", true);
    for wrong in [
        "",
        "spiffe://",
        "spiffe:///a",
        "spiffe://t",
        "spiffe://t/",
        "spiffe://t//a",
        "spiffe://t/a/",
        "spiffe://t/./a",
        "spiffe://t/a/..",
        "SPIFFE://t/a",
        "spiffe:/t/a",
        "https://t/a",
        "spiffe://T/a",
        "spiffe://t:1/a",
        "spiffe://u@t/a",
        "spiffe://t/a?b",
        "spiffe://t/a#b",
        "spiffe://t/a%20",
        "spiffe://t/a\0",
        "spiffe://t/ä",
        "spiffe://t/a b",
        " spiffe://t/a",
        "spiffe://t/a\"",
        "spiffe://t/a\\",
    ] {
        check_principal(wrong, false);
    }
}

#[test]
fn principals_have_the_lengths_of_the_standard() {
    let of_domain = |len| std::format!("spiffe://{}/a", "t".repeat(len));
    check_principal(&of_domain(255), true);
    check_principal(&of_domain(256), false);
    let of_len = |len: usize| std::format!("spiffe://t/{}", "a".repeat(len - 11));
    check_principal(&of_len(2048), true);
    check_principal(&of_len(2049), false);
}

#[test]
fn missions_and_root_ids_are_plain_names() {
    let longest: String = "a".repeat(64);
    for name in ["a", "refund-order", "A.z_0-9", longest.as_str()] {
        assert!(Mission::parse(name.as_bytes()).is_some(), "{name}");
        assert!(RootId::parse(name.as_bytes()).is_some(), "{name}");
    }
    let too_long: String = "a".repeat(65);
    for name in ["", " ", "a b", "a/b", "a\"", "ä", "a,b", "a;b", too_long.as_str()] {
        assert!(Mission::parse(name.as_bytes()).is_none(), "{name}");
        assert!(RootId::parse(name.as_bytes()).is_none(), "{name}");
    }
}
