use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::{HeaderErrorKind, Repeated, encode, exactly_one, parse};
use crate::limits::{MAX_HEADER_BYTES, MAX_MEMBERS};
use crate::lineage::Lineage;
use crate::name::{Principal, RootId};
use crate::sample::any_lineage;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const FORMAT: &str = include_str!("../../HEADER.md");

fn encoded(lineage: &Lineage<'_>) -> String {
    let mut out = Vec::new();
    encode(lineage, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check_refused(value: &str, kind: HeaderErrorKind, offset: usize) {
    let error = parse(value.as_bytes()).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (kind, offset), "{value}");
}

proptest! {
    #[test]
    fn what_is_written_is_read(lineage in any_lineage()) {
        let value = encoded(&lineage);
        prop_assert_eq!(parse(value.as_bytes()), Ok(lineage));
    }

    /// What is read from a disturbed value is again a lineage with one canonical spelling.
    #[test]
    fn disturbed_values_are_refused_or_canonical(
        lineage in any_lineage(),
        at in any::<prop::sample::Index>(),
        len in 0_usize..3,
        patch in "[ \t,;=()\"0-9a-z/*.]{0,3}",
    ) {
        let mut value = encoded(&lineage);
        let at = at.index(value.len());
        let end = value.len().min(at + len);
        value.replace_range(at..end, &patch);
        if let Ok(read) = parse(value.as_bytes()) {
            let canonical = encoded(&read);
            prop_assert_eq!(parse(canonical.as_bytes()), Ok(read));
            prop_assert_eq!(encoded(&parse(canonical.as_bytes()).unwrap()), canonical);
        }
    }

    #[test]
    fn bytes_are_refused_without_a_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = parse(&value) {
            prop_assert!(error.offset() <= value.len());
        }
    }

    /// No beginning of a value means more than the whole.
    #[test]
    fn truncated_values_keep_no_member_secretly(lineage in any_lineage(), at in any::<prop::sample::Index>()) {
        let value = encoded(&lineage);
        let start = &value.as_bytes()[..at.index(value.len())];
        if let Ok(read) = parse(start) {
            // Only a cut between two keys is well formed, and then `via` is whole.
            prop_assert_eq!(read.via(), lineage.via());
        }
    }
}

#[test]
fn examples_of_the_format_are_canonical() {
    let examples: Vec<&str> =
        FORMAT.split("```text\n").skip(1).map(|block| block.split("\n```").next().unwrap()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let lineage = parse(example.as_bytes()).unwrap_or_else(|error| panic!("{example}: {error}"));
        assert_eq!(encoded(&lineage), example);
    }
}

#[test]
fn refusals_of_the_format_have_their_words() {
    let mut words = Vec::new();
    for row in FORMAT.lines().filter(|line| line.starts_with("| `lineage-header-")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let word = cells[0].trim_matches('`');
        words.push(word);
        for example in cells.get(2).copied().unwrap_or("").split('`').skip(1).step_by(2) {
            let error = parse(example.as_bytes()).unwrap_err();
            assert_eq!(error.kind().word(), word, "{example}");
        }
    }
    assert_eq!(words.len(), 23, "a row of the table for each word");
}

#[test]
fn refusals_say_where() {
    use HeaderErrorKind as Kind;
    check_refused("", Kind::Key, 0);
    check_refused("v=1", Kind::NoVia, 3);
    check_refused("v=1, via=(), x=1", Kind::UnknownKey, 13);
    check_refused("v=1, via=(), v=1", Kind::DuplicateKey, 13);
    check_refused("v=1, via=(\"spiffe://t/a\" \"spiffe://t\")", Kind::Principal, 25);
    check_refused("v=1, via=(\"a", Kind::UnendedString, 12);
    check_refused("v=1, via=(\"\u{1}\")", Kind::UnendedString, 11);
    check_refused("v=1, via=(\"spiffe://t/a\";x)", Kind::Parameters, 24);
    check_refused("v=1, via=(", Kind::UnendedList, 10);
    check_refused("v=1;x, via=()", Kind::Parameters, 3);
    check_refused("v=1, via=(), merged=0", Kind::Depth, 20);
    check_refused("v=1, via=(), merged=1", Kind::Unsorted, 9);
    check_refused("v=1, via", Kind::List, 8);
    check_refused("v=1111, via=()", Kind::Integer, 2);
    check_refused("v=1, via=()\n", Kind::Comma, 11);
}

#[test]
fn white_space_and_order_are_free_where_the_standard_says_so() {
    let plain = parse(b"v=1, root=\"r\", via=(\"spiffe://t/a\" \"spiffe://t/b\"), mission=(\"m\")").unwrap();
    let other = b"  v=1 ,\tmission=( \"m\" ),root=\"r\" \t,  via=(  \"spiffe://t/a\"   \"spiffe://t/b\" )  ";
    assert_eq!(parse(other), Ok(plain));
}

#[test]
fn lengths_are_bounded() {
    let of_members = |count: usize| {
        let items: Vec<&str> = (0..count).map(|_| "\"spiffe://t/a\"").collect();
        std::format!("v=1, via=({})", items.join(" "))
    };
    assert!(parse(of_members(MAX_MEMBERS).as_bytes()).is_ok());
    check_refused(&of_members(MAX_MEMBERS + 1), HeaderErrorKind::Members, 10 + 15 * MAX_MEMBERS);

    let padded = |len: usize| std::format!("{:<len$}", "v=1, via=()");
    assert!(parse(padded(MAX_HEADER_BYTES).as_bytes()).is_ok());
    check_refused(&padded(MAX_HEADER_BYTES + 1), HeaderErrorKind::TooLong, MAX_HEADER_BYTES);
}

#[test]
fn a_lineage_too_long_for_a_header_leaves_no_trace() {
    let long = std::format!("spiffe://t/{}", "a".repeat(1400));
    let peer = Principal::parse(long.as_bytes()).unwrap();
    let lineage = (0..3).fold(Lineage::root(RootId::parse(b"r")), |all, _| all.stamp(peer).unwrap());
    let mut out = b"before".to_vec();
    assert!(encode(&lineage, &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn one_header_is_one_header() {
    assert_eq!(exactly_one([]), Ok(None));
    assert_eq!(exactly_one([&b"a"[..]]), Ok(Some(&b"a"[..])));
    assert_eq!(exactly_one([&b"a"[..], &b"a"[..]]), Err(Repeated));
}
