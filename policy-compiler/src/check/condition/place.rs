//! Where the parts of a condition are in its file: quotes, escapes, indentation and folding lie between the two.

use core::ops::Range;

use crate::source::Span;
use crate::syntax::ast::ConditionText;
use crate::syntax::node::Style;

/// The place of `part` of the condition, whose text in the file is `raw`; the whole of it if that cannot be told.
pub(super) fn locate(text: &ConditionText, raw: &str, part: &Range<usize>) -> Span {
    exact(text, raw, part).unwrap_or(text.span)
}

/// Walks through both texts side by side. White space in one stands for any white space in the other, which covers folding,
/// indentation and line ends alike.
fn exact(text: &ConditionText, raw: &str, part: &Range<usize>) -> Option<Span> {
    let mut written = raw.char_indices().peekable();
    if matches!(text.style, Style::SingleQuoted | Style::DoubleQuoted) {
        written.next();
    }
    let mut start = None;
    let mut end = None;
    let mut content = text.text.char_indices().peekable();
    while let Some((offset, c)) = content.next() {
        if c.is_whitespace() {
            while content.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            if part.start >= offset && start.is_none() && part.start < next_offset(&mut content, &text.text) {
                start = written.peek().map(|(at, _)| *at);
            }
            while written.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            continue;
        }
        let (at, w) = written.next()?;
        if offset == part.start {
            start = Some(at);
        }
        let width = if w == '\\' && text.style == Style::DoubleQuoted {
            escape(&mut written)?
        } else if w == '\'' && text.style == Style::SingleQuoted {
            written.next_if(|(_, c)| *c == '\'')?;
            2
        } else if w == c {
            w.len_utf8()
        } else {
            return None;
        };
        if offset < part.end {
            end = Some(at.checked_add(width)?);
        }
    }
    let limit = raw.len();
    let start = start.or_else(|| (part.start >= text.text.trim_end().len()).then_some(end?))?;
    let end = end.unwrap_or(limit).max(start);
    let place =
        |offset: usize| Some(text.span.start.checked_add(u32::try_from(offset).ok()?)?.min(text.span.end));
    Some(Span { file: text.span.file, start: place(start)?, end: place(end)? })
}

fn next_offset(content: &mut core::iter::Peekable<core::str::CharIndices<'_>>, text: &str) -> usize {
    content.peek().map_or(text.len(), |(offset, _)| *offset)
}

/// Skips what follows the backslash of an escape; gives the length of the whole escape.
fn escape(written: &mut core::iter::Peekable<core::str::CharIndices<'_>>) -> Option<usize> {
    let digits: usize = match written.next()?.1 {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        // A line folded by an escape stands for nothing; to walk on here would need more than a place is worth.
        '\n' | '\r' => return None,
        _ => 0,
    };
    for _ in 0..digits {
        written.next()?;
    }
    digits.checked_add(2)
}
