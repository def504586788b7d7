//! Holds a value against its shape, and says everything that does not fit.

use super::node::{Entry, Meaning, Node, Value};
use super::shape::{Field, KINDS, Object, Shape, TEXT};
use super::suggest::{did_you_mean, nearest};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::source::Span;

/// Where a value stands: what it is called, and what it should look like.
#[derive(Clone, Copy)]
struct Slot<'a> {
    name: &'a str,
    /// It is an element of the list of that name.
    element: bool,
    shape: Shape,
    example: &'a str,
}

/// Holds a document's fields against `fields`; `owner` is the place to name if one is missing.
pub(super) fn fields(entries: &[Entry], fields: &[Field], owner: Span, diagnostics: &mut Diagnostics) {
    for entry in entries {
        match fields.iter().find(|field| field.name == entry.key.value) {
            Some(field) => {
                let slot =
                    Slot { name: field.name, element: false, shape: field.shape, example: field.example };
                value(&entry.value, slot, entry.key.span, diagnostics);
            }
            None => diagnostics.push(unknown(entry, fields)),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if !entries.iter().any(|entry| entry.key.value == field.name) && !mistaken(entries, field) {
            diagnostics.push(
                Diagnostic::new(Code::MissingField, owner, format!("`{}` is missing", field.name))
                    .help(format!("add `{}: {}`", field.name, field.example)),
            );
        }
    }
}

/// Whether an unknown field was reported that was meant as this one.
fn mistaken(entries: &[Entry], field: &Field) -> bool {
    entries.iter().any(|entry| {
        field.mistaken.contains(&entry.key.value.as_str())
            || nearest(&entry.key.value, [field.name]).is_some()
    })
}

fn unknown(entry: &Entry, fields: &[Field]) -> Diagnostic {
    let name = entry.key.value.as_str();
    let diagnostic = Diagnostic::new(Code::UnknownField, entry.key.span, format!("unknown field `{name}`"));
    if let Some(meant) = fields.iter().find(|field| field.mistaken.contains(&name)) {
        return diagnostic.help(format!("write `{}: {}`", meant.name, meant.example));
    }
    if let Some(help) = did_you_mean(name, fields.iter().map(|field| field.name)) {
        return diagnostic.help(help);
    }
    if let Some(home) = home_of(name, fields) {
        return diagnostic.help(home);
    }
    let known: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    diagnostic.help(format!("the fields here are {}", known.join(", ")))
}

/// Where a field lives that was written in the outer part of a document.
fn home_of(name: &str, fields: &[Field]) -> Option<String> {
    if !fields.iter().any(|field| field.name == "spec") {
        return None;
    }
    if name == "name" {
        return Some(String::from("`name` belongs under `metadata`"));
    }
    let inside = |object: &Object| object.fields.iter().any(|field| field.name == name);
    KINDS.iter().any(|kind| inside(kind.spec)).then(|| format!("`{name}` belongs under `spec`"))
}

fn value(node: &Node, slot: Slot<'_>, key: Span, diagnostics: &mut Diagnostics) {
    let fits = match (&node.value, slot.shape) {
        (Value::Broken, _) => true,
        (Value::Scalar(scalar), Shape::Text { .. }) => {
            if scalar.meaning() == Meaning::Text && scalar.text.trim().is_empty() {
                diagnostics.push(
                    Diagnostic::new(Code::EmptyValue, node.span, format!("`{}` is empty", slot.name))
                        .help(format!("as in `{}`", slot.example)),
                );
            }
            scalar.meaning() == Meaning::Text
        }
        (Value::Scalar(scalar), Shape::Bool) => matches!(scalar.meaning(), Meaning::Bool(_)),
        (Value::Scalar(scalar), Shape::Integer { min, max }) => match scalar.meaning() {
            Meaning::Integer(number) => {
                if !(min..=max).contains(&number) {
                    let message = format!("`{}` must be from {min} to {max}", slot.name);
                    diagnostics.push(Diagnostic::new(Code::OutOfRange, node.span, message));
                }
                true
            }
            _ => false,
        },
        (Value::Scalar(scalar), Shape::Choice(choices)) if scalar.meaning() == Meaning::Text => {
            choice(&scalar.text, choices, node.span, slot, diagnostics);
            true
        }
        (Value::List(items), Shape::List { item, may_be_empty }) => {
            list(items, *item, may_be_empty, node.span, slot, diagnostics);
            true
        }
        (Value::Scalar(_), Shape::TextOr(_)) => {
            value(node, Slot { shape: TEXT, ..slot }, key, diagnostics);
            true
        }
        (Value::Map(entries), Shape::Object(object) | Shape::TextOr(object)) => {
            fields(entries, object.fields, key, diagnostics);
            true
        }
        (Value::Map(_), Shape::Labels) => true,
        _ => false,
    };
    if !fits {
        diagnostics.push(wrong(node, slot));
    }
}

fn choice(text: &str, choices: &[(&str, &str)], span: Span, slot: Slot<'_>, diagnostics: &mut Diagnostics) {
    let words = || choices.iter().map(|(word, _)| *word);
    if words().any(|word| word == text) {
        return;
    }
    let all: Vec<String> = words().map(|word| format!("`{word}`")).collect();
    let help = did_you_mean(text, words()).unwrap_or_else(|| format!("the choices are {}", all.join(", ")));
    let message = format!("`{}` cannot be `{text}`", slot.name);
    diagnostics.push(Diagnostic::new(Code::NotAChoice, span, message).help(help));
}

fn list(
    items: &[Node],
    item: Shape,
    may_be_empty: bool,
    span: Span,
    slot: Slot<'_>,
    diagnostics: &mut Diagnostics,
) {
    if items.is_empty() && !may_be_empty {
        diagnostics.push(
            Diagnostic::new(Code::EmptyValue, span, format!("`{}` is empty", slot.name))
                .help(format!("as in `{}: {}`", slot.name, slot.example)),
        );
    }
    let example = slot.example.trim_start_matches('[').trim_end_matches(']');
    for node in items {
        value(node, Slot { name: slot.name, element: true, shape: item, example }, node.span, diagnostics);
    }
}

/// Says what was expected, with an example.
fn wrong(node: &Node, slot: Slot<'_>) -> Diagnostic {
    let expected = match slot.shape {
        Shape::Text { .. } => "text",
        Shape::Bool => "`true` or `false`",
        Shape::Integer { .. } => "a whole number",
        Shape::Choice(_) => "a word",
        Shape::List { .. } => "a list",
        Shape::Object(_) | Shape::Labels => "a mapping",
        Shape::TextOr(_) => "text or a mapping",
    };
    let which = if slot.element { "an element of " } else { "" };
    let message = format!("{which}`{}` must be {expected}, not {}", slot.name, node.describe());
    let diagnostic = Diagnostic::new(Code::WrongType, node.span, message);
    let as_text = matches!(slot.shape, Shape::Text { .. });
    match &node.value {
        Value::Scalar(scalar) if as_text && scalar.meaning() != Meaning::Null => {
            diagnostic.help(format!("quote it: `\"{}\"`", scalar.text))
        }
        Value::Scalar(scalar)
            if matches!(slot.shape, Shape::List { .. }) && scalar.meaning() == Meaning::Text =>
        {
            diagnostic.help(format!("put it in brackets: `[{}]`", scalar.text))
        }
        Value::Map(_) if as_text => {
            diagnostic.help(format!("as in `{}`; quote text that starts with `{{`", slot.example))
        }
        _ if slot.element => diagnostic.help(format!("as in `- {}`", slot.example)),
        _ => diagnostic.help(format!("as in `{}: {}`", slot.name, slot.example)),
    }
}
