//! Reads YAML into [`Node`] trees, one for each document.
//!
//! What policy does not use of YAML (anchors, aliases, merge keys, tags, keys that are not text) is refused here. After an
//! error in the YAML itself, reading goes on at the next document.

mod offsets;
mod tree;

use saphyr_parser::{Event, Parser, ScanError};

use self::offsets::Offsets;
use self::tree::Builder;
use super::limits::{MAX_YAML_DEPTH, MAX_YAML_NODES};
use super::node::Node;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::source::{FileId, Flaw, SourceFile, Span};

#[cfg(test)]
mod tests;

/// The documents of a file. Empty documents are left out.
pub fn parse(id: FileId, file: &SourceFile, diagnostics: &mut Diagnostics) -> Vec<Node> {
    report_flaw(id, file, diagnostics);
    let mut documents = Vec::new();
    let mut budget = MAX_YAML_NODES;
    let mut base = 0;
    while let Some(rest) = file.text().get(base..) {
        let offsets = Offsets::new(id, base, rest);
        let Some(failure) = documents_of(rest, &offsets, &mut documents, &mut budget, diagnostics) else {
            break;
        };
        // The next document that starts after the failure; `failure` lies in `rest`, so this always advances.
        match next_document(rest, failure) {
            Some(start) => base = base.saturating_add(start),
            None => break,
        }
    }
    documents
}

/// Reads documents until the end or an error, and says where (in bytes of `text`) the error is.
fn documents_of(
    text: &str,
    offsets: &Offsets,
    documents: &mut Vec<Node>,
    budget: &mut usize,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::new(budget);
    while let Some(step) = parser.next_event() {
        match step {
            Ok((Event::StreamEnd, _)) => return None,
            Ok((event, span)) => {
                let span = offsets.span(span.start.index(), span.end.index());
                match builder.event(event, span, diagnostics) {
                    Ok(Some(document)) => documents.push(document),
                    Ok(None) => {}
                    Err(tree::TooMuch) => return Some(text.len()),
                }
            }
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                diagnostics.push(explain(&error, text, at, offsets));
                return Some(at);
            }
        }
    }
    None
}

/// The start of the first line that starts a document, from the line that holds `from` on. Never 0, so that
/// what reads on from there advances.
fn next_document(text: &str, from: usize) -> Option<usize> {
    let mut start = text.get(..from)?.rfind('\n').map_or(0, |end| end.saturating_add(1));
    loop {
        let line = text.get(start..)?;
        let after = line.strip_prefix("---");
        if start > 0 && after.is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
        {
            return Some(start);
        }
        start = start.checked_add(line.find('\n')?)?.checked_add(1)?;
    }
}

fn report_flaw(id: FileId, file: &SourceFile, diagnostics: &mut Diagnostics) {
    let end = file.len_bytes();
    let span = Span::new(id, end, end);
    match file.flaw() {
        None => {}
        Some(Flaw::NotUtf8) => diagnostics.push(
            Diagnostic::new(Code::NotUtf8, span, "the file is not UTF-8 from here on")
                .help("save the file as UTF-8"),
        ),
        Some(Flaw::TooLarge) => {
            let limit = super::limits::MAX_SOURCE_BYTES;
            diagnostics.push(Diagnostic::new(
                Code::TooMuch,
                span,
                format!("the file is larger than {limit} bytes"),
            ));
        }
    }
}

/// Says in our words what the YAML parser found.
fn explain(error: &ScanError, text: &str, at: usize, offsets: &Offsets) -> Diagnostic {
    let line_start =
        text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end.saturating_add(1));
    let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let span = offsets.byte_span(
        at,
        at.saturating_add(text.get(at..).and_then(|t| t.chars().next()).map_or(0, char::len_utf8)),
    );
    let indentation = line.len().saturating_sub(line.trim_start().len());
    if line.get(..indentation).is_some_and(|blank| blank.contains('\t')) {
        return Diagnostic::new(Code::Tab, span, "tab in the indentation").help("indent with spaces");
    }
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start().trim_start_matches("- ");
    let info = error.info();
    if info.contains("recursion limit") {
        return Diagnostic::new(Code::TooMuch, span, format!("nested more than {MAX_YAML_DEPTH} deep"));
    }
    if info.contains("anchor") || info.contains("alias") || value.starts_with(['*', '&', '!']) {
        return Diagnostic::new(
            Code::YamlFeature,
            span,
            "an unquoted `*`, `&` or `!` starts an alias, an anchor or a tag",
        )
        .help("quote the value, as in `\"*/read.*\"`");
    }
    let diagnostic = Diagnostic::new(Code::YamlSyntax, span, format!("not YAML: {info}"));
    if line.trim_start().trim_start_matches("- ").starts_with("when:") {
        return diagnostic.help("write the condition in quotes, or on the next line after `when: |`");
    }
    if info.contains("mapping values") || info.contains("did not find expected") {
        return diagnostic
            .help("quote a value that holds `: `, or check that the lines above are indented alike");
    }
    diagnostic
}
