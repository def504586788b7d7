use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn check(raw: &str, expected: Result<&str, UriError>) {
    let mut out = Vec::new();
    let actual = canonicalize_uri(raw.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap());
    assert_eq!(actual.as_deref(), expected.as_ref().map(|uri| *uri), "for `{raw}`");
}

#[test]
fn one_spelling_for_one_resource() {
    for (raw, canonical) in [
        ("file:///projects/a.json", "file:///projects/a.json"),
        ("FILE:///projects//%61.json", "file:///projects/a.json"),
        ("https://Example.COM", "https://example.com/"),
        ("https://example.com:443/a?b=%2f%41", "https://example.com/a?b=%2FA"),
        ("http://h:8080/a", "http://h:8080/a"),
        ("notes://Bob/x", "notes://Bob/x"),
        ("note:7", "note:7"),
        ("urn:isbn:1/2", "urn:isbn:1/2"),
        ("memo://café/ж", "memo://caf%C3%A9/%D0%B6"),
        ("memo://caf%c3%a9", "memo://caf%C3%A9"),
        ("x:a?q=//../b", "x:a?q=//../b"),
    ] {
        check(raw, Ok(canonical));
    }
}

#[test]
fn what_readers_disagree_about_is_refused() {
    use UriError::{Authority, NoScheme, NotUtf8, Path, TooLong};
    for (raw, error) in [
        ("", NoScheme),
        ("a/b", NoScheme),
        ("1a:b", NoScheme),
        ("a b:c", NoScheme),
        ("file:/etc/passwd", Authority),
        ("file://localhost/etc", Authority),
        ("http:/h/x", Authority),
        ("http:///h/x", Authority),
        ("http://user@h/", Authority),
        ("http://h:0443/", Authority),
        ("http://h:/", Authority),
        ("http://h./", Authority),
        ("http://h%41/", Authority),
        ("notes://a@b/c", Authority),
        ("file:///a/../b", Path(PathError::DotSegment)),
        ("file:///a/%2e%2e/b", Path(PathError::DotSegment)),
        ("file:../b", Authority),
        ("note:../b", Path(PathError::DotSegment)),
        ("note://../b", Path(PathError::DotSegment)),
        ("file:///a%2fb", Path(PathError::EncodedSlash)),
        ("file:///a\\b", Path(PathError::Backslash)),
        ("file:///a#b", Path(PathError::Fragment)),
        ("file:///a?b#c", Path(PathError::Fragment)),
        ("file:///a b", Path(PathError::ControlByte)),
        ("file:///a%0a", Path(PathError::ControlByte)),
        ("file:///a?%00", Path(PathError::EncodedNul)),
        ("file:///a%252e", Path(PathError::DoubleEscape)),
        ("file:///a%", Path(PathError::MalformedEscape)),
        ("file:///%ff", NotUtf8),
        ("file:///a?%c0%af", NotUtf8),
    ] {
        check(raw, Err(error));
    }
    check(&["file:///", &"a".repeat(MAX_NAME_BYTES)].concat(), Err(TooLong));
    check(&["file:///", &"|".repeat(MAX_NAME_BYTES / 2)].concat(), Err(TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn canonical_uris_are_safe_and_stay_as_they_are(
        scheme in prop::sample::select(&["file:", "http:", "Note:", "x+y:"][..]),
        rest in prop::collection::vec(prop::sample::select(&[
            "/", "//", ".", "..", "%2e", "%2F", "%5c", "\\", "%25", "2", "f", "a", "Z", "é", "%c3", "%a9", "?", "#",
            ":", "80", "@", " ", "|", "%00", "&q=",
        ][..]), 0..10),
    ) {
        let raw = [scheme, &rest.concat()].concat();
        let mut out = Vec::new();
        if canonicalize_uri(raw.as_bytes(), &mut out).is_ok() {
            prop_assert!(out.iter().all(u8::is_ascii_graphic));
            prop_assert!(!out.contains(&b'\\') && !out.contains(&b'#'));
            let path = out.split(|&byte| byte == b'?').next().unwrap();
            let path = path.splitn(2, |&byte| byte == b':').nth(1).unwrap();
            prop_assert!(path.split(|&byte| byte == b'/').all(|segment| segment != b"." && segment != b".."));
            let mut again = Vec::new();
            prop_assert_eq!(canonicalize_uri(&out, &mut again), Ok(()));
            prop_assert_eq!(again, out);
        }
    }
}
