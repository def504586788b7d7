//! Patterns, matched by trying.

use crate::model::{PathPattern, Segment};

/// Whether `pattern`, where `*` stands for any run of bytes, matches all of `text`.
pub(super) fn matches_key(pattern: &[u8], text: &[u8]) -> bool {
    matches(pattern, text, &|_| true)
}

/// The same, but `*` does not stand for `/`.
pub(super) fn matches_path(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes(), &|byte| byte != b'/')
}

fn matches(pattern: &[u8], text: &[u8], wild: &dyn Fn(u8) -> bool) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => matches(rest, text, wild),
        (Some((b'*', rest)), Some((byte, tail))) => {
            matches(rest, text, wild) || (wild(*byte) && matches(pattern, tail, wild))
        }
        (Some((literal, rest)), Some((byte, tail))) => literal == byte && matches(rest, tail, wild),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether `METHOD PATH` is one of `methods` (any, if there are none) and matches `pattern`.
pub(super) fn matches_http(methods: &[String], pattern: &PathPattern, key: &[u8]) -> bool {
    let Some(space) = key.iter().position(|byte| *byte == b' ') else { return false };
    let Some((method, rest)) = key.split_at_checked(space) else { return false };
    let Some(path) = rest.strip_prefix(b" /") else { return false };
    let method_ok =
        !method.is_empty() && (methods.is_empty() || methods.iter().any(|m| m.as_bytes() == method));
    let segments: Vec<&[u8]> =
        if path.is_empty() { Vec::new() } else { path.split(|b| *b == b'/').collect() };
    method_ok && matches_segments(&pattern.segments, &segments)
}

fn matches_segments(pattern: &[Segment], path: &[&[u8]]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (Some((Segment::Rest, _)), _) => true,
        (None, None) => true,
        (Some((Segment::Literal(literal), pattern)), Some((segment, path))) => {
            literal.as_bytes() == *segment && matches_segments(pattern, path)
        }
        (Some((Segment::One(_), pattern)), Some((segment, path))) => {
            !segment.is_empty() && matches_segments(pattern, path)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars() {
        let check = |pattern: &str, text: &str, expected| {
            assert_eq!(matches_key(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        };
        check("", "", true);
        check("*", "", true);
        check("a*b*c", "abc", true);
        check("a*b*c", "axbxbxc", true);
        check("a*b*c", "axbxbx", false);
        check("a*", "a/b", true);
        assert!(!matches_path("/a*", "/a/b"));
        assert!(matches_path("/a*/b", "/axx/b"));
    }

    #[test]
    fn paths() {
        let one = || Segment::One(None);
        let a = || Segment::Literal("a".into());
        let check = |segments: &[Segment], key: &str, expected| {
            let pattern = PathPattern { segments: segments.to_vec() };
            assert_eq!(
                matches_http(&["GET".into()], &pattern, key.as_bytes()),
                expected,
                "{segments:?} {key}"
            );
        };
        check(&[], "GET /", true);
        check(&[], "GET /a", false);
        check(&[Segment::Rest], "GET /", true);
        check(&[Segment::Rest], "GET /a/b", true);
        check(&[Segment::Rest], "PUT /a/b", false);
        check(&[Segment::Rest], "GET", false);
        check(&[Segment::Rest], "GET a", false);
        check(&[a()], "GET /a", true);
        check(&[a()], "GET /a/", false);
        check(&[a(), Segment::Rest], "GET /a", true);
        check(&[a(), Segment::Rest], "GET /a/", true);
        check(&[a(), Segment::Rest], "GET /ab", false);
        check(&[a(), one()], "GET /a/", false);
        check(&[a(), one()], "GET /a/b", true);
        check(&[a(), one()], "GET /a/b/", false);
    }
}
