//! Which fields of a body are read, and where the fields of policy are among them.
//!
//! Policy names a field by its keys. For HTTP and MCP they lead from the root of the body, or of each message, to the
//! field. For A2A they are those of the JSON-RPC binding of version 1.0, and the parts of a message are read as one
//! object: its data is what all parts say together, and a field that two parts have cannot be read.

use ambit_bytecode::Source;
use ambit_eval::{Arguments, Count, Number, Program, Protocol, Value};
use ambit_request::extract::{self, ClosedId, Document, FieldId, Selection, SelectionBuilder, Step};

use crate::policy::PolicyError;

/// The fields that are read of one kind of body.
#[derive(Debug)]
pub(crate) struct Schema {
    selection: Selection,
    /// By field id of the program; none for what is not in the body, or no condition reads.
    fields: Vec<Option<Field>>,
    /// By number of the program's listings; none for what is not of this protocol.
    listings: Vec<Option<Listing>>,
}

/// How the keys of a field lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they are.
    Http,
    /// As they are.
    Mcp,
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

/// The arguments that an action lists.
#[derive(Debug)]
struct Listing {
    /// The objects of which every member must be listed.
    objects: Vec<ClosedId>,
    /// The members that are, in order.
    members: Vec<FieldId>,
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
    /// The schema of what `program` reads, beside what `builder` selects already. `reads` says of each field whether
    /// a condition reads it, and whether as a list.
    pub(crate) fn build(
        program: &Program<Vec<u8>>,
        reads: &[Option<bool>],
        shape: Shape,
        mut builder: SelectionBuilder,
    ) -> Result<Self, PolicyError> {
        let mut fields = Vec::with_capacity(reads.len());
        for (field, read) in (0..program.fields()).zip(reads) {
            let description = program.field(field).ok_or(PolicyError::Field)?;
            let (Source::Body, Some(is_list)) = (description.source, *read) else {
                fields.push(None);
                continue;
            };
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
            fields.push(Some(Field { places, is_joined: shape.protocol() == Protocol::A2a }));
        }
        let listings = (0..program.listings())
            .map(|listing| Listing::build(program, listing, shape, &mut builder))
            .collect::<Result<_, _>>()?;
        Ok(Self { selection: builder.build(), fields, listings })
    }

    /// What to read of the body.
    pub(crate) const fn selection(&self) -> &Selection {
        &self.selection
    }
}

impl Listing {
    /// Selects what a listing is about; nothing if it is about requests that are not of this shape.
    fn build(
        program: &Program<Vec<u8>>,
        listing: u16,
        shape: Shape,
        builder: &mut SelectionBuilder,
    ) -> Result<Option<Self>, PolicyError> {
        let listing = program.listing(listing).ok_or(PolicyError::Field)?;
        if program.protocol(listing.action) != Some(shape.protocol()) {
            return Ok(None);
        }
        let mut built = Self { objects: Vec::new(), members: Vec::new() };
        for object in program.set_members(listing.objects) {
            for path in shape.paths(&keys(program, object)?) {
                built.objects.push(builder.closed(&path).map_err(PolicyError::Selection)?);
                built.add(builder.presence(&path).map_err(PolicyError::Selection)?);
            }
        }
        for argument in program.set_members(listing.arguments) {
            for path in shape.paths(&keys(program, argument)?) {
                built.add(builder.presence(&path).map_err(PolicyError::Selection)?);
            }
        }
        Ok(Some(built))
    }

    /// Puts a member in its place. There are few, and the library's sort is 4 KB of the module.
    fn add(&mut self, member: FieldId) {
        let place = self.members.partition_point(|known| *known < member);
        self.members.insert(place, member);
    }
}

impl Shape {
    /// Of whose requests it is.
    const fn protocol(self) -> Protocol {
        match self {
            Self::Http => Protocol::Http,
            Self::Mcp => Protocol::Mcp,
            Self::A2aRpc | Self::A2aRest => Protocol::A2a,
        }
    }

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

    /// Whether only arguments are there that a listing has.
    pub(crate) fn arguments(&self, listing: u16) -> Arguments {
        let Some(Some(Listing { objects, members })) = self.schema.listings.get(usize::from(listing)) else {
            return Arguments::Unlisted;
        };
        let is_extra = |object: &ClosedId| {
            let extra =
                |member: &FieldId| self.document.has(*member) && members.binary_search(member).is_err();
            self.document.unlisted(*object).is_some()
                || self.schema.selection.members(*object).any(|member| extra(&member))
        };
        if objects.iter().any(is_extra) {
            Arguments::Unlisted
        } else if self.is_whole {
            Arguments::Listed
        } else {
            Arguments::Unread
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
