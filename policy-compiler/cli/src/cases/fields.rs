//! The entries of a test, read one by one.

use ambit_compiler::diagnostics::{Diagnostic, Diagnostics};
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::{Entry, Meaning, Node, Value};
use ambit_compiler::syntax::suggest::did_you_mean;

use super::Code;
use crate::request::quoted;

/// A mapping whose entries are asked for by name, with defaults behind it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'n> {
    pub(super) node: &'n Node,
    pub(super) defaults: Option<&'n Node>,
}

impl<'n> Fields<'n> {
    /// The value of an entry, or of the default; `null` is none.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let own = self.node.entry(key);
        let found = own.or_else(|| self.defaults?.entry(key));
        found.map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// The value of an entry that is text, or a number or truth value as it is written.
    pub(super) fn text(&self, key: &str, diagnostics: &mut Diagnostics<Code>) -> Option<(&'n str, Span)> {
        text(self.get(key)?, key, diagnostics)
    }

    /// The texts of an entry that is a list of them, or one.
    pub(super) fn texts(&self, key: &str, diagnostics: &mut Diagnostics<Code>) -> Vec<(&'n str, Span)> {
        match self.get(key) {
            None => Vec::new(),
            Some(Node { value: Value::List(items), .. }) => {
                items.iter().filter_map(|item| text(item, key, diagnostics)).collect()
            }
            Some(node) => text(node, key, diagnostics).into_iter().collect(),
        }
    }

    /// A truth value.
    pub(super) fn truth(&self, key: &str, diagnostics: &mut Diagnostics<Code>) -> Option<bool> {
        let node = self.get(key)?;
        match &node.value {
            Value::Scalar(scalar) if let Meaning::Bool(truth) = scalar.meaning() => Some(truth),
            _ => {
                diagnostics.push(wrong_kind(node, key, "`true` or `false`"));
                None
            }
        }
    }

    /// The entries of a mapping.
    pub(super) fn entries(&self, key: &str, diagnostics: &mut Diagnostics<Code>) -> &'n [Entry] {
        match self.get(key) {
            None => &[],
            Some(Node { value: Value::Map(entries), .. }) => entries,
            Some(node) => {
                diagnostics.push(wrong_kind(node, key, "a mapping"));
                &[]
            }
        }
    }
}

/// Text, or a number or truth value as it is written.
fn text<'n>(node: &'n Node, key: &str, diagnostics: &mut Diagnostics<Code>) -> Option<(&'n str, Span)> {
    match &node.value {
        Value::Scalar(scalar) => Some((&scalar.text, node.span)),
        Value::Broken => None,
        _ => {
            diagnostics.push(wrong_kind(node, key, "text"));
            None
        }
    }
}

pub(super) fn wrong_kind(node: &Node, key: &str, wanted: &str) -> Diagnostic<Code> {
    let message = format!("`{key}` is {}, and should be {wanted}", node.describe());
    Diagnostic::new(Code::Shape, node.span, message)
}

/// Refuses entries that nobody reads.
pub(super) fn only(node: &Node, what: &str, known: &[&str], diagnostics: &mut Diagnostics<Code>) -> bool {
    let Value::Map(entries) = &node.value else {
        if node.value != Value::Broken {
            let message = format!("{what} is {}, and should be a mapping", node.describe());
            diagnostics.push(Diagnostic::new(Code::Shape, node.span, message));
        }
        return false;
    };
    for entry in entries {
        let key = entry.key.value.as_str();
        if !known.contains(&key) {
            let near = did_you_mean(key, known.iter().copied());
            let help = near.unwrap_or_else(|| format!("there are {}", listed(known)));
            diagnostics.push(
                Diagnostic::new(Code::Shape, entry.key.span, format!("{what} has no `{key}`")).help(help),
            );
        }
    }
    true
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A value as JSON. A number stays as it is written, so that none is rounded.
pub(super) fn json(node: &Node) -> String {
    match &node.value {
        Value::Broken => String::from("null"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| format!("{}:{}", quoted(&entry.key.value), json(&entry.value));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => String::from("null"),
            Meaning::Bool(truth) => truth.to_string(),
            Meaning::Integer(number) => number.to_string(),
            // What JSON does not call a number, such as `.inf`, is sent as text.
            Meaning::Number if serde_json::from_str::<serde_json::Number>(&scalar.text).is_ok() => {
                scalar.text.clone()
            }
            Meaning::Number | Meaning::Text => quoted(&scalar.text),
        },
    }
}
