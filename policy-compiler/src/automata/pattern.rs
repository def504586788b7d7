//! What patterns mean, as regular languages over bytes.

use regex_automata::Anchored;
use regex_automata::MatchKind;
use regex_automata::dfa::StartKind;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::{self, NFA};
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Dot, Hir, Repetition};

use crate::model::{PathPattern, Segment, Selector};

use super::{Automaton, MAX_CATALOG_BYTES, MAX_REGEX_BYTES, MAX_STATES, table};

/// Why a pattern has no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutomatonError {
    /// It is not a regular expression of the language, for this reason.
    Syntax(String),
    /// Its table would be too large.
    TooLarge,
    /// It asks for something that no table can say, such as a Unicode word boundary.
    Unsupported(String),
}

/// The automaton that matches every text in which `pattern` matches somewhere; its label is 0.
///
/// # Errors
/// [`AutomatonError`] if it is malformed, or its table would be too large.
pub fn regex(pattern: &str) -> Result<Automaton, AutomatonError> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern)
        .map_err(|error| AutomatonError::Syntax(error.to_string()))?;
    let dfa = determinize(&[hir], Anchored::No, MAX_REGEX_BYTES)?;
    table::build(&dfa, Anchored::No, |_| 0)
}

/// The automaton that leads from an action key to the label of the first of `selectors` that matches it.
///
/// # Errors
/// [`AutomatonError::TooLarge`].
pub fn actions(selectors: &[(&Selector, u16)]) -> Result<Automaton, AutomatonError> {
    first_of(selectors.iter().map(|(selector, label)| (selected(selector), *label)))
}

/// The automaton that leads from a SPIFFE path to the label of the first of `patterns` that matches it, where `*`
/// stands for any run of bytes within a segment.
///
/// # Errors
/// [`AutomatonError::TooLarge`].
pub fn principals(patterns: &[(&str, u16)]) -> Result<Automaton, AutomatonError> {
    let hirs = patterns.iter().map(|(pattern, label)| (glob(pattern, &any_but(b'/')), *label));
    first_of(hirs)
}

fn first_of(patterns: impl Iterator<Item = (Hir, u16)>) -> Result<Automaton, AutomatonError> {
    let (hirs, labels): (Vec<Hir>, Vec<u16>) = patterns.unzip();
    let dfa = determinize(&hirs, Anchored::Yes, MAX_CATALOG_BYTES)?;
    table::build(&dfa, Anchored::Yes, |pattern| labels.get(pattern).copied().unwrap_or(0))
}

fn determinize(
    hirs: &[Hir],
    anchored: Anchored,
    most_bytes: usize,
) -> Result<dense::DFA<Vec<u32>>, AutomatonError> {
    let nfa: NFA = thompson::Compiler::new()
        .configure(thompson::Config::new().utf8(false).nfa_size_limit(Some(most_bytes)))
        .build_many_from_hir(hirs)
        .map_err(|error| match error.size_limit() {
            Some(_) => AutomatonError::TooLarge,
            None => AutomatonError::Unsupported(error.to_string()),
        })?;
    let start = if anchored == Anchored::Yes { StartKind::Anchored } else { StartKind::Unanchored };
    let config = dense::Config::new()
        .start_kind(start)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(most_bytes))
        .determinize_size_limit(Some(most_bytes));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|error| {
        if error.is_size_limit_exceeded() {
            AutomatonError::TooLarge
        } else {
            AutomatonError::Unsupported(error.to_string())
        }
    })
}

fn selected(selector: &Selector) -> Hir {
    match selector {
        Selector::Http { methods, path } => {
            Hir::concat(vec![method(methods), Hir::literal(*b" "), path_language(path)])
        }
        Selector::Key(pattern) => glob(pattern, &any_byte()),
    }
}

fn method(methods: &[String]) -> Hir {
    if methods.is_empty() {
        return repeated(any_but(b' '), 1);
    }
    Hir::alternation(methods.iter().map(|method| Hir::literal(method.as_bytes())).collect())
}

fn path_language(path: &PathPattern) -> Hir {
    let slash = || Hir::literal(*b"/");
    let mut parts = Vec::new();
    for segment in &path.segments {
        match segment {
            Segment::Literal(literal) => parts.extend([slash(), Hir::literal(literal.as_bytes())]),
            Segment::One(_) => parts.extend([slash(), repeated(any_but(b'/'), 1)]),
            Segment::Rest => {
                let tail = Hir::concat(vec![slash(), repeated(any_byte(), 0)]);
                parts.push(if parts.is_empty() { tail } else { optional(tail) });
            }
        }
    }
    if parts.is_empty() { slash() } else { Hir::concat(parts) }
}

fn glob(pattern: &str, wild: &Hir) -> Hir {
    let literals = pattern.split('*').map(|literal| Hir::literal(literal.as_bytes()));
    let mut parts = Vec::new();
    for (place, literal) in literals.enumerate() {
        if place > 0 {
            parts.push(repeated(wild.clone(), 0));
        }
        parts.push(literal);
    }
    Hir::concat(parts)
}

fn any_byte() -> Hir {
    Hir::dot(Dot::AnyByte)
}

fn any_but(byte: u8) -> Hir {
    let mut class = ClassBytes::new([ClassBytesRange::new(byte, byte)]);
    class.negate();
    Hir::class(Class::Bytes(class))
}

fn repeated(what: Hir, at_least: u32) -> Hir {
    Hir::repetition(Repetition { min: at_least, max: None, greedy: true, sub: Box::new(what) })
}

fn optional(what: Hir) -> Hir {
    Hir::repetition(Repetition { min: 0, max: Some(1), greedy: true, sub: Box::new(what) })
}

/// For the error when a table has more than [`MAX_STATES`].
pub(super) const fn too_large(states: usize) -> Option<AutomatonError> {
    if states > MAX_STATES { Some(AutomatonError::TooLarge) } else { None }
}

impl core::fmt::Display for AutomatonError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Syntax(reason) => f.write_str(reason),
            Self::TooLarge => write!(f, "the pattern needs a table of more than {MAX_STATES} states"),
            Self::Unsupported(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for AutomatonError {}
