//! Workflow commands of GitHub Actions: `::error file=F,line=L,col=C,endColumn=E,title=T::message`.

use core::fmt::Write as _;

use crate::diagnostics::{Diagnostics, Kind};
use crate::source::{SourceFile, Sources};

pub(super) fn render<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources) -> String {
    let mut out = String::new();
    for one in diagnostics.iter() {
        let span = one.primary.span;
        let Some(file) = sources.file(span.file) else { continue };
        let start = file.place(span.start);
        let end = file.place(span.end);
        let _ = write!(
            out,
            "::{} file={},line={},endLine={},col={}",
            one.severity().word(),
            property(SourceFile::name(file)),
            start.line,
            end.line,
            start.column
        );
        // The column of the end is only allowed where the annotation stays on one line.
        if start.line == end.line {
            let _ = write!(out, ",endColumn={}", end.column);
        }
        let mut text = one.message.clone();
        for more in [&one.help, &one.note].into_iter().flatten() {
            text.push('\n');
            text.push_str(more);
        }
        let _ = writeln!(
            out,
            ",title={}::{}",
            property(&format!("{}: {}", one.code, one.code.title())),
            data(&text)
        );
    }
    out
}

/// Escapes what ends a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what ends a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
