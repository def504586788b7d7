//! What was read from a body.

use alloc::vec::Vec;
use core::ops::Range;

use super::selection::{ClosedId, FieldId, Root, Selection};
use crate::json::Number;

/// Room for text that is made at once, in place of growing there by steps.
const USUAL_TEXT_BYTES: usize = 256;

/// The selected values of one body.
#[derive(Clone, Debug)]
pub struct Facts {
    selection: Selection,
    pub(super) shape: Option<Shape>,
    pub(super) documents: usize,
    /// The slots of all fields, document after document.
    pub(super) slots: Vec<Slot>,
    /// For all closed objects, document after document: the first key that leads nowhere.
    pub(super) unlisted: Vec<Option<Range<usize>>>,
    pub(super) arena: Vec<u8>,
}

/// What the top level of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string, a number, `true`, `false` or `null`.
    Scalar,
}

/// The selected values of one document of a body: the body itself, or one message of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Document<'f> {
    facts: &'f Facts,
    slots: &'f [Slot],
    unlisted: &'f [Option<Range<usize>>],
}

/// The value of a selected field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'f> {
    /// The document has no such field.
    Absent,
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string: UTF-8 without NUL.
    Text(&'f [u8]),
    /// An object, whose members are there as far as they are selected.
    Object,
    /// An array of this many elements, which are there as far as they are selected.
    Array(usize),
    /// The values of a field inside an array, one for each element of the array.
    List(List<'f>),
    /// There is a value, but not within the limits.
    Unreadable(Unreadable),
}

/// Why a value is not there although the field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A string beyond [`MAX_FIELD_BYTES`](crate::limits::MAX_FIELD_BYTES), or beyond what
    /// [`MAX_FACT_BYTES`](crate::limits::MAX_FACT_BYTES) leaves.
    TooLong,
    /// A number that [`Number`] cannot hold exactly.
    NumberOutOfRange,
    /// An array beyond [`MAX_LIST`](crate::limits::MAX_LIST), or beyond what
    /// [`MAX_LIST_VALUES`](crate::limits::MAX_LIST_VALUES) leaves.
    TooMany,
    /// A field in two elements of a [joined](super::Step::Joined) array.
    Repeated,
    /// Only whether there is a value was [asked for](super::SelectionBuilder::presence).
    NotKept,
}

/// The values of a field inside an array.
#[derive(Clone, Copy, Debug)]
pub struct List<'f> {
    arena: &'f [u8],
    values: &'f [Stored],
}

#[derive(Clone, Debug)]
pub(super) enum Slot {
    One(Stored),
    Many(Vec<Stored>),
}

#[derive(Clone, Debug)]
pub(super) enum Stored {
    Absent,
    Null,
    Bool(bool),
    Number(Number),
    Text { start: u32, end: u32 },
    Object,
    Array(usize),
    Unreadable(Unreadable),
}

impl Facts {
    pub(super) fn new(selection: Selection) -> Self {
        Self {
            selection,
            shape: None,
            documents: 0,
            slots: Vec::new(),
            unlisted: Vec::new(),
            arena: Vec::with_capacity(USUAL_TEXT_BYTES),
        }
    }

    pub(super) const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What the top level of the body is; `None` before its first byte.
    #[must_use]
    pub const fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// Whether the body is an array of documents. Its documents may be none.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.selection.0.root == Root::Batch && self.shape == Some(Shape::Array)
    }

    /// How many documents the body has: one, unless it is a batch.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.documents
    }

    /// Whether the body has no document: an empty batch, or nothing was read yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.documents == 0
    }

    /// The document with number `index`, counted from 0.
    #[must_use]
    pub fn document(&self, index: usize) -> Option<Document<'_>> {
        if index >= self.documents {
            return None;
        }
        let tree = &self.selection.0;
        Some(Document {
            facts: self,
            slots: row(&self.slots, index, tree.fields.len())?,
            unlisted: row(&self.unlisted, index, usize::from(tree.closed))?,
        })
    }

    /// All documents in order.
    pub fn documents(&self) -> impl Iterator<Item = Document<'_>> {
        (0..self.documents).filter_map(|index| self.document(index))
    }
}

impl<'f> Document<'f> {
    /// The value of a field of the selection that these facts were read with.
    #[must_use]
    pub fn value(&self, field: FieldId) -> Value<'f> {
        match self.slots.get(usize::from(field.0)) {
            None => Value::Absent,
            Some(Slot::One(stored)) => stored.value(&self.facts.arena),
            Some(Slot::Many(values)) => Value::List(List { arena: &self.facts.arena, values }),
        }
    }

    /// The value of a field if it is a string.
    #[must_use]
    pub fn text(&self, field: FieldId) -> Option<&'f [u8]> {
        match self.value(field) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a field has a value, of whatever kind.
    #[must_use]
    pub fn has(&self, field: FieldId) -> bool {
        !matches!(self.slots.get(usize::from(field.0)), None | Some(Slot::One(Stored::Absent)))
    }

    /// The first key of a closed object that leads nowhere in the selection, cut at three times
    /// [`MAX_KEY_BYTES`](crate::limits::MAX_KEY_BYTES). It is empty if there is something else than an object.
    #[must_use]
    pub fn unlisted(&self, closed: ClosedId) -> Option<&'f [u8]> {
        let range = self.unlisted.get(usize::from(closed.0))?.clone()?;
        Some(self.facts.arena.get(range).unwrap_or_default())
    }
}

impl<'f> List<'f> {
    /// How many elements the array has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the array is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value in the element with number `index`; elements without one have [`Value::Absent`].
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Value<'f>> {
        self.values.get(index).map(|stored| stored.value(self.arena))
    }

    /// The values in all elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'f>> + use<'f> {
        let arena = self.arena;
        self.values.iter().map(move |stored| stored.value(arena))
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Stored {
    fn value<'f>(&self, arena: &'f [u8]) -> Value<'f> {
        match *self {
            Self::Absent => Value::Absent,
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number),
            Self::Text { start, end } => {
                let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
                match range.and_then(|(start, end)| arena.get(start..end)) {
                    Some(text) => Value::Text(text),
                    None => Value::Unreadable(Unreadable::TooLong),
                }
            }
            Self::Object => Value::Object,
            Self::Array(length) => Value::Array(length),
            Self::Unreadable(reason) => Value::Unreadable(reason),
        }
    }
}

impl Unreadable {
    /// The stable word for this reason, in logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "field-too-long",
            Self::NumberOutOfRange => "field-number-out-of-range",
            Self::TooMany => "field-too-many",
            Self::Repeated => "field-repeated",
            Self::NotKept => "field-not-kept",
        }
    }
}

fn row<T>(table: &[T], index: usize, width: usize) -> Option<&[T]> {
    let start = index.checked_mul(width)?;
    table.get(start..start.checked_add(width)?)
}
