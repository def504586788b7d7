//! Parses CEL, within limits.

use core::ops::Range;

use cel_core::parser::{ParseError, ParseOptions, parse_with_options};
use cel_core::types::SpannedExpr;

use super::place;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::syntax::ast::ConditionText;
use crate::syntax::limits::{MAX_CONDITION_BYTES, MAX_CONDITION_DEPTH};

/// A condition's tree, with what is needed to say where its parts are.
pub(in crate::check) struct Parsed<'a> {
    text: &'a ConditionText,
    /// The condition as it stands in the file.
    raw: &'a str,
    pub(super) tree: SpannedExpr,
}

impl Parsed<'_> {
    /// The place of a part in the file.
    pub(super) fn span(&self, part: &Range<usize>) -> Span {
        place::locate(self.text, self.raw, part)
    }

    /// The text of a part.
    pub(super) fn source(&self, part: &Range<usize>) -> &str {
        self.text.text.get(part.clone()).unwrap_or("")
    }
}

/// The tree of a condition. Nothing if it is not CEL.
pub(super) fn parse<'a>(
    text: &'a ConditionText,
    raw: &'a str,
    diagnostics: &mut Diagnostics,
) -> Option<Parsed<'a>> {
    if let Some(what) = too_large(&text.text) {
        diagnostics.push(
            Diagnostic::new(Code::TooMuch, text.span, format!("condition {what}"))
                .help("split it into several rules"),
        );
        return None;
    }
    let result = parse_with_options(&text.text, ParseOptions::without_macros());
    let found_errors = !result.errors.is_empty();
    for error in result.errors {
        diagnostics.push(explain(&error, text, raw));
    }
    let tree = result.ast.filter(|_| !found_errors)?;
    Some(Parsed { text, raw, tree })
}

/// The parser recurses, so what could nest too deep is refused before. Brackets are counted, not matched: a bracket in
/// quotes counts too, which refuses a little more than it must.
fn too_large(text: &str) -> Option<String> {
    const MAX_BRACKETS: usize = 128;
    if text.len() > MAX_CONDITION_BYTES {
        return Some(format!("longer than {MAX_CONDITION_BYTES} bytes"));
    }
    if text.chars().filter(|c| matches!(c, '(' | '[' | '{' | '?')).count() > MAX_BRACKETS {
        return Some(format!("with more than {MAX_BRACKETS} brackets"));
    }
    let mut run = 0_usize;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        run = if matches!(c, '!' | '-') { run.saturating_add(1) } else { 0 };
        if run > MAX_CONDITION_DEPTH {
            return Some(format!("with more than {MAX_CONDITION_DEPTH} signs in a row"));
        }
    }
    None
}

/// Says in our words what the CEL parser found.
fn explain(error: &ParseError, text: &ConditionText, raw: &str) -> Diagnostic {
    let source = text.text.as_str();
    let part = error.span.clone();
    let found = source.get(part.clone()).unwrap_or("");
    let rest = source.get(part.start..).unwrap_or("");
    let span = place::locate(text, raw, &part);
    if found.trim().is_empty() && rest.trim().is_empty() {
        let expected = error.message.strip_prefix("expected ").and_then(|m| m.split(", found").next());
        let message = match expected {
            Some(token) => format!("the condition ends where `{}` is missing", token.trim_matches('\'')),
            None if source.trim().is_empty() => String::from("the condition is empty"),
            None => String::from("the condition ends too early"),
        };
        return Diagnostic::new(Code::ConditionSyntax, span, message);
    }
    if found.bytes().all(|byte| byte.is_ascii_digit()) && !found.is_empty() {
        return Diagnostic::new(Code::BadNumber, span, format!("`{found}` has too many digits"));
    }
    let help = match rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("") {
        "and" => Some("write `&&`"),
        "or" => Some("write `||`"),
        "not" => Some("write `!`"),
        _ if rest.starts_with("=") && !rest.starts_with("==") => Some("write `==` to compare"),
        _ if rest.starts_with('&') && !rest.starts_with("&&") => Some("write `&&`"),
        _ if rest.starts_with('|') && !rest.starts_with("||") => Some("write `||`"),
        _ if rest.starts_with(['"', '\'']) => {
            Some("text in quotes ends with the same quote, on the same line; `\\` starts an escape")
        }
        _ => None,
    };
    let message = match error.message.strip_prefix("expected ").and_then(|m| m.split(", found").next()) {
        Some(token) => format!("expected `{}` before `{}`", token.trim_matches('\''), shown(rest)),
        None if error.message.contains("reserved word") => format!("`{found}` is a reserved word of CEL"),
        None => format!("unexpected `{}`", shown(if found.is_empty() { rest } else { found })),
    };
    Diagnostic::new(Code::ConditionSyntax, span, message).maybe_help(help.map(str::to_owned))
}

/// The start of a text, for a message.
fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 20;
    let first = text.lines().next().unwrap_or("");
    let word: String = first.split_whitespace().next().unwrap_or("").chars().take(SHOWN_CHARS).collect();
    word
}
