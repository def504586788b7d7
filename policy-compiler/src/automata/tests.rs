use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;

use super::*;
use crate::model::{PathPattern, Segment, Selector};

/// Every text over an alphabet, up to a length.
fn texts(alphabet: &[u8], most: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..most {
        let to = all.len();
        for place in from..to {
            for byte in alphabet {
                let mut longer: Vec<u8> = all[place].clone();
                longer.push(*byte);
                all.push(longer);
            }
        }
        from = to;
    }
    all
}

#[test]
fn regexes_match_where_another_engine_does() {
    for pattern in [
        "", "a", "^a", "b$", "^$", "^a*b", "(a|b)+a", r"\ba", r"a\b", r"\Ba", "[^a]", "(?i)A", r"a{2,3}$",
        "^(ab|a)$", r"^\d", "a|^b", ".", "^.$", "(?s)^.$", "(?m)^a$", "x", "(?:a*)*", "^a.b", r"\xff",
    ] {
        let automaton = regex(pattern).unwrap();
        let vm = PikeVM::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
            .build(pattern)
            .unwrap();
        let mut cache = vm.create_cache();
        for text in texts(b"ab\n 1\xff", 4) {
            assert_eq!(
                automaton.run(&text).is_some(),
                vm.is_match(&mut cache, &text),
                "{pattern:?} {text:?}"
            );
        }
    }
}

#[test]
fn the_first_selector_names_the_action() {
    let key = |pattern: &str| Selector::Key(pattern.into());
    let selectors = [key("ab"), key("a*b"), key("a*"), key("*")];
    let labelled: Vec<_> = selectors.iter().zip(0..).collect();
    let automaton = actions(&labelled).unwrap();
    let check = |text: &str, label| assert_eq!(automaton.run(text.as_bytes()), Some(label), "{text}");
    check("ab", 0);
    check("aab", 1);
    check("aba", 2);
    check("", 3);
    check("b", 3);
    assert_eq!(actions(&labelled[..3]).unwrap().run(b"b"), None);
}

#[test]
fn paths_match_whole_segments() {
    let path = |segments: &[Segment]| Selector::Http {
        methods: vec!["GET".into()],
        path: PathPattern { segments: segments.into() },
    };
    let a = || Segment::Literal("a".into());
    let selectors = [
        path(&[]),
        path(&[a()]),
        path(&[a(), Segment::One(None)]),
        path(&[a(), Segment::Rest]),
        path(&[Segment::Rest]),
    ];
    let labelled: Vec<_> = selectors.iter().zip(0..).collect();
    let automaton = actions(&labelled).unwrap();
    let check = |key: &str, label| assert_eq!(automaton.run(key.as_bytes()), label, "{key}");
    check("GET /", Some(0));
    check("GET /a", Some(1));
    check("GET /a/", Some(3));
    check("GET /a/b", Some(2));
    check("GET /a/b/", Some(3));
    check("GET /ab", Some(4));
    check("PUT /a", None);
    check("GET a", None);
}

#[test]
fn tables_are_minimal() {
    let check = |pattern, states| assert_eq!(regex(pattern).unwrap().states.len(), states, "{pattern}");
    check("", 1);
    check("a", 2);
    check("^abc", 4);
    check("abc", 4);
    check("a|b|[cd]", 2);
}

#[test]
fn errors_are_told_apart() {
    assert!(matches!(regex("("), Err(AutomatonError::Syntax(_))));
    assert!(matches!(regex(r"\p{L}"), Err(AutomatonError::Syntax(_))));
    assert_eq!(regex("a.{16}$"), Err(AutomatonError::TooLarge));
    assert!(matches!(regex(r"(?u:\b)"), Err(AutomatonError::Unsupported(_))));
}
