//! The source, underlined, with labels, in the manner of rustc.

use core::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostics::{Diagnostic, Diagnostics, Kind, Label, Severity};
use crate::source::{FileId, SourceFile, Sources, Span};

pub(super) fn render<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for one in diagnostics.iter() {
        out.push_str(&renderer.render(&[group(one, sources)]));
        out.push_str("\n\n");
    }
    if diagnostics.left_out() > 0 {
        out.push_str(&format!("{} more not shown\n", diagnostics.left_out()));
    }
    out
}

/// Places alone.
pub(super) fn excerpt(places: &[Label], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let kinds = core::iter::once(AnnotationKind::Primary).chain(core::iter::repeat(AnnotationKind::Context));
    let marks: Vec<Mark<'_>> = places.iter().zip(kinds).collect();
    if marks.is_empty() {
        return String::new();
    }
    let group = Group::with_level(Level::NOTE).elements(snippets(&marks, sources));
    renderer.render(&[group]) + "\n"
}

/// A place, and how it is underlined.
type Mark<'a> = (&'a Label, AnnotationKind);

fn group<'a, C: Kind>(one: &'a Diagnostic<C>, sources: &'a Sources) -> Group<'a> {
    let level = match one.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let primary = core::iter::once((&one.primary, AnnotationKind::Primary));
    let marks: Vec<Mark<'_>> =
        primary.chain(one.secondary.iter().map(|label| (label, AnnotationKind::Context))).collect();
    let mut group = Group::with_title(level.primary_title(one.message.as_str()).id(one.code.to_string()))
        .elements(snippets(&marks, sources));
    if let Some(help) = &one.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    if let Some(note) = &one.note {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    group
}

/// A snippet for each file that marks are in, the first one's first.
fn snippets<'a>(marks: &[Mark<'a>], sources: &'a Sources) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut files: Vec<FileId> = Vec::new();
    for (label, _) in marks {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files.into_iter().filter_map(|file| Some(snippet(marks, file, sources.file(file)?))).collect()
}

/// The lines of one file that marks are in. Only those lines are handed on, since a policy may be long.
fn snippet<'a>(marks: &[Mark<'a>], file: FileId, source: &'a SourceFile) -> Snippet<'a, Annotation<'a>> {
    let labels = || marks.iter().copied().filter(move |(label, _)| label.span.file == file);
    let first = labels().map(|(label, _)| label.span.start).min().unwrap_or(0);
    let last = labels().map(|(label, _)| label.span.end).max().unwrap_or(0);
    let first_line = source.place(first).line;
    let base = source.line_start(first_line).unwrap_or(0);
    let end = source.line_start(source.place(last).line.saturating_add(1)).unwrap_or(source.len_bytes());
    let text = slice(source.text(), base, end);
    Snippet::source(text)
        .line_start(usize::try_from(first_line).unwrap_or(1))
        .path(source.name())
        .annotations(
            labels().map(|(label, kind)| kind.span(range(label.span, base, text)).label(text_of(label))),
        )
}

fn text_of(label: &Label) -> Option<&str> {
    (!label.text.is_empty()).then_some(label.text.as_str())
}

fn slice(text: &str, start: u32, end: u32) -> &str {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| text.get(start..end)).unwrap_or("")
}

/// `span` relative to `base`, cut to what is there, and to its first line: a tall underline hides more than it shows.
fn range(span: Span, base: u32, text: &str) -> Range<usize> {
    let place = |offset: u32| usize::try_from(offset.saturating_sub(base)).unwrap_or(0).min(text.len());
    let (start, end) = (place(span.start), place(span.end));
    let line = text.get(start..end.max(start)).and_then(|part| part.split('\n').next()).unwrap_or("");
    start..start.saturating_add(line.trim_end().len())
}
