//! The sink that keeps the selected values. What only a selection refuses does not end the scan: a reply to a refused
//! request may need a value that comes later.

use alloc::vec;
use alloc::vec::Vec;

use super::facts::{Facts, Shape, Slot, Stored, Unreadable};
use super::selection::{ClosedId, FieldId, Match, Node, NodeId, Root, Selection, Tree, fold};
use crate::json::{JsonErrorKind, Literal, Number, OutOfRange, Sink};
use crate::limits::{MAX_BATCH, MAX_FACT_BYTES, MAX_FIELD_BYTES, MAX_KEY_BYTES, MAX_LIST, MAX_LIST_VALUES};

/// Room for any spelling of a selected key in another case, which takes three bytes for one at most.
/// With enough underscores a look-alike would be longer, but no reader takes that for the key.
const MAX_SEEN_KEY_BYTES: usize = 3 * MAX_KEY_BYTES;

/// Room that is made at once for what nearly all bodies have, in place of growing there by steps.
const USUAL_KEY_BYTES: usize = 64;
const USUAL_DEPTH: usize = 8;

#[derive(Debug)]
pub(super) struct Collector {
    facts: Facts,
    /// The open containers that something is selected in, outermost first; not more than the tree is deep.
    frames: Vec<Frame>,
    /// How many containers are open inside the innermost frame that nothing is selected in.
    skipped: u32,
    /// Where the next value belongs.
    target: Option<NodeId>,
    /// For each group of look-alike keys, the object in which one of them was seen last.
    seen: Vec<u32>,
    /// How many objects had a frame.
    objects: u32,
    /// The element that is being read of the one array whose elements are selected.
    element: usize,
    key: Vec<u8>,
    folded: Vec<u8>,
    text: Text,
    /// The longest string that is kept, and the most bytes of all of them.
    max_text_bytes: (usize, usize),
    values: usize,
    list_values: usize,
    /// Why the body is refused, if it is. From then on only the survivor is recorded.
    refusal: Option<JsonErrorKind>,
}

#[derive(Debug)]
enum Frame {
    /// The top-level array of a batch.
    Batch,
    Object {
        node: NodeId,
        object: u32,
    },
    Array {
        node: NodeId,
        length: usize,
    },
}

/// What becomes of the string value being read.
#[derive(Debug, Clone, Copy)]
enum Text {
    /// Nothing of it was seen yet.
    New,
    /// Nobody reads it.
    Ignored,
    /// It is in the arena, from here to the end.
    From(usize),
    /// It is read, but passed a limit.
    TooLong,
}

impl Collector {
    pub(super) fn new(selection: &Selection) -> Self {
        Self {
            facts: Facts::new(selection.clone()),
            frames: Vec::with_capacity(USUAL_DEPTH),
            skipped: 0,
            target: None,
            seen: vec![0; selection.0.groups],
            objects: 0,
            element: 0,
            key: Vec::with_capacity(USUAL_KEY_BYTES),
            folded: Vec::with_capacity(USUAL_KEY_BYTES),
            text: Text::New,
            max_text_bytes: (MAX_FIELD_BYTES, MAX_FACT_BYTES),
            values: 0,
            list_values: 0,
            refusal: None,
        }
    }

    /// Sets aside the limits of bodies.
    pub(super) const fn set_room(&mut self, bytes: usize) {
        self.max_text_bytes = (bytes, bytes);
    }

    pub(super) const fn refusal(&self) -> Option<JsonErrorKind> {
        self.refusal
    }

    const fn refuse(&mut self, kind: JsonErrorKind) {
        if self.refusal.is_none() {
            self.refusal = Some(kind);
        }
    }

    /// Whether this field is still read.
    fn is_read(&self, field: FieldId) -> bool {
        self.refusal.is_none() || self.tree().survivor == Some(field)
    }

    /// Whether this field's value is kept.
    fn keeps(&self, field: FieldId) -> bool {
        self.tree().fields.get(usize::from(field.0)).is_some_and(|field| field.keeps)
    }

    pub(super) const fn values(&self) -> usize {
        self.values
    }

    pub(super) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn into_facts(self) -> Facts {
        self.facts
    }

    fn tree(&self) -> &Tree {
        &self.facts.selection().0
    }

    /// Takes note that a value of this shape begins, and says which node it belongs to.
    fn begin_value(&mut self, shape: Shape) -> Option<NodeId> {
        if self.skipped > 0 {
            return None;
        }
        match self.frames.last_mut() {
            None => {
                self.facts.shape = Some(shape);
                if shape == Shape::Array && self.tree().root == Root::Batch {
                    return None;
                }
                self.begin_document()
            }
            Some(Frame::Batch) => self.begin_document(),
            Some(Frame::Object { .. }) => self.target.take(),
            Some(Frame::Array { node, length }) => {
                let (node, element) = (*node, *length);
                *length = length.saturating_add(1);
                let node = self.tree().node(node)?;
                let (elements, joins) = (node.elements, node.joins);
                if elements.is_some() && !joins {
                    self.element = element;
                }
                elements
            }
        }
    }

    fn begin_document(&mut self) -> Option<NodeId> {
        if self.facts.documents >= MAX_BATCH {
            self.refuse(JsonErrorKind::BatchTooLong);
            return None;
        }
        self.facts.documents = self.facts.documents.saturating_add(1);
        let tree = &self.facts.selection().0;
        let slots = self.facts.slots.len().saturating_add(tree.fields.len());
        let unlisted = self.facts.unlisted.len().saturating_add(usize::from(tree.closed));
        self.facts.slots.resize(slots, Slot::One(Stored::Absent));
        self.facts.unlisted.resize(unlisted, None);
        Some(Tree::ROOT)
    }

    /// Keeps the value of the field at `node`, if there is one.
    fn record(&mut self, node: NodeId, value: Stored) {
        let Some(field) = self.tree().node(node).and_then(|node| node.field) else { return };
        if !self.is_read(field) {
            return;
        }
        self.values = self.values.saturating_add(1);
        let value = if self.keeps(field) { value } else { Stored::Unreadable(Unreadable::NotKept) };
        let is_list = self.tree().fields.get(usize::from(field.0)).is_some_and(|field| field.list.is_some());
        let element = self.element;
        let spare = MAX_LIST_VALUES.saturating_sub(self.list_values);
        let Some(slot) = self.slot(field) else { return };
        if !is_list {
            // Only in a joined array can there be a value already.
            *slot = Slot::One(match slot {
                Slot::One(Stored::Absent) => value,
                _ => Stored::Unreadable(Unreadable::Repeated),
            });
            return;
        }
        let added = extend(slot, element, spare, Some(value));
        self.list_values = self.list_values.saturating_add(added);
    }

    /// Ends the array at `node`: every field inside it now has a value for each element.
    fn end_list(&mut self, node: NodeId, length: usize) {
        let fields = self.tree().fields.len();
        for index in 0..fields {
            let inside = self.tree().fields.get(index).is_some_and(|field| field.list == Some(node));
            let Ok(index) = u16::try_from(index) else { return };
            if inside {
                let spare = MAX_LIST_VALUES.saturating_sub(self.list_values);
                let Some(slot) = self.slot(FieldId(index)) else { return };
                let added = extend(slot, length, spare, None);
                self.list_values = self.list_values.saturating_add(added);
            }
        }
    }

    fn slot(&mut self, field: FieldId) -> Option<&mut Slot> {
        let row = self.facts.documents.saturating_sub(1).saturating_mul(self.tree().fields.len());
        self.facts.slots.get_mut(row.saturating_add(usize::from(field.0)))
    }

    fn scalar(&mut self, value: Stored) {
        if let Some(node) = self.begin_value(Shape::Scalar) {
            if !matches!(value, Stored::Null) {
                self.report_no_object(node);
            }
            self.record(node, value);
        }
    }

    /// Reports a value that is no object where a closed one is expected.
    fn report_no_object(&mut self, node: NodeId) {
        if let Some(closed) = self.tree().node(node).and_then(|node| node.closed) {
            self.report_unlisted(closed);
        }
    }

    /// The object that the key being read is in, if something is selected in it.
    fn reads_key(&self) -> Option<(NodeId, u32)> {
        match self.frames.last() {
            Some(&Frame::Object { node, object }) => Some((node, object)),
            _ => None,
        }
    }

    /// Says what becomes of the string value that begins.
    fn begin_text(&self) -> Text {
        let node = match self.frames.last() {
            None | Some(Frame::Batch) => Some(Tree::ROOT),
            Some(Frame::Object { .. }) => self.target,
            Some(Frame::Array { node, length }) => self
                .tree()
                .node(*node)
                .filter(|node| *length < MAX_LIST || node.joins)
                .and_then(|node| node.elements),
        };
        match node.and_then(|node| self.tree().node(node)?.field) {
            Some(field) if self.is_read(field) && self.keeps(field) => Text::From(self.facts.arena.len()),
            Some(_) | None => Text::Ignored,
        }
    }

    fn value_part(&mut self, part: &[u8]) {
        if let Text::New = self.text {
            self.text = self.begin_text();
        }
        if let Text::Ignored = self.text {
            return;
        }
        if part.contains(&0) {
            self.refuse(JsonErrorKind::NulCharacter);
            self.text = Text::Ignored;
        }
        if let Text::From(start) = self.text {
            let end = self.facts.arena.len().saturating_add(part.len());
            let (one, all) = self.max_text_bytes;
            if end > all || end.saturating_sub(start) > one {
                self.facts.arena.truncate(start);
                self.text = Text::TooLong;
            } else {
                self.facts.arena.extend_from_slice(part);
            }
        }
    }

    fn end_value(&mut self) {
        self.value_part(b"");
        let value = match core::mem::replace(&mut self.text, Text::New) {
            Text::New | Text::Ignored => Stored::Absent,
            Text::TooLong => Stored::Unreadable(Unreadable::TooLong),
            Text::From(start) => match (u32::try_from(start), u32::try_from(self.facts.arena.len())) {
                (Ok(start), Ok(end)) => Stored::Text { start, end },
                _ => Stored::Unreadable(Unreadable::TooLong),
            },
        };
        self.scalar(value);
    }

    fn key_part(&mut self, part: &[u8]) {
        if self.reads_key().is_some() {
            if part.contains(&0) {
                self.refuse(JsonErrorKind::NulCharacter);
            }
            // One byte more than there is room for shows that the key is too long.
            let room = MAX_SEEN_KEY_BYTES.saturating_add(1).saturating_sub(self.key.len());
            self.key.extend_from_slice(part.get(..room).unwrap_or(part));
        }
    }

    fn end_key(&mut self) {
        let Some((node, object)) = self.reads_key() else { return };
        let Some(node) = self.facts.selection().0.node(node) else { return };
        fold(&self.key, &mut self.folded);
        let matched = match self.key.len() {
            0..=MAX_SEEN_KEY_BYTES => node.find(&self.key, &self.folded),
            _ => Match::Other,
        };
        match matched {
            Match::LookAlike => self.refuse(JsonErrorKind::LookAlikeKey),
            Match::Other => {
                if let Some(closed) = node.closed {
                    self.report_unlisted(closed);
                }
            }
            Match::Selected { node, group } => {
                if self.seen.get_mut(group).is_none_or(|seen| core::mem::replace(seen, object) == object) {
                    self.refuse(JsonErrorKind::DuplicateKey);
                } else {
                    self.target = Some(node);
                }
            }
        }
        self.key.clear();
    }

    fn report_unlisted(&mut self, closed: ClosedId) {
        let row = self.facts.documents.saturating_sub(1).saturating_mul(usize::from(self.tree().closed));
        let start = self.facts.arena.len();
        if self.refusal.is_some() {
            return;
        }
        if let Some(first @ None) = self.facts.unlisted.get_mut(row.saturating_add(usize::from(closed.0))) {
            let room = MAX_FACT_BYTES.saturating_sub(start).min(MAX_SEEN_KEY_BYTES);
            self.facts.arena.extend_from_slice(self.key.get(..room).unwrap_or(&self.key));
            *first = Some(start..self.facts.arena.len());
            self.values = self.values.saturating_add(1);
        }
    }
}

impl Sink for Collector {
    fn begin_object(&mut self) -> Result<(), JsonErrorKind> {
        if let Some(id) = self.begin_value(Shape::Object) {
            self.record(id, Stored::Object);
            if self.tree().node(id).is_some_and(Node::reads_members) {
                self.objects = self.objects.saturating_add(1);
                self.frames.push(Frame::Object { node: id, object: self.objects });
                return Ok(());
            }
        }
        self.skipped = self.skipped.saturating_add(1);
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), JsonErrorKind> {
        match self.skipped.checked_sub(1) {
            Some(skipped) => self.skipped = skipped,
            None => drop(self.frames.pop()),
        }
        Ok(())
    }

    fn begin_array(&mut self) -> Result<(), JsonErrorKind> {
        let is_top = self.skipped == 0 && self.frames.is_empty();
        match self.begin_value(Shape::Array) {
            Some(node) => {
                self.report_no_object(node);
                self.frames.push(Frame::Array { node, length: 0 });
            }
            None if is_top => self.frames.push(Frame::Batch),
            None => self.skipped = self.skipped.saturating_add(1),
        }
        Ok(())
    }

    fn end_array(&mut self) -> Result<(), JsonErrorKind> {
        if let Some(skipped) = self.skipped.checked_sub(1) {
            self.skipped = skipped;
        } else if let Some(Frame::Array { node, length }) = self.frames.pop() {
            if self.tree().node(node).is_some_and(|node| node.elements.is_some() && !node.joins) {
                self.end_list(node, length);
            }
            self.record(node, Stored::Array(length));
        }
        Ok(())
    }

    fn text(&mut self, part: &[u8], is_key: bool) -> Result<(), JsonErrorKind> {
        match is_key {
            _ if self.skipped > 0 => {}
            true => self.key_part(part),
            false => self.value_part(part),
        }
        Ok(())
    }

    fn end_text(&mut self, is_key: bool) -> Result<(), JsonErrorKind> {
        match is_key {
            _ if self.skipped > 0 => {}
            true => self.end_key(),
            false => self.end_value(),
        }
        Ok(())
    }

    fn number(&mut self, number: Result<Number, OutOfRange>) -> Result<(), JsonErrorKind> {
        self.scalar(match number {
            Ok(number) => Stored::Number(number),
            Err(OutOfRange) => Stored::Unreadable(Unreadable::NumberOutOfRange),
        });
        Ok(())
    }

    fn literal(&mut self, literal: Literal) -> Result<(), JsonErrorKind> {
        self.scalar(match literal {
            Literal::Null => Stored::Null,
            Literal::Bool(value) => Stored::Bool(value),
        });
        Ok(())
    }
}

/// Fills `slot` up to `length` values, then adds `value`; gives back how many values that took.
fn extend(slot: &mut Slot, length: usize, spare: usize, value: Option<Stored>) -> usize {
    if let Slot::One(Stored::Absent) = slot {
        *slot = Slot::Many(Vec::new());
    }
    let Slot::Many(values) = slot else { return 0 };
    if length < values.len() {
        // A second array of the same name, in another element of a joined one.
        *slot = Slot::One(Stored::Unreadable(Unreadable::Repeated));
        return 0;
    }
    let wanted = length.saturating_add(usize::from(value.is_some()));
    let added = wanted.saturating_sub(values.len());
    if wanted > MAX_LIST || added > spare {
        *slot = Slot::One(Stored::Unreadable(Unreadable::TooMany));
        return 0;
    }
    values.resize(length, Stored::Absent);
    values.extend(value);
    added
}
