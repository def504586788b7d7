//! The few names and values that everything is made of, so that what is made often meets.

use crate::model::{Cidr, Decimal, Field, Literal};

pub(super) const TRUST_DOMAINS: [&str; 2] = ["mesh.example", "old.example"];
pub(super) const NAMESPACES: [&str; 2] = ["n", "m"];
pub(super) const ACCOUNTS: [&str; 3] = ["a", "b", "ab"];
pub(super) const PATHS: [&str; 3] = ["/x", "/x/y", "/ns/n/sa"];
pub(super) const PATTERNS: [&str; 5] = ["/ns/n/sa/*", "/ns/*/sa/a", "/*", "/ns/*/sa/a*b", "/x/*"];
pub(super) const EFFECTS: [&str; 3] = ["read", "write", "money"];
pub(super) const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
pub(super) const SEGMENTS: [&str; 3] = ["a", "b", "ab"];
pub(super) const KEYS: [&str; 9] = ["a", "b", "ab", "a*", "*b", "a*b", "*", "tools/call:*", "tools/call:a"];
pub(super) const TEXTS: [&str; 10] = ["", "a", "b", "ab", "aab", "A", "\u{e9}", "10.0.0.1", "::1", "GET"];
pub(super) const ARGUMENTS: [&str; 3] = ["a", "b", "l"];
pub(super) const REGEX_PARTS: [&str; 16] = [
    "a", "b", ".", "^", "$", "a*", "(a|b)+", r"\b", "[^a]", "(?i:A)", r"\d{1,3}", "\u{e9}", "(?s:.)", "",
    "b?", r"\.",
];

pub(super) fn fields() -> Vec<Field> {
    vec![
        Field::Body(vec!["a".into()]),
        Field::Method,
        Field::Path,
        Field::Host,
        Field::Header("h".into()),
        Field::Query("q".into()),
        Field::PathSegment(0),
        Field::PathSegment(1),
        Field::Body(vec!["a".into(), "b".into()]),
        Field::Body(Vec::new()),
        Field::PeerAddress,
        Field::DestinationHost,
        Field::DestinationAddress,
        Field::DestinationPort,
        Field::CallerPrincipal,
        Field::CallerNamespace,
        Field::CallerServiceAccount,
    ]
}

pub(super) fn lists() -> Vec<Field> {
    vec![Field::Body(vec!["l".into()]), Field::Body(vec!["m".into(), "l".into()])]
}

pub(super) fn numbers() -> Vec<Decimal> {
    let decimal = |coefficient, exponent| Decimal { coefficient, exponent };
    vec![
        decimal(0, 0),
        decimal(1, 0),
        decimal(2, 0),
        decimal(-1, 0),
        decimal(1, 1),
        decimal(1, -1),
        decimal(11, -1),
        decimal(999_999_999_999_999_999, 0),
        decimal(1, 18),
        decimal(1, 64),
        decimal(1, -64),
        decimal(-1, 64),
        decimal(3, 0),
        decimal(72, 1),
    ]
}

pub(super) fn literals() -> Vec<Literal> {
    let mut literals: Vec<Literal> = vec![Literal::Null, Literal::Bool(false), Literal::Bool(true)];
    literals.extend(numbers().into_iter().map(Literal::Number));
    literals.extend(TEXTS.iter().map(|text| Literal::Text((*text).to_owned())));
    literals
}

pub(super) fn networks() -> Vec<Cidr> {
    let mapped = |a, b, c, d| [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d];
    vec![
        Cidr { address: mapped(10, 0, 0, 0), prefix: 104 },
        Cidr { address: mapped(10, 0, 0, 1), prefix: 128 },
        Cidr { address: [0; 16], prefix: 0 },
        Cidr { address: [0; 16], prefix: 127 },
        // The address has bits beyond the prefix, which do not count.
        Cidr { address: mapped(10, 0, 0, 255), prefix: 120 },
    ]
}
