//! Text in HTML and SVG.

/// Text as HTML has it.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Text that fits a width: what is too long ends in an ellipsis.
pub(super) fn fitted(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return escape(text);
    }
    let start: String = text.chars().take(characters.saturating_sub(1)).collect();
    escape(&format!("{start}\u{2026}"))
}
