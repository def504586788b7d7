//! Which fields of a body are read.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_FIELDS, MAX_KEY_BYTES, MAX_NODES, MAX_STEPS};

/// The fields that policy reads, as a tree. Cheap to clone.
///
/// Keys compare byte for byte. A key that is not selected, but would be if case, inner underscores and
/// the two characters outside ASCII that case-fold into it (`ſ` and the Kelvin sign) made no
/// difference, is refused as a look-alike: Go's `encoding/json` matches fields without regard to case,
/// and Protobuf's JSON form takes `page_size` for `pageSize`.
#[derive(Clone, Debug)]
pub struct Selection(pub(super) Arc<Tree>);

/// Collects the fields of a [`Selection`].
#[derive(Debug)]
pub struct SelectionBuilder {
    root: Root,
    nodes: Vec<Node>,
    fields: Vec<Field>,
    survivor: Option<FieldId>,
    closed: u16,
    groups: usize,
}

/// What the top level of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// One document, of any type.
    Document,
    /// One document, or an array of them (a JSON-RPC batch), each read by itself.
    Batch,
}

/// One step from a value to a value inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step<'a> {
    /// The member of an object with this key.
    Key(&'a str),
    /// Every element of an array; at most once in a path.
    Elements,
    /// The elements of an array, read as if they were one object. A field that is in two of them cannot be read:
    /// it is [`Unreadable::Repeated`](super::Unreadable::Repeated).
    Joined,
}

/// A field of a [`Selection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub(super) u16);

/// An object of a [`Selection`] whose members are all known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClosedId(pub(super) u16);

/// Why a field cannot be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SelectionError {
    /// More than [`MAX_STEPS`] steps.
    TooManySteps,
    /// A key of more than [`MAX_KEY_BYTES`].
    KeyTooLong,
    /// More than [`MAX_FIELDS`] fields.
    TooManyFields,
    /// More than [`MAX_NODES`] places on the paths of all fields.
    TooManyNodes,
    /// [`Step::Elements`] twice in a path.
    NestedElements,
    /// The elements of one array both joined and apart.
    JoinedAndApart,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Root,
    pub(super) nodes: Vec<Node>,
    pub(super) fields: Vec<Field>,
    pub(super) survivor: Option<FieldId>,
    pub(super) closed: u16,
    /// How many groups of look-alike keys there are over all nodes.
    pub(super) groups: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u16);

#[derive(Debug, Default)]
pub(super) struct Node {
    /// In the order of `folded`.
    children: Vec<Child>,
    /// What the elements of an array here are.
    pub(super) elements: Option<NodeId>,
    /// The elements of an array here are read as one object.
    pub(super) joins: bool,
    pub(super) field: Option<FieldId>,
    pub(super) closed: Option<ClosedId>,
}

#[derive(Debug)]
struct Child {
    folded: Box<[u8]>,
    key: Box<[u8]>,
    /// The same for all children of a node that fold to the same key.
    group: usize,
    node: NodeId,
}

#[derive(Debug)]
pub(super) struct Field {
    /// The node whose elements this field is inside of.
    pub(super) list: Option<NodeId>,
    /// Its value is kept, and not only that there is one.
    pub(super) keeps: bool,
}

/// What a key of a body is to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Selected { node: NodeId, group: usize },
    LookAlike,
    Other,
}

impl Selection {
    /// Starts a selection.
    #[must_use]
    pub fn builder(root: Root) -> SelectionBuilder {
        SelectionBuilder {
            root,
            nodes: alloc::vec![Node::default()],
            fields: Vec::new(),
            survivor: None,
            closed: 0,
            groups: 0,
        }
    }

    /// How many fields are selected.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.0.fields.len()
    }

    /// The members of a closed object that are selected, or have something selected inside.
    pub fn members(&self, closed: ClosedId) -> impl Iterator<Item = FieldId> {
        let node = self.0.nodes.iter().find(|node| node.closed == Some(closed));
        let children = node.into_iter().flat_map(|node| &node.children);
        children.filter_map(|child| self.0.node(child.node)?.field)
    }
}

impl SelectionBuilder {
    /// Selects the value at `path`; the same path gives the same id again.
    ///
    /// A field may lie inside another one: the outer one then says only what type it has, and how long
    /// it is if it is an array. No steps select the body itself.
    ///
    /// # Errors
    /// A [`SelectionError`] naming the limit that would be passed.
    pub fn field(&mut self, path: &[Step<'_>]) -> Result<FieldId, SelectionError> {
        let field = self.presence(path)?;
        if let Some(field) = self.fields.get_mut(usize::from(field.0)) {
            field.keeps = true;
        }
        Ok(field)
    }

    /// Selects whether there is a value at `path`: unless it is selected by [`field`](Self::field) as well, what it is
    /// is not kept, and it is [`Unreadable::NotKept`](super::Unreadable::NotKept).
    ///
    /// # Errors
    /// As [`field`](Self::field).
    pub fn presence(&mut self, path: &[Step<'_>]) -> Result<FieldId, SelectionError> {
        let (node, list) = self.walk(path)?;
        self.field_of(node, list)
    }

    /// Makes the object at `path` closed: what is there and no object, nor `null`, is reported, and the first of its keys
    /// that leads nowhere in this selection. Whether there is a value for each of the others is selected.
    ///
    /// # Errors
    /// A [`SelectionError`] naming the limit that would be passed.
    pub fn closed(&mut self, path: &[Step<'_>]) -> Result<ClosedId, SelectionError> {
        let (id, list) = self.walk(path)?;
        let next = ClosedId(self.closed);
        let Some(node) = self.nodes.get_mut(usize::from(id.0)) else {
            return Err(SelectionError::TooManyNodes);
        };
        if let Some(closed) = node.closed {
            return Ok(closed);
        }
        node.closed = Some(next);
        let members: Vec<NodeId> = node.children.iter().map(|child| child.node).collect();
        for member in members {
            self.field_of(member, list)?;
        }
        self.closed = self.closed.saturating_add(1);
        Ok(next)
    }

    /// The field at a node, made if need be.
    fn field_of(&mut self, node: NodeId, list: Option<NodeId>) -> Result<FieldId, SelectionError> {
        let Some(node) = self.nodes.get_mut(usize::from(node.0)) else {
            return Err(SelectionError::TooManyNodes);
        };
        if let Some(field) = node.field {
            return Ok(field);
        }
        match u16::try_from(self.fields.len()) {
            Ok(next) if self.fields.len() < MAX_FIELDS => {
                self.fields.push(Field { list, keeps: false });
                Ok(*node.field.insert(FieldId(next)))
            }
            _ => Err(SelectionError::TooManyFields),
        }
    }

    /// Makes `field` one that is read even after the body was refused: what a reply to it needs.
    pub const fn survivor(&mut self, field: FieldId) {
        self.survivor = Some(field);
    }

    /// Ends the selection.
    #[must_use]
    pub fn build(self) -> Selection {
        let Self { root, nodes, fields, survivor, closed, groups } = self;
        Selection(Arc::new(Tree { root, nodes, fields, survivor, closed, groups }))
    }

    /// The node at `path`, made if need be, and the node whose elements it is inside of.
    fn walk(&mut self, path: &[Step<'_>]) -> Result<(NodeId, Option<NodeId>), SelectionError> {
        if path.len() > MAX_STEPS {
            return Err(SelectionError::TooManySteps);
        }
        let mut here = Tree::ROOT;
        let mut list = None;
        for step in path {
            let next = NodeId(u16::try_from(self.nodes.len()).map_err(|_| SelectionError::TooManyNodes)?);
            let Some(node) = self.nodes.get_mut(usize::from(here.0)) else {
                return Err(SelectionError::TooManyNodes);
            };
            let is_member = matches!(step, Step::Key(_)) && node.closed.is_some();
            let found = match step {
                Step::Elements if list.is_some() => return Err(SelectionError::NestedElements),
                Step::Elements | Step::Joined => {
                    let joins = *step == Step::Joined;
                    if node.elements.is_some() && node.joins != joins {
                        return Err(SelectionError::JoinedAndApart);
                    }
                    node.joins = joins;
                    if !joins {
                        list = Some(here);
                    }
                    *node.elements.get_or_insert(next)
                }
                Step::Key(key) if key.len() > MAX_KEY_BYTES => return Err(SelectionError::KeyTooLong),
                Step::Key(key) => node.child(key.as_bytes(), next, &mut self.groups),
            };
            if found == next {
                self.nodes.push(Node::default());
            }
            if self.nodes.len() > MAX_NODES {
                return Err(SelectionError::TooManyNodes);
            }
            if is_member {
                self.field_of(found, list)?;
            }
            here = found;
        }
        Ok((here, list))
    }
}

impl Tree {
    pub(super) const ROOT: NodeId = NodeId(0);

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(usize::from(id.0))
    }
}

impl Node {
    /// Whether anything inside an object at this node is selected.
    pub(super) fn reads_members(&self) -> bool {
        !self.children.is_empty() || self.closed.is_some()
    }

    /// What the key `key`, which folds to `folded`, is to an object at this node.
    pub(super) fn find(&self, key: &[u8], folded: &[u8]) -> Match {
        let mut alike = self.alike(folded).peekable();
        if alike.peek().is_none() {
            return Match::Other;
        }
        match alike.find(|child| *child.key == *key) {
            Some(child) => Match::Selected { node: child.node, group: child.group },
            None => Match::LookAlike,
        }
    }

    /// The children whose keys fold to `folded`.
    fn alike(&self, folded: &[u8]) -> impl Iterator<Item = &Child> {
        let from = self.children.partition_point(|child| *child.folded < *folded);
        self.children.iter().skip(from).take_while(move |child| *child.folded == *folded)
    }

    /// The child with this key, or a new one that will be the node `next`.
    fn child(&mut self, key: &[u8], next: NodeId, groups: &mut usize) -> NodeId {
        let mut folded = Vec::new();
        fold(key, &mut folded);
        if let Match::Selected { node, .. } = self.find(key, &folded) {
            return node;
        }
        let alike = self.alike(&folded).map(|child| child.group).next();
        let group = alike.unwrap_or(*groups);
        if alike.is_none() {
            *groups = groups.saturating_add(1);
        }
        // Inserting never goes beyond the end: a partition point is an index or the length.
        let at = self.children.partition_point(|child| *child.folded < *folded);
        self.children.insert(at, Child { folded: folded.into(), key: key.into(), group, node: next });
        next
    }
}

/// Writes the form of `key` that is the same for all keys that some reader may take for it.
pub(super) fn fold(key: &[u8], folded: &mut Vec<u8>) {
    folded.clear();
    folded.reserve(key.len());
    let mut rest = key;
    loop {
        rest = match rest {
            [] => return,
            // U+017F, whose upper case is `S`.
            [0xc5, 0xbf, rest @ ..] => {
                folded.push(b's');
                rest
            }
            // U+212A, whose lower case is `k`.
            [0xe2, 0x84, 0xaa, rest @ ..] => {
                folded.push(b'k');
                rest
            }
            [b'_', rest @ ..] if !folded.is_empty() => rest,
            [byte, rest @ ..] => {
                folded.push(byte.to_ascii_lowercase());
                rest
            }
        };
    }
}

impl SelectionError {
    /// The stable word for this refusal.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooManySteps => "selection-too-many-steps",
            Self::KeyTooLong => "selection-key-too-long",
            Self::TooManyFields => "selection-too-many-fields",
            Self::TooManyNodes => "selection-too-many-nodes",
            Self::NestedElements => "selection-nested-elements",
            Self::JoinedAndApart => "selection-joined-and-apart",
        }
    }
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for SelectionError {}
