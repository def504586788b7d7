//! Path patterns: reading them, and how two of them lie to each other.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{PathPattern, Segment};
use crate::syntax::ast::Name;
use crate::syntax::limits::{MAX_PATH_BYTES, MAX_PATH_SEGMENTS};

#[cfg(test)]
mod tests;

/// Reads a pattern.
pub(super) fn parse(text: &Name, diagnostics: &mut Diagnostics) -> Option<PathPattern> {
    match read(&text.value) {
        Ok(pattern) => Some(pattern),
        Err((code, message, help)) => {
            diagnostics.push(Diagnostic::new(code, text.span, message).help(help));
            None
        }
    }
}

type Refusal = (Code, String, &'static str);

fn read(text: &str) -> Result<PathPattern, Refusal> {
    let canonical = |message: &str, help| Err((Code::BadPath, format!("`{text}` {message}"), help));
    let Some(rest) = text.strip_prefix('/') else {
        return canonical("does not start with `/`", "paths are absolute, as in `/rows/{id}`");
    };
    if text.len() > MAX_PATH_BYTES {
        return Err((Code::TooMuch, format!("path longer than {MAX_PATH_BYTES} bytes"), "shorten it"));
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        let help = "a segment that cannot be written plainly can be matched by `*`";
        return Err((
            Code::BadPath,
            format!("`{text}` holds `{}`, which no canonical path has plainly", odd.escape_default()),
            help,
        ));
    }
    for (mark, help) in [
        ("?", "the query is no part of the path; compare `request.query` in `when`"),
        ("#", "leave the fragment out"),
        (";", "requests with `;` in their path are refused before policy"),
        ("\\", "requests with `\\` in their path are refused before policy"),
        ("%", "write the character itself, or match the segment by `*`"),
    ] {
        if text.contains(mark) {
            return canonical(&format!("holds `{mark}`, which no canonical path has"), help);
        }
    }
    if rest.is_empty() {
        return Ok(PathPattern { segments: Vec::new() });
    }
    let parts: Vec<&str> = rest.split('/').collect();
    if parts.len() > MAX_PATH_SEGMENTS {
        return Err((
            Code::TooMuch,
            format!("path with more than {MAX_PATH_SEGMENTS} segments"),
            "end it with `**`",
        ));
    }
    let mut segments = Vec::with_capacity(parts.len());
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        if part.is_empty() && index != last {
            return canonical("has an empty segment", "requests with `//` are brought to `/` before policy");
        }
        if matches!(*part, "." | "..") {
            return canonical("has a dot segment", "write the path that it leads to");
        }
        segments.push(segment(text, part, index == last)?);
    }
    let mut names: Vec<&str> = segments.iter().filter_map(name_of).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        let message = format!("`{text}` has two segments `{{{twice}}}`");
        return Err((Code::BadPathPattern, message, "give each its own name, or write `*`"));
    }
    Ok(PathPattern { segments })
}

fn segment(text: &str, part: &str, last: bool) -> Result<Segment, Refusal> {
    let malformed = |message: &str, help| Err((Code::BadPathPattern, format!("`{text}` {message}"), help));
    match part {
        "*" => return Ok(Segment::One(None)),
        "**" if last => return Ok(Segment::Rest),
        "**" => {
            return malformed(
                "has `**` before its end",
                "`**` stands for all that follows; use `*` for one segment",
            );
        }
        _ => {}
    }
    if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !start || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return malformed(
                "has a parameter without a plain name",
                "letters, digits and `_`, as in `{order_id}`",
            );
        }
        return Ok(Segment::One(Some(name.to_owned())));
    }
    if part.contains(['*', '{', '}']) {
        return malformed(
            "has `*` or `{}` within a segment",
            "they stand for whole segments; to look into one write `{name}` and compare `path.name` in `when`",
        );
    }
    if let Some(odd) = part.chars().find(|c| !is_plain(*c)) {
        let message = format!("`{text}` holds `{odd}`, which canonical paths spell as an escape");
        return Err((Code::BadPath, message, "match the segment by `*`"));
    }
    Ok(Segment::Literal(part.to_owned()))
}

/// Whether canonical paths have the character as itself.
const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '-' | '.' | '_' | '~' | '!' | '$' | '&' | '\'' | '(' | ')' | '+' | ',' | '=' | ':' | '@'
        )
}

fn name_of(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::One(name) => name.as_deref(),
        Segment::Literal(_) | Segment::Rest => None,
    }
}

/// The place of the segment that `{name}` captures.
pub(super) fn position(pattern: &PathPattern, name: &str) -> Option<u8> {
    pattern
        .segments
        .iter()
        .zip(0_u8..)
        .find(|(segment, _)| name_of(segment) == Some(name))
        .map(|(_, place)| place)
}

/// The pattern without the names of its parameters, which change nothing about what it matches.
pub(super) fn nameless(pattern: &PathPattern) -> PathPattern {
    let strip = |segment: &Segment| match segment {
        Segment::One(_) => Segment::One(None),
        other => other.clone(),
    };
    PathPattern { segments: pattern.segments.iter().map(strip).collect() }
}

/// Whether every path that `inner` matches is matched by `outer`.
pub(super) fn contains(outer: &PathPattern, inner: &PathPattern) -> bool {
    let mut inner = inner.segments.iter();
    for segment in &outer.segments {
        let fits = match (segment, inner.next()) {
            (Segment::Rest, _) => return true,
            (Segment::Literal(a), Some(Segment::Literal(b))) => a == b,
            (Segment::One(_), Some(Segment::One(_))) => true,
            (Segment::One(_), Some(Segment::Literal(literal))) => !literal.is_empty(),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    inner.next().is_none()
}

/// The pattern of exactly those paths that both match; none if there are none.
pub(super) fn intersection(left: &PathPattern, right: &PathPattern) -> Option<PathPattern> {
    let mut segments = Vec::new();
    let (mut lefts, mut rights) = (left.segments.iter(), right.segments.iter());
    loop {
        match (lefts.next(), rights.next()) {
            (None, None) | (Some(Segment::Rest), None) | (None, Some(Segment::Rest)) => break,
            (Some(Segment::Rest), Some(other)) => {
                segments.push(other.clone());
                segments.extend(rights.cloned());
                break;
            }
            (Some(other), Some(Segment::Rest)) => {
                segments.push(other.clone());
                segments.extend(lefts.cloned());
                break;
            }
            (Some(Segment::Literal(a)), Some(Segment::Literal(b))) if a == b => {
                segments.push(Segment::Literal(a.clone()));
            }
            (Some(Segment::One(a)), Some(Segment::One(b))) => {
                segments.push(Segment::One(a.clone().or_else(|| b.clone())));
            }
            (Some(Segment::Literal(literal)), Some(Segment::One(_)))
            | (Some(Segment::One(_)), Some(Segment::Literal(literal)))
                if !literal.is_empty() =>
            {
                segments.push(Segment::Literal(literal.clone()));
            }
            _ => return None,
        }
    }
    Some(PathPattern { segments })
}

/// The pattern as it is written.
pub(super) fn print(pattern: &PathPattern) -> String {
    if pattern.segments.is_empty() {
        return String::from("/");
    }
    let mut out = String::new();
    for segment in &pattern.segments {
        out.push('/');
        match segment {
            Segment::Literal(literal) => out.push_str(literal),
            Segment::One(Some(name)) => out.push_str(&format!("{{{name}}}")),
            Segment::One(None) => out.push('*'),
            Segment::Rest => out.push_str("**"),
        }
    }
    out
}
