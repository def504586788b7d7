//! A case of the reference as the evaluator wants it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

use ambit_compiler::model::{Field, Protocol};
use ambit_compiler::reference::{Case, FieldValue, Key, Lineage, SpiffeId};
use ambit_eval::{
    Arguments, Caller, Count, Facts, Number, Principal, Program, Request, Statement, Value, Verdict,
};
use std::collections::BTreeMap;

/// Judges a case by a blob.
pub(crate) fn decide<B: AsRef<[u8]>>(program: &Program<B>, case: &Case) -> Verdict {
    with_facts(program, case, |request| program.decide(request))
}

/// Hands `judge` a case as the evaluator wants it.
pub(crate) fn with_facts<B: AsRef<[u8]>, T>(
    program: &Program<B>,
    case: &Case,
    judge: impl FnOnce(&Request<'_, CaseFacts<'_>>) -> T,
) -> T {
    let described: Vec<Described> =
        (0..program.fields()).map(|field| Described::of(program, field)).collect();
    let listings: Vec<_> = (0..program.listings()).map(|listing| listed(program, listing)).collect();
    let (members, missions, merged) = match &case.lineage {
        Lineage::Parsed { members, missions, merged } => (members.as_slice(), missions.as_slice(), *merged),
        _ => Default::default(),
    };
    let members: Vec<Principal<'_>> = members.iter().map(|text| principal(text).unwrap_or(NO_ONE)).collect();
    let missions: Vec<&[u8]> = missions.iter().map(|name| name.as_bytes()).collect();
    let lineage = ambit_eval::Lineage { members: &members, missions: &missions, merged };
    judge(&Request {
        caller: match &case.peer {
            None => Caller::Unauthenticated,
            Some(text) => principal(text).map_or(Caller::Malformed, Caller::Proven),
        },
        statement: match &case.lineage {
            Lineage::Absent => Statement::Absent,
            Lineage::Malformed(code) => Statement::Refused(*code),
            Lineage::Parsed { .. } => Statement::Lineage(lineage),
        },
        protocol: match case.protocol {
            Protocol::Http => ambit_eval::Protocol::Http,
            Protocol::Mcp => ambit_eval::Protocol::Mcp,
            Protocol::A2a => ambit_eval::Protocol::A2a,
            Protocol::Grpc => ambit_eval::Protocol::Grpc,
            Protocol::Egress => ambit_eval::Protocol::Egress,
        },
        key: match &case.key {
            Key::Known(key) => ambit_eval::Key::Known(key),
            Key::Refused(code) => ambit_eval::Key::Refused(*code),
        },
        facts: &CaseFacts {
            described: &described,
            fields: &case.fields,
            listings: &listings,
            arguments: case.arguments.as_ref(),
        },
        now: case.now,
    })
}

/// The keys of the objects and of the arguments of a listing.
fn listed<B: AsRef<[u8]>>(program: &Program<B>, listing: u16) -> [Vec<Vec<String>>; 2] {
    let listing = program.listing(listing).expect("a listing");
    [listing.objects, listing.arguments].map(|set| {
        let keys = |field| match Described::of(program, field).field {
            Field::Body(keys) => keys,
            other => panic!("{other:?} is no argument"),
        };
        program.set_members(set).map(keys).collect()
    })
}

/// A principal that cannot be read is no one's.
const NO_ONE: Principal<'static> = Principal { whole: b"", trust_domain: b"", path: b"" };

fn principal(text: &str) -> Option<Principal<'_>> {
    let SpiffeId { trust_domain, path } = SpiffeId::parse(text)?;
    Some(Principal { whole: text.as_bytes(), trust_domain: trust_domain.as_bytes(), path: path.as_bytes() })
}

/// A field as the blob describes it.
pub(crate) struct Described {
    /// The field, or the list in whose elements it lies.
    field: Field,
    /// The keys below an element.
    keys: Option<Vec<String>>,
}

impl Described {
    fn of<B: AsRef<[u8]>>(program: &Program<B>, id: u16) -> Self {
        let description = program.field(id).expect("a field");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let keys: Vec<String> =
            (0..description.keys).map(|place| text(program.field_key(id, place).expect("a key"))).collect();
        if let Some(list) = description.list {
            return Self { field: Self::of(program, list).field, keys: Some(keys) };
        }
        let name = text(description.name);
        let field = match description.source.word() {
            "method" => Field::Method,
            "path" => Field::Path,
            "host" => Field::Host,
            "header" => Field::Header(name),
            "query" => Field::Query(name),
            "path-segment" => Field::PathSegment(u8::try_from(description.number).expect("a segment")),
            "body" => Field::Body(keys),
            "peer-address" => Field::PeerAddress,
            "destination-host" => Field::DestinationHost,
            "destination-address" => Field::DestinationAddress,
            "destination-port" => Field::DestinationPort,
            "caller-principal" => Field::CallerPrincipal,
            "caller-namespace" => Field::CallerNamespace,
            "caller-service-account" => Field::CallerServiceAccount,
            other => panic!("{other}"),
        };
        Self { field, keys: None }
    }
}

/// The fields of a case.
pub(crate) struct CaseFacts<'a> {
    described: &'a [Described],
    fields: &'a BTreeMap<Field, FieldValue>,
    /// Of each, the keys of the objects and of the arguments.
    listings: &'a [[Vec<Vec<String>>; 2]],
    arguments: Option<&'a FieldValue>,
}

impl CaseFacts<'_> {
    fn found(&self, field: u16) -> Option<&FieldValue> {
        self.fields.get(&self.described[usize::from(field)].field)
    }
}

impl Facts for CaseFacts<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        self.found(field).map_or(Value::Absent, value)
    }

    fn count(&self, list: u16) -> Count {
        match self.found(list) {
            Some(FieldValue::List(elements)) => {
                Count::Elements(u32::try_from(elements.len()).expect("a length"))
            }
            Some(FieldValue::Unread) => Count::Unread,
            _ => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        let Some(FieldValue::List(elements)) = self.found(field) else {
            panic!("an element of no list");
        };
        let mut at = &elements[usize::try_from(place).expect("a place")];
        for key in self.described[usize::from(field)].keys.iter().flatten() {
            match at {
                FieldValue::Object(entries) => match entries.get(key) {
                    Some(inner) => at = inner,
                    None => return Value::Absent,
                },
                FieldValue::Unread => return Value::Unread,
                _ => return Value::Absent,
            }
        }
        value(at)
    }

    fn arguments(&self, listing: u16) -> Arguments {
        let Some(arguments) = self.arguments else { return Arguments::Listed };
        let [objects, listed] = &self.listings[usize::from(listing)];
        let root = objects.iter().min_by_key(|keys| keys.len()).expect("an object");
        has_only(arguments, root, objects, listed)
    }
}

/// Whether the object at `keys` has only members that are listed, or objects of which that is so.
fn has_only(
    value: &FieldValue,
    keys: &[String],
    objects: &[Vec<String>],
    listed: &[Vec<String>],
) -> Arguments {
    match value {
        FieldValue::Null => Arguments::Listed,
        FieldValue::Unread => Arguments::Unread,
        FieldValue::Object(members) => {
            let member = |(key, value): (&String, &FieldValue)| {
                let keys = [keys, std::slice::from_ref(key)].concat();
                if listed.contains(&keys) {
                    Arguments::Listed
                } else if objects.contains(&keys) {
                    has_only(value, &keys, objects, listed)
                } else {
                    Arguments::Unlisted
                }
            };
            members.iter().map(member).find(|one| *one != Arguments::Listed).unwrap_or(Arguments::Listed)
        }
        _ => Arguments::Unlisted,
    }
}

fn value(value: &FieldValue) -> Value<'_> {
    match value {
        FieldValue::Unread => Value::Unread,
        FieldValue::Unusable | FieldValue::List(_) | FieldValue::Object(_) => Value::Unusable,
        FieldValue::Null => Value::Null,
        FieldValue::Bool(truth) => Value::Bool(*truth),
        FieldValue::Number(number) => {
            Value::Number(Number { coefficient: number.coefficient, exponent: number.exponent })
        }
        FieldValue::Text(text) => Value::Text(text),
    }
}
