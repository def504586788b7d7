//! One JSON array of objects, for programs. Lines and columns count from 1, columns in characters; offsets in bytes from 0.

use serde_json::{Value, json};

use crate::diagnostics::{Diagnostic, Diagnostics, Kind, Label};
use crate::source::{Sources, Span};

pub(super) fn render<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources) -> String {
    let mut out = format!("{:#}", Value::from(objects(diagnostics, sources)));
    out.push('\n');
    out
}

/// An object for each.
pub(super) fn objects<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources) -> Vec<Value> {
    diagnostics.iter().map(|one| object(one, sources)).collect()
}

fn object<C: Kind>(one: &Diagnostic<C>, sources: &Sources) -> Value {
    json!({
        "code": one.code.to_string(),
        "severity": one.severity().word(),
        "title": one.code.title(),
        "message": one.message,
        "primary": label(&one.primary, sources),
        "secondary": one.secondary.iter().map(|other| label(other, sources)).collect::<Vec<_>>(),
        "help": one.help,
        "note": one.note,
    })
}

fn label(label: &Label, sources: &Sources) -> Value {
    let Span { file, start, end } = label.span;
    let file = sources.file(file);
    let place = |offset| {
        file.map(|file| {
            let place = file.place(offset);
            json!({"line": place.line, "column": place.column, "offset": offset})
        })
    };
    json!({
        "file": file.map(|file| file.name()),
        "start": place(start),
        "end": place(end),
        "text": label.text,
    })
}
