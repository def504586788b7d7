use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A document tree, which only tests have. Objects keep every member.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Result<Number, OutOfRange>),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

#[derive(Default)]
struct Planter {
    open: Vec<(Tree, Option<String>)>,
    text: Vec<u8>,
    top: Option<Tree>,
}

impl Planter {
    fn value(&mut self, value: Tree) -> Result<(), JsonErrorKind> {
        match self.open.last_mut() {
            None => assert!(self.top.replace(value).is_none(), "two values"),
            Some((Tree::Array(elements), _)) => elements.push(value),
            Some((Tree::Object(members), key)) => members.push((key.take().expect("a key"), value)),
            Some(_) => panic!("a scalar is open"),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), JsonErrorKind> {
        let (value, key) = self.open.pop().expect("an open container");
        assert_eq!(key, None, "a key without a value");
        self.value(value)
    }
}

impl Sink for Planter {
    fn begin_object(&mut self) -> Result<(), JsonErrorKind> {
        self.open.push((Tree::Object(vec![]), None));
        Ok(())
    }
    fn end_object(&mut self) -> Result<(), JsonErrorKind> {
        self.close()
    }
    fn begin_array(&mut self) -> Result<(), JsonErrorKind> {
        self.open.push((Tree::Array(vec![]), None));
        Ok(())
    }
    fn end_array(&mut self) -> Result<(), JsonErrorKind> {
        self.close()
    }
    fn text(&mut self, part: &[u8], _: bool) -> Result<(), JsonErrorKind> {
        assert!(!part.is_empty());
        self.text.extend_from_slice(part);
        Ok(())
    }
    fn end_text(&mut self, is_key: bool) -> Result<(), JsonErrorKind> {
        let text = String::from_utf8(std::mem::take(&mut self.text)).expect("UTF-8");
        if !is_key {
            return self.value(Tree::Text(text));
        }
        let slot = &mut self.open.last_mut().expect("an open object").1;
        assert!(slot.replace(text).is_none());
        Ok(())
    }
    fn number(&mut self, number: Result<Number, OutOfRange>) -> Result<(), JsonErrorKind> {
        self.value(Tree::Number(number))
    }
    fn literal(&mut self, literal: Literal) -> Result<(), JsonErrorKind> {
        self.value(match literal {
            Literal::Null => Tree::Null,
            Literal::Bool(value) => Tree::Bool(value),
        })
    }
}

pub(crate) fn parse_pieces<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<Tree, JsonError> {
    let (mut scanner, mut planter) = (Scanner::new(), Planter::default());
    for piece in pieces {
        if let Err(error) = scanner.push(piece, &mut planter) {
            assert_eq!(scanner.push(b"1", &mut planter), Err(error), "a later call repeats the error");
            assert_eq!(scanner.finish(&mut planter), Err(error), "the end repeats the error");
            return Err(error);
        }
    }
    scanner.finish(&mut planter)?;
    Ok(planter.top.expect("a value"))
}

pub(crate) fn parse(text: &[u8]) -> Result<Tree, JsonError> {
    parse_pieces([text])
}

/// Cuts `text` at the given places, wherever they are.
pub(crate) fn cut<'b>(text: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

pub(crate) fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..6)
}

/// A JSON text of these keys, with every kind of value and the less usual spellings of it.
pub(crate) fn texts(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", "", "", " ", "\n\t", "\r "]);
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        "-?[1-9][0-9]{15,20}(\\.0{1,4})?",
        "-?[0-9]0{0,3}\\.0{0,3}[0-9]{0,3}",
        "[1-9][0-9]{0,2}[eE][+-]?[0-9]{1,6}",
        Just("-9223372036854775808".to_string()),
        Just("9223372036854775808".to_string()),
    ];
    let piece = prop::sample::select(vec![
        "a",
        "Z",
        "é",
        "😀",
        "\u{7f}",
        "/",
        "name",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u0041",
        "\\u00e9",
        "\\u2028",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\ude00",
        "\\u0000",
        "\\x",
        "longer than eight bytes",
        "\u{1}",
    ]);
    let string = prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let key = prop_oneof![
        6 => prop::sample::select(keys).prop_map(|key| format!("\"{key}\"")),
        1 => string.clone(),
    ];
    let leaf = prop_oneof![
        2 => prop::sample::select(vec!["null", "true", "false"]).prop_map(String::from),
        3 => number,
        3 => string,
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        let element = (space(), inner.clone(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let member = (space(), key.clone(), space(), space(), inner, space())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            1 => prop::collection::vec(element, 0..5).prop_map(|all| format!("[{}]", all.join(","))),
            3 => prop::collection::vec(member, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

/// Texts as above, some of them with a small damage.
pub(crate) fn damaged(keys: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![prop::sample::select(b"{}[],:\"\\-+.0e \xef\xbb\xff\x80\xc3t/".to_vec()), any::<u8>()];
    let damage = (0..4_u8, any::<prop::sample::Index>(), byte);
    (texts(keys), prop::option::weighted(0.6, damage)).prop_map(|(text, damage)| {
        let mut text = text.into_bytes();
        if let Some((kind, at, byte)) = damage {
            let at = at.index(text.len());
            match kind {
                0 => text.truncate(at),
                1 => text.insert(at, byte),
                2 => text[at] = byte,
                _ => drop(text.remove(at)),
            }
        }
        text
    })
}

const KEYS: &[&str] = &["a", "b", "name", "N\\u0061me", ""];

#[track_caller]
fn check(text: &[u8], expected: Result<Tree, (JsonErrorKind, usize)>) {
    let shown = text.escape_ascii();
    let actual = parse(text).map_err(|error| (error.kind(), error.offset()));
    assert_eq!(actual, expected, "for `{shown}`");
    let bytewise = parse_pieces(text.chunks(1)).map_err(|error| (error.kind(), error.offset()));
    assert_eq!(bytewise, expected, "for `{shown}` byte by byte");
}

#[test]
fn numbers_are_exact() {
    for (text, expected) in [
        ("0", Some((0, 0))),
        ("-0", Some((0, 0))),
        ("-0.0e99", Some((0, 0))),
        ("0e999999999999999999999", Some((0, 0))),
        ("7", Some((7, 0))),
        ("100", Some((1, 2))),
        ("1.50", Some((15, -1))),
        ("10e-1", Some((1, 0))),
        ("-12.34E+5", Some((-1234, 3))),
        ("0.00001", Some((1, -5))),
        ("0.0000000000000000000000000000012", Some((12, -31))),
        ("1002003", Some((1_002_003, 0))),
        ("9223372036854775807", Some((i64::MAX, 0))),
        ("-9223372036854775808", Some((i64::MIN, 0))),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("100000000000000000000000000000", Some((1, 29))),
        ("100000000000000000000000000001", None),
        ("0.1000000000000000055511151231257827", None),
        ("1e32767", Some((1, 32767))),
        ("1e32768", None),
        ("10e32767", None),
        ("1e-32768", Some((1, -32768))),
        ("1e-32769", None),
        ("1e99999999999999999999", None),
    ] {
        let number = expected.map(|(coefficient, exponent)| Number::new(coefficient, exponent).unwrap());
        check(text.as_bytes(), Ok(Tree::Number(number.ok_or(OutOfRange))));
        if let Some(number) = number {
            check(number.to_string().as_bytes(), Ok(Tree::Number(Ok(number))));
        }
    }
}

#[test]
fn refusals_say_why_and_where() {
    use JsonErrorKind::*;
    for (text, kind, offset) in [
        (&b""[..], Empty, 0),
        (b" \n", Empty, 2),
        (b"{\"a\":1", UnexpectedEnd, 6),
        (b"tru", UnexpectedEnd, 3),
        (b"\"a", UnexpectedEnd, 2),
        (b"-", UnexpectedEnd, 1),
        (b"1.", UnexpectedEnd, 2),
        (b"[1,]", UnexpectedByte, 3),
        (b"{\"a\":1,}", UnexpectedByte, 7),
        (b"{\"a\" 1}", UnexpectedByte, 5),
        (b"{a:1}", UnexpectedByte, 1),
        (b"[1}", UnexpectedByte, 2),
        (b"{\"a\":1]", UnexpectedByte, 6),
        (b"{\"a\"}", UnexpectedByte, 4),
        (b"[01]", UnexpectedByte, 2),
        (b"truE", UnexpectedByte, 3),
        (b"NaN", UnexpectedByte, 0),
        (b"'a'", UnexpectedByte, 0),
        (b"/**/1", UnexpectedByte, 0),
        (b"\0{\0}", UnexpectedByte, 0),
        (b"\xff\xfe{\0", UnexpectedByte, 0),
        (b"\xc2\xa01", UnexpectedByte, 0),
        (b"\xef\xbb\xbf1", ByteOrderMark, 0),
        (b"1 2", TrailingData, 2),
        (b"{}{}", TrailingData, 2),
        (b"{},", TrailingData, 2),
        (b"\"\xff\"", InvalidUtf8, 1),
        (b"\"\xc0\xaf\"", InvalidUtf8, 1),
        (b"\"\xe0\x80\x80\"", InvalidUtf8, 2),
        (b"\"\xed\xa0\x80\"", InvalidUtf8, 2),
        (b"\"\xf4\x90\x80\x80\"", InvalidUtf8, 2),
        (b"\"\xc3\"", InvalidUtf8, 2),
        (b"\"a\nb\"", ControlCharacter, 2),
        (b"\"\\x\"", MalformedEscape, 2),
        (b"\"\\u00g0\"", MalformedEscape, 5),
        (b"\"\\ud800\"", LoneSurrogate, 7),
        (b"\"\\ud800x\"", LoneSurrogate, 7),
        (b"\"\\ud800\\n\"", LoneSurrogate, 8),
        (b"\"\\ud800\\u0041\"", LoneSurrogate, 12),
        (b"\"\\ud800\\ud800\"", LoneSurrogate, 12),
        (b"\"\\udc00\"", LoneSurrogate, 6),
        (b"[1.]", MalformedNumber, 3),
        (b"[-]", MalformedNumber, 2),
        (b"[1e+]", MalformedNumber, 4),
        (b"--1", MalformedNumber, 1),
        (b"+1", MalformedNumber, 0),
        (b".5", MalformedNumber, 0),
    ] {
        check(text, Err((kind, offset)));
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let most = usize::try_from(MAX_DEPTH).unwrap();
    assert!(parse(nested(most).as_bytes()).is_ok());
    check(nested(most + 1).as_bytes(), Err((JsonErrorKind::TooDeep, most)));
    let mixed = format!("{}1{}", "[{\"a\":".repeat(32), "}]".repeat(32));
    assert!(parse(mixed.as_bytes()).is_ok());
}

#[test]
fn strings_are_decoded() {
    check(br#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, Ok(Tree::Text("\"\\/\u{8}\u{c}\n\r\té😀".into())));
    // Every place in a word of eight bytes, for each byte that ends a run.
    for at in 0..24 {
        let text = format!("\"{}\\n\u{7f}é{}\"", "x".repeat(at), "y".repeat(9));
        check(text.as_bytes(), Ok(Tree::Text(format!("{}\n\u{7f}é{}", "x".repeat(at), "y".repeat(9)))));
        let control = format!("\"{}\u{1f}", "x".repeat(at));
        check(control.as_bytes(), Err((JsonErrorKind::ControlCharacter, at + 1)));
    }
}

#[test]
fn the_published_list_is_complete() {
    let published = published();
    for kind in JsonErrorKind::ALL {
        let accepted_by_others = matches!(
            kind,
            JsonErrorKind::TooDeep
                | JsonErrorKind::DuplicateKey
                | JsonErrorKind::LookAlikeKey
                | JsonErrorKind::NulCharacter
                | JsonErrorKind::BatchTooLong
        );
        assert_eq!(published.contains(&kind.word()), accepted_by_others, "`{}`", kind.word());
    }
}

/// The words of the list of refusals that other parsers would accept.
pub(crate) fn published() -> Vec<&'static str> {
    let words = include_str!("../../REFUSALS.md").lines().filter_map(|line| line.strip_prefix("| `"));
    words.map(|rest| rest.split('`').next().unwrap()).collect()
}

fn same(ours: &Tree, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Tree::Null, serde_json::Value::Null) => true,
        (Tree::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Tree::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Tree::Number(Err(OutOfRange)), serde_json::Value::Number(_)) => true,
        (Tree::Number(Ok(ours)), serde_json::Value::Number(theirs)) => match theirs.as_i64() {
            Some(theirs) => *ours == Number::from(theirs),
            None => theirs.as_f64() == format!("{}e{}", ours.coefficient(), ours.exponent()).parse().ok(),
        },
        (Tree::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Tree::Object(ours), serde_json::Value::Object(theirs)) => {
            let last: BTreeMap<_, _> = ours.iter().map(|(key, value)| (key, value)).collect();
            last.len() == theirs.len() && last.iter().zip(theirs).all(|(a, b)| *a.0 == b.0 && same(a.1, b.1))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn agrees_with_serde_json(text in prop_oneof![4 => damaged(KEYS), 1 => prop::collection::vec(any::<u8>(), 0..12)]) {
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        match (parse(&text), theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{:?} is not {:?}", ours, theirs),
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("number out of range"), "{}", error),
            (Err(error), Ok(_)) => prop_assert!(published().contains(&error.kind().word()), "{}", error),
            (Err(error), Err(_)) => prop_assert!(error.offset() <= text.len()),
        }
    }

    #[test]
    fn cuts_make_no_difference(text in damaged(KEYS), cuts in cuts()) {
        prop_assert_eq!(parse_pieces(cut(&text, &cuts)), parse(&text));
        prop_assert_eq!(parse_pieces(text.chunks(1)), parse(&text));
    }
}
