//! What is judged, in the plainest form: nothing here is borrowed, packed or shared with the filter.

use std::collections::BTreeMap;

use crate::model::{Decimal, Field, Protocol};

use super::Code;

/// A request and who stands behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The first URI SAN of the peer's certificate, if it proved one.
    pub peer: Option<String>,
    /// What the lineage header said.
    pub lineage: Lineage,
    /// What the request was parsed as.
    pub protocol: Protocol,
    /// What is asked.
    pub key: Key,
    /// The fields that conditions read. A field that is not here is absent.
    pub fields: BTreeMap<Field, FieldValue>,
    /// All arguments together, if there are any: what actions that list theirs are held to.
    pub arguments: Option<FieldValue>,
    /// Unix seconds.
    pub now: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// By this name: see [`Protocol`].
    Known(Vec<u8>),
    /// By none that can be told, for this reason.
    Refused(Code),
}

/// What the lineage header said.
#[derive(Clone, Debug, PartialEq)]
pub enum Lineage {
    /// There was none.
    Absent,
    /// It could not be read, for this reason.
    Malformed(Code),
    /// It was well-formed.
    Parsed {
        /// Principals, origin first, without the peer. Empty: the peer says it started this work.
        members: Vec<String>,
        /// Names of missions.
        missions: Vec<String>,
        /// It is the union of several lineages, and the order of its members means nothing.
        merged: bool,
    },
}

/// The value of a field, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// The request could not be read as far as the field, so that not even its presence is known.
    Unread,
    /// It is present, but too large, repeated, or out of range.
    Unusable,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Decimal),
    /// Text: UTF-8 from bodies, any bytes from headers.
    Text(Vec<u8>),
    /// A list.
    List(Vec<FieldValue>),
    /// An object.
    Object(BTreeMap<String, FieldValue>),
}
