//! Literals and their order. `FORMAT.md`, section literals.

use core::cmp::Ordering;

use ambit_bytecode::cursor::{u8_at, u16_at, u64_at};

use crate::layout::Layout;
use crate::value::{Number, Value};

/// A literal's record, read without looking at the strings.
pub(crate) enum Parsed {
    Scalar(Value<'static>),
    /// Text, by string id.
    Text(u16),
}

/// Reads a literal's record. `None` for a tag that is not known, or a payload that its tag does not take.
pub(crate) fn parse(record: &[u8]) -> Option<Parsed> {
    let exponent = i16::from_le_bytes(u16_at(record, 2)?.to_le_bytes());
    let payload = i64::from_le_bytes(u64_at(record, 4)?.to_le_bytes());
    let scalar = |value| (exponent == 0 && payload == 0).then_some(Parsed::Scalar(value));
    match u8_at(record, 0)? {
        0 => scalar(Value::Null),
        1 => scalar(Value::Bool(false)),
        2 => scalar(Value::Bool(true)),
        3 => Some(Parsed::Scalar(Value::Number(Number { coefficient: payload, exponent }))),
        4 if exponent == 0 => u16::try_from(payload).ok().map(Parsed::Text),
        _ => None,
    }
}

/// The value of a literal.
#[inline]
pub(crate) fn value<'b>(bytes: &'b [u8], layout: &Layout, id: u16) -> Option<Value<'b>> {
    match parse(layout.literals.record(bytes, u32::from(id))?)? {
        Parsed::Scalar(value) => Some(value),
        Parsed::Text(string) => layout.string(bytes, string).map(Value::Text),
    }
}

/// The order of members of a set: by type, then by value.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        _ => tag(left).cmp(&tag(right)),
    }
}

/// The tag of a value's type; booleans have one each.
pub(crate) const fn tag(value: &Value<'_>) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::Text(_) => 4,
        Value::Absent | Value::Unread | Value::Unusable => 5,
    }
}
