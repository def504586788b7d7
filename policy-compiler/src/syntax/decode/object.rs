//! A mapping, asked for fields by name. A field that is absent, or of another type, is not there.

use crate::source::{Span, Spanned};
use crate::syntax::ast::Name;
use crate::syntax::node::{Entry, Meaning, Node, Scalar, Value};

/// A mapping.
pub(super) struct Object<'a> {
    entries: &'a [Entry],
    span: Span,
}

/// An element that is a text or a mapping.
pub(super) enum Item<'a> {
    /// A text.
    Text(Name),
    /// A mapping.
    Object(Object<'a>),
}

impl<'a> Object<'a> {
    pub(super) const fn new(entries: &'a [Entry], span: Span) -> Self {
        Self { entries, span }
    }

    fn of(node: &'a Node) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self::new(entries, node.span)),
            _ => None,
        }
    }

    /// Where the mapping is written.
    pub(super) const fn span(&self) -> Span {
        self.span
    }

    /// Where the key is written, or the mapping if it is not there.
    pub(super) fn key_span(&self, key: &str) -> Span {
        self.entry(key).map_or(self.span, |entry| entry.key.span)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    /// A single value, and where it is written.
    pub(super) fn scalar(&self, key: &str) -> Option<Spanned<&'a Scalar>> {
        let node = &self.entry(key)?.value;
        match &node.value {
            Value::Scalar(scalar) => Some(Spanned::new(scalar, node.span)),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<Name> {
        let scalar = self.scalar(key)?;
        (scalar.value.meaning() == Meaning::Text).then(|| scalar.map(|scalar| scalar.text.clone()))
    }

    pub(super) fn bool(&self, key: &str) -> Option<bool> {
        match self.scalar(key)?.value.meaning() {
            Meaning::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        match self.scalar(key)?.value.meaning() {
            Meaning::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn object(&self, key: &str) -> Option<Self> {
        Self::of(&self.entry(key)?.value)
    }

    fn list(&self, key: &str) -> &'a [Node] {
        match self.entry(key).map(|entry| &entry.value.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<Name> {
        self.list(key).iter().filter_map(text).collect()
    }

    /// The whole numbers of a list.
    pub(super) fn integers(&self, key: &str) -> Vec<i64> {
        let integer = |node: &Node| match &node.value {
            Value::Scalar(scalar) => match scalar.meaning() {
                Meaning::Integer(number) => Some(number),
                _ => None,
            },
            _ => None,
        };
        self.list(key).iter().filter_map(integer).collect()
    }

    /// The texts and mappings of a list.
    pub(super) fn items(&self, key: &str) -> impl Iterator<Item = Item<'a>> + use<'a> {
        self.list(key)
            .iter()
            .filter_map(|node| text(node).map(Item::Text).or_else(|| Self::of(node).map(Item::Object)))
    }

    /// The mappings of a list.
    pub(super) fn objects(&self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.list(key).iter().filter_map(Self::of)
    }
}

fn text(node: &Node) -> Option<Name> {
    match &node.value {
        Value::Scalar(scalar) if scalar.meaning() == Meaning::Text => {
            Some(Spanned::new(scalar.text.clone(), node.span))
        }
        _ => None,
    }
}
