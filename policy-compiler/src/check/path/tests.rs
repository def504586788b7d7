use super::*;
use crate::source::{Span, Spanned};

fn pattern(text: &str) -> PathPattern {
    read(text).unwrap_or_else(|(_, message, _)| panic!("{message}"))
}

#[test]
fn what_is_written_is_what_is_read() {
    for text in ["/", "/a", "/a/", "/a/{b}/*/**", "/**", "/a:b/c.d", "/a/{b_1}/"] {
        assert_eq!(print(&pattern(text)), text);
    }
}

#[test]
fn what_no_request_can_be_is_refused() {
    for text in [
        "", "a", "//", "/a//b", "/./a", "/a/..", "/a?b", "/a#b", "/a;b", "/a%20b", "/a\\b", "/é", "/a b",
        "/**/a", "/a*", "/{a}b", "/{}", "/{1}", "/{a}/{a}", "/a|b", "/{a-b}",
    ] {
        let mut diagnostics = Diagnostics::new();
        assert!(parse(&Spanned::new(text.to_owned(), Span::default()), &mut diagnostics).is_none(), "{text}");
        assert_eq!(diagnostics.errors(), 1, "{text}");
    }
}

/// All paths of up to three segments over a small alphabet, the empty last segment included.
fn paths() -> Vec<PathPattern> {
    let literal = |text: &str| Segment::Literal(text.to_owned());
    let mut all = vec![Vec::new()];
    for _ in 0..3 {
        let longer: Vec<Vec<Segment>> = all
            .iter()
            .flat_map(|path| ["a", "b", ""].map(|next| [path.clone(), vec![literal(next)]].concat()))
            .collect();
        all.extend(longer);
    }
    all.sort_by_key(|path| format!("{path:?}"));
    all.dedup();
    all.into_iter().map(|segments| PathPattern { segments }).collect()
}

#[test]
fn containment_and_intersection_agree_with_trying_every_path() {
    let patterns: Vec<PathPattern> = [
        "/", "/a", "/b", "/*", "/**", "/a/**", "/*/**", "/a/*", "/*/b", "/a/b", "/a/*/**", "/*/b/**", "/a/",
        "/*/*/a",
    ]
    .map(pattern)
    .to_vec();
    let paths = paths();
    for left in &patterns {
        for right in &patterns {
            let both = intersection(left, right);
            let mut inside = true;
            for path in &paths {
                let (l, r) = (contains(left, path), contains(right, path));
                inside &= !l || r;
                let named = both.as_ref().is_some_and(|both| contains(both, path));
                assert_eq!(l && r, named, "{} and {} at {}", print(left), print(right), print(path));
            }
            assert_eq!(contains(right, left), inside, "{} contains {}", print(right), print(left));
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// What policy may write is what the filter compares: neither more nor less, escapes aside.
    #[test]
    fn literal_paths_are_those_that_the_filter_has(text in "(/[a-zA-Z0-9~!$&'()+,=:@._|^;%#? {}é-]{0,3}){1,4}|[ -~]{0,6}") {
        let accepted = read(&text).is_ok_and(|pattern| {
            pattern.segments.iter().all(|segment| matches!(segment, Segment::Literal(_)))
        });
        let mut buffer = ambit_request::path::PathBuffer::default();
        let canonical = ambit_request::path::canonicalize(text.as_bytes(), &mut buffer)
            .is_ok_and(|path| path.as_bytes() == text.as_bytes());
        let wild = text.contains(['*', '%', '{', '}', '?']);
        proptest::prop_assert_eq!(accepted, canonical && !wild, "{}", text);
    }
}
