//! Which fields of a body are read, and where the fields of policy are among them.
//!
//! Policy names a field by its keys. For HTTP and MCP they lead from the root of the body, or of each message, to the
//! field. For A2A they are those of the JSON-RPC binding of version 1.0, and the parts of a message are read as one
//! object: its data is what all parts say together, and a field that two parts have cannot be read.

use ambit_bytecode::Source;
use ambit_eval::{Count, Number, Program, Value};
use ambit_request::extract::{self, Document, FieldId, Selection, SelectionBuilder, Step};

use crate::policy::PolicyError;

/// The fields that are read of one kind of body.
#[derive(Debug)]
pub(crate) struct Schema {
    selection: Selection,
    /// By field id of the program; none for what is not in the body.
    fields: Vec<Option<Field>>,
}

/// How the keys of a field lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they are.
    Plain,
    /// From the envelope of A2A over JSON-RPC.
    A2aRpc,
    /// From the root of the body in A2A's HTTP binding.
    A2aRest,
}

/// A field of policy.
#[derive(Debug)]
struct Field {
    /// Where it may be. A field in two places is none.
    places: Vec<Place>,
    /// More of it may come as long as the body is not read to its end.
    is_joined: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The value; inside a list, the value in each element.
    value: FieldId,
    /// For a list, the elements themselves.
    elements: Option<FieldId>,
}

/// A body, or one message of it, as far as it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) document: Document<'a>,
    /// It is read to its end, so that what is not there is absent.
    pub(crate) is_whole: bool,
}

/// The keys by which policy names the data of A2A messages.
const A2A_DATA: [&str; 4] = ["params", "message", "parts", "data"];

/// Where that data is in the JSON-RPC binding.
const RPC_PLACES: &[&[Step<'static>]] =
    &[&[Step::Key("params"), Step::Key("message"), Step::Key("parts"), Step::Joined, Step::Key("data")]];

/// Where it is in the HTTP binding: of 1.0, and of 0.3, which follows its Protobuf messages.
const REST_PLACES: &[&[Step<'static>]] = &[
    &[Step::Key("message"), Step::Key("parts"), Step::Joined, Step::Key("data")],
    &[Step::Key("message"), Step::Key("content"), Step::Joined, Step::Key("data"), Step::Key("data")],
];

impl Schema {
    /// The schema of what `program` reads, beside what `builder` selects already. `lists` says of each field whether
    /// it is taken as a list.
    pub(crate) fn build(
        program: &Program<Vec<u8>>,
        lists: &[bool],
        shape: Shape,
        mut builder: SelectionBuilder,
    ) -> Result<Self, PolicyError> {
        let mut fields = Vec::with_capacity(lists.len());
        for (field, is_list) in (0..program.fields()).zip(lists) {
            let description = program.field(field).ok_or(PolicyError::Field)?;
            if description.source != Source::Body {
                fields.push(None);
                continue;
            }
            let own = keys(program, field)?;
            // Of a field inside a list, the keys start at the element.
            let (outer, inner) = match description.list {
                Some(list) => (keys(program, list)?, Some(own)),
                None => (own, None),
            };
            let mut places = Vec::new();
            for mut path in shape.paths(&outer) {
                if let Some(inner) = &inner {
                    path.push(Step::Elements);
                    path.extend(inner.iter().map(|key| Step::Key(key)));
                }
                let value = builder.field(&path).map_err(PolicyError::Selection)?;
                path.push(Step::Elements);
                let elements =
                    is_list.then(|| builder.field(&path)).transpose().map_err(PolicyError::Selection)?;
                places.push(Place { value, elements });
            }
            fields.push(Some(Field { places, is_joined: shape != Shape::Plain }));
        }
        Ok(Self { selection: builder.build(), fields })
    }

    /// What to read of the body.
    pub(crate) const fn selection(&self) -> &Selection {
        &self.selection
    }
}

impl Shape {
    /// The paths that these keys stand for.
    fn paths<'k>(self, keys: &[&'k str]) -> Vec<Vec<Step<'k>>> {
        let (starts, keys): (&[&[Step<'static>]], &[&str]) = match (self, keys.strip_prefix(&A2A_DATA[..])) {
            (Self::A2aRpc, Some(inner)) => (RPC_PLACES, inner),
            (Self::A2aRest, Some(inner)) => (REST_PLACES, inner),
            _ => (&[&[]], keys),
        };
        let path = |start: &&[Step<'static>]| -> Vec<Step<'k>> {
            start.iter().copied().chain(keys.iter().map(|key| Step::Key(key))).collect()
        };
        starts.iter().map(path).collect()
    }
}

impl<'a> View<'a> {
    /// The value of a field that lies in no list.
    pub(crate) fn value(&self, field: u16) -> Value<'a> {
        let Some(field) = self.field(field) else { return Value::Unusable };
        match self.only(field, |place| self.document.value(place.value)) {
            Some(extract::Value::Absent) if !self.is_whole => Value::Unread,
            Some(_) if !self.is_whole && field.is_joined => Value::Unread,
            Some(value) => scalar(value),
            None => Value::Unusable,
        }
    }

    /// How many elements a list field has.
    pub(crate) fn count(&self, list: u16) -> Count {
        let Some(field) = self.field(list) else { return Count::NotAList };
        match self.only(field, |place| self.document.value(place.value)) {
            Some(extract::Value::Absent) if !self.is_whole => Count::Unread,
            Some(_) if !self.is_whole && field.is_joined => Count::Unread,
            Some(extract::Value::Array(length)) => Count::Elements(u32::try_from(length).unwrap_or(u32::MAX)),
            _ => Count::NotAList,
        }
    }

    /// The value of a field in an element of its list. Elements are asked for only when the list is there as a whole.
    pub(crate) fn element(&self, field: u16, place: u32) -> Value<'a> {
        let Some(field) = self.field(field) else { return Value::Unusable };
        let found = self.only(field, |place| self.document.value(place.elements.unwrap_or(place.value)));
        match (found, usize::try_from(place)) {
            (Some(extract::Value::List(list)), Ok(place)) => list.get(place).map_or(Value::Absent, scalar),
            _ => Value::Unusable,
        }
    }

    fn field(&self, field: u16) -> Option<&'a Field> {
        self.schema.fields.get(usize::from(field))?.as_ref()
    }

    /// The value at the one place that has one: absent if none has, and none if two have.
    fn only(&self, field: &Field, at: impl Fn(Place) -> extract::Value<'a>) -> Option<extract::Value<'a>> {
        let mut values =
            field.places.iter().map(|place| at(*place)).filter(|value| *value != extract::Value::Absent);
        match (values.next(), values.next()) {
            (None, _) => Some(extract::Value::Absent),
            (Some(value), None) => Some(value),
            (Some(_), Some(_)) => None,
        }
    }
}

/// The keys to a body field, from the root or from the element.
fn keys(program: &Program<Vec<u8>>, field: u16) -> Result<Vec<&str>, PolicyError> {
    let keys = program.field(field).ok_or(PolicyError::Field)?.keys;
    (0..keys)
        .map(|place| {
            let key = program.field_key(field, place).ok_or(PolicyError::Field)?;
            core::str::from_utf8(key).map_err(|_| PolicyError::Field)
        })
        .collect()
}

fn scalar(value: extract::Value<'_>) -> Value<'_> {
    match value {
        extract::Value::Absent => Value::Absent,
        extract::Value::Null => Value::Null,
        extract::Value::Bool(truth) => Value::Bool(truth),
        extract::Value::Number(number) => {
            Value::Number(Number { coefficient: number.coefficient(), exponent: number.exponent() })
        }
        extract::Value::Text(text) => Value::Text(text),
        extract::Value::Object
        | extract::Value::Array(_)
        | extract::Value::List(_)
        | extract::Value::Unreadable(_) => Value::Unusable,
    }
}
