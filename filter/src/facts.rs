//! What conditions may read of a request, found when it is asked for.

use core::cell::OnceCell;

use ambit_bytecode::{Code, Source};
use ambit_eval::{Count, Facts, Number, Value};
use ambit_request::extract::{self, Document};
use ambit_request::path::CanonicalPath;

use crate::head::{Head, Pairs};
use crate::policy::{Binding, Policy};

/// The body of a request, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// It has not been read yet.
    Unread,
    /// There is none.
    Absent,
    /// It was read.
    Read(Document<'a>),
    /// It cannot be read, for this reason: the request is refused if nothing else refuses it first.
    Refused(Code),
}

/// The facts of one request.
#[derive(Debug)]
pub struct RequestFacts<'a> {
    policy: &'a Policy,
    pairs: &'a Pairs,
    head: &'a Head<'a>,
    path: Option<CanonicalPath<'a>>,
    peer_address: &'a [u8],
    body: Body<'a>,
    host: OnceCell<Vec<u8>>,
    queries: Box<[OnceCell<Query>]>,
}

/// A query parameter, decoded.
#[derive(Debug)]
enum Query {
    Absent,
    Unusable,
    Text(Vec<u8>),
}

impl<'a> RequestFacts<'a> {
    /// The facts of a request. `path` is none if the path is refused, which denies whatever conditions say.
    #[must_use]
    pub fn new(
        policy: &'a Policy,
        pairs: &'a Pairs,
        head: &'a Head<'a>,
        path: Option<CanonicalPath<'a>>,
        peer_address: &'a [u8],
        body: Body<'a>,
    ) -> Self {
        let queries = core::iter::repeat_with(OnceCell::new).take(policy.queries()).collect();
        Self { policy, pairs, head, path, peer_address, body, host: OnceCell::new(), queries }
    }

    fn header(&self, name: &[u8]) -> Value<'_> {
        let mut values = self.pairs.iter().filter(|(found, _)| *found == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Value::Absent,
            (Some(value), None) => Value::Text(value),
            (Some(_), Some(_)) => Value::Unusable,
        }
    }

    fn query(&self, place: usize, name: &[u8]) -> Value<'_> {
        let Some(cell) = self.queries.get(place) else {
            return Value::Unusable;
        };
        let query = cell.get_or_init(|| match self.path.map(|path| path.query().field(name)) {
            Some(Ok(Some(value))) => Query::Text(value.into_owned()),
            Some(Ok(None)) => Query::Absent,
            Some(Err(_)) | None => Query::Unusable,
        });
        match query {
            Query::Absent => Value::Absent,
            Query::Unusable => Value::Unusable,
            Query::Text(text) => Value::Text(text),
        }
    }

    fn in_head(&self, field: u16) -> Value<'_> {
        let Some(description) = self.policy.program().field(field) else {
            return Value::Unusable;
        };
        match description.source {
            Source::Method => Value::Text(self.head.method),
            Source::Path => self.path.map_or(Value::Unusable, |path| Value::Text(path.as_bytes())),
            Source::Host => Value::Text(self.host.get_or_init(|| canonical_host(self.head.authority))),
            Source::Header => self.header(description.name),
            Source::PathSegment => {
                let segment = self.path.and_then(|path| path.segment(usize::from(description.number)));
                segment.map_or(Value::Absent, Value::Text)
            }
            Source::PeerAddress if self.peer_address.is_empty() => Value::Absent,
            Source::PeerAddress => Value::Text(without_port(self.peer_address)),
            _ => Value::Unusable,
        }
    }
}

impl Facts for RequestFacts<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        match (self.policy.binding(field), self.body) {
            (Some(Binding::Head), _) => self.in_head(field),
            (Some(Binding::Query(place)), _) => match self.policy.program().field(field) {
                Some(description) => self.query(place, description.name),
                None => Value::Unusable,
            },
            (Some(Binding::Body { .. }), Body::Unread) => Value::Unread,
            (Some(Binding::Body { .. }), Body::Absent) => Value::Absent,
            (Some(Binding::Body { .. }), Body::Refused(_)) => Value::Unusable,
            (Some(Binding::Body { field, .. }), Body::Read(document)) => scalar(document.value(field)),
            (None, _) => Value::Unusable,
        }
    }

    fn count(&self, list: u16) -> Count {
        match (self.policy.binding(list), self.body) {
            (Some(Binding::Body { .. }), Body::Unread) => Count::Unread,
            (Some(Binding::Body { field, .. }), Body::Read(document)) => match document.value(field) {
                extract::Value::Array(length) => Count::Elements(u32::try_from(length).unwrap_or(u32::MAX)),
                _ => Count::NotAList,
            },
            _ => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        let (Some(Binding::Body { field, elements }), Body::Read(document)) =
            (self.policy.binding(field), self.body)
        else {
            return Value::Unread;
        };
        match (document.value(elements.unwrap_or(field)), usize::try_from(place)) {
            (extract::Value::List(list), Ok(place)) => list.get(place).map_or(Value::Absent, scalar),
            _ => Value::Unusable,
        }
    }
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

/// The authority in lower case, without port and trailing dot. An IPv6 literal keeps its brackets.
pub(crate) fn canonical_host(authority: &[u8]) -> Vec<u8> {
    let host = without_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    host.to_ascii_lowercase()
}

/// What stands before the port, if there is a port: `[::1]:80`, `10.0.0.1:80`, `host:80`.
fn without_port(address: &[u8]) -> &[u8] {
    let port = address.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let before = address.len().saturating_sub(port);
    match address.split_at_checked(before) {
        Some((host, _)) => host.strip_suffix(b":").unwrap_or(address),
        None => address,
    }
}
