use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn check(raw: &[u8], expected: Result<&str, PathError>) {
    let mut buffer = PathBuffer::new();
    let actual =
        canonicalize(raw, &mut buffer).map(|path| String::from_utf8(path.as_bytes().to_vec()).unwrap());
    assert_eq!(actual.as_deref(), expected.as_ref().map(|path| *path), "for `{}`", raw.escape_ascii());
}

#[test]
fn one_spelling_for_one_resource() {
    for (raw, canonical) in [
        ("/", "/"),
        ("/orders/7", "/orders/7"),
        ("/orders/7?x=1", "/orders/7"),
        ("/orders/7?", "/orders/7"),
        ("//orders///7", "/orders/7"),
        ("/orders/7/", "/orders/7/"),
        ("/orders/7//", "/orders/7/"),
        ("/%6frders/%37", "/orders/7"),
        ("/tasks/1%3acancel", "/tasks/1:cancel"),
        ("/a%20b", "/a%20b"),
        ("/a%7cb|c", "/a%7Cb%7Cc"),
        ("/a%3fb?c", "/a%3Fb"),
        ("/100%25", "/100%25"),
        ("/100%25/af", "/100%25/af"),
        ("/a%23b", "/a%23b"),
        ("/.well-known/agent-card.json", "/.well-known/agent-card.json"),
        ("/...", "/..."),
        ("/a.", "/a."),
        ("/a?b=//../%2f\\", "/a"),
    ] {
        check(raw.as_bytes(), Ok(canonical));
    }
}

#[test]
fn what_readers_disagree_about_is_refused() {
    for (raw, error) in [
        ("", PathError::Empty),
        ("?a", PathError::Empty),
        ("*", PathError::AsteriskForm),
        ("http://host/a", PathError::AbsoluteForm),
        ("HTTPS://host/a", PathError::AbsoluteForm),
        ("host:443", PathError::NoLeadingSlash),
        ("%2fa", PathError::NoLeadingSlash),
        ("/a%", PathError::MalformedEscape),
        ("/a%2", PathError::MalformedEscape),
        ("/a%zz", PathError::MalformedEscape),
        ("/a%u002f", PathError::MalformedEscape),
        ("/a%252fb", PathError::DoubleEscape),
        ("/a%25%32%66b", PathError::DoubleEscape),
        ("/a%2Fb", PathError::EncodedSlash),
        ("/a%2fb", PathError::EncodedSlash),
        ("/a\\b", PathError::Backslash),
        ("/a%5cb", PathError::EncodedBackslash),
        ("/a%00", PathError::EncodedNul),
        ("/a#b", PathError::Fragment),
        ("/a?b#c", PathError::Fragment),
        ("/a;b", PathError::Semicolon),
        ("/a%3Bb", PathError::Semicolon),
        ("/a/../b", PathError::DotSegment),
        ("/a/..", PathError::DotSegment),
        ("/./a", PathError::DotSegment),
        ("/.", PathError::DotSegment),
        ("/a/%2e%2E/b", PathError::DotSegment),
        ("/a/.%2e", PathError::DotSegment),
        ("/a//../b", PathError::DotSegment),
        ("/a b", PathError::ControlByte),
        ("/a\0", PathError::ControlByte),
        ("/a%0ab", PathError::ControlByte),
        ("/a%7F", PathError::ControlByte),
        ("/a?b\r", PathError::ControlByte),
        ("/café", PathError::NonAscii),
        ("/caf%c3%a9", PathError::NonAscii),
        ("/%c0%af", PathError::NonAscii),
    ] {
        check(raw.as_bytes(), Err(error));
    }
    check(&[&b"/"[..], &[b'a'; MAX_PATH_BYTES]].concat(), Err(PathError::TooLong));
    check(b"/\xff", Err(PathError::NonAscii));
}

#[test]
fn words_are_distinct_kebab_case() {
    let mut words: Vec<_> = PathError::ALL.iter().map(|error| error.word()).collect();
    assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), PathError::ALL.len());
}

#[test]
fn segments_split_and_join() {
    let mut buffer = PathBuffer::new();
    let path = canonicalize(b"/orders//7/", &mut buffer).unwrap();
    assert_eq!(path.segments().collect::<Vec<_>>(), [&b"orders"[..], b"7", b""]);
    assert_eq!(path.segment(1), Some(&b"7"[..]));
    assert_eq!(path.segment(3), None);
}

/// Request targets made of the pieces that matter, and of anything.
pub(crate) fn targets() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "%00", "%25", "%", "2", "f", "a", "Z", "~",
        "%7e", ":", "%3a", ";", "%3b", "#", "%23", "?", "%3f", " ", "%20", "|", "%7C", "é", "%c3", "&", "=",
        "+", "%2B", "\0", "*",
    ];
    let structured = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12)
        .prop_map(|pieces| [&b"/"[..], pieces.concat().as_bytes()].concat());
    prop_oneof![4 => structured, 1 => prop::collection::vec(any::<u8>(), 0..24)]
}

fn decode_all(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let escape = (path[at] == b'%').then(|| std::str::from_utf8(&path[at + 1..at + 3]).unwrap());
        decoded.push(escape.map_or(path[at], |digits| u8::from_str_radix(digits, 16).unwrap()));
        at += if escape.is_some() { 3 } else { 1 };
    }
    decoded
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn canonical_paths_are_safe_and_stay_as_they_are(raw in targets()) {
        let mut buffer = PathBuffer::new();
        let Ok(path) = canonicalize(&raw, &mut buffer) else { return Ok(()) };
        let path = path.as_bytes();

        prop_assert!(path.starts_with(b"/"));
        prop_assert!(path.iter().all(|byte| byte.is_ascii_graphic()));
        let dangerous = b"\\;#?<>\"|{}[]^`";
        prop_assert!(!path.iter().any(|byte| dangerous.contains(byte)));
        prop_assert!(!path.windows(2).any(|pair| pair == b"//"));
        prop_assert!(path.split(|&byte| byte == b'/').all(|segment| segment != b"." && segment != b".."));
        for escape in path.windows(3).filter(|window| window[0] == b'%') {
            prop_assert!(escape[1..].iter().all(|digit| digit.is_ascii_digit() || (b'A'..=b'F').contains(digit)));
            prop_assert!(![&b"%2F"[..], b"%5C", b"%00", b"%3B", b"%2E"].contains(&escape));
        }
        // What decodes once more still sees no separator and no dot segment.
        let twice = decode_all(path);
        prop_assert!(!twice.windows(3).any(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit()));
        prop_assert_eq!(twice.iter().filter(|&&b| b == b'/').count(), path.iter().filter(|&&b| b == b'/').count());

        let mut again = PathBuffer::new();
        prop_assert_eq!(canonicalize(path, &mut again).map(|path| path.as_bytes()), Ok(path));
        let joined: Vec<u8> = canonicalize(path, &mut again).unwrap().segments().flat_map(|s| [b"/", s].concat()).collect();
        prop_assert_eq!(&joined, path);
    }

    #[test]
    fn canonical_form_names_the_same_resource(raw in targets()) {
        let mut buffer = PathBuffer::new();
        let Ok(path) = canonicalize(&raw, &mut buffer) else { return Ok(()) };
        let raw_path = raw.split(|&byte| byte == b'?').next().unwrap();
        let mut meaning = decode_all(raw_path);
        meaning.dedup_by(|a, b| *a == b'/' && *b == b'/');
        prop_assert_eq!(decode_all(path.as_bytes()), meaning);
        prop_assert_eq!(path.query().as_bytes(), raw.get(raw_path.len() + 1..).unwrap_or_default());
    }

    #[test]
    fn a_buffer_may_be_used_again(first in targets(), second in targets()) {
        let mut fresh = PathBuffer::new();
        let mut used = PathBuffer::new();
        let _ = canonicalize(&first, &mut used);
        prop_assert_eq!(canonicalize(&second, &mut used), canonicalize(&second, &mut fresh));
    }
}
