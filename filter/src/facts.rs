//! What conditions may read of a request, found when it is asked for.

use core::cell::OnceCell;

use ambit_bytecode::Source;
use ambit_eval::{Arguments, Count, Facts, Number, Value};
use ambit_request::path::CanonicalPath;

use crate::destination::Destination;
use crate::head::{Head, Pairs};
use crate::policy::{Binding, Policy};
use crate::schema::View;

/// The body of a request, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// It has not been read yet.
    Unread,
    /// There is none, so every field of it is absent.
    Absent,
    /// There may be one, but it has no fields that could be read.
    Opaque,
    /// It is read, at least in part.
    Read(View<'a>),
    /// The request is one that could be made, and may say anything, also beside its body.
    Anything,
}

/// The facts of one request.
#[derive(Debug)]
pub(crate) struct RequestFacts<'a> {
    policy: &'a Policy,
    pairs: &'a Pairs,
    head: &'a Head<'a>,
    path: Option<CanonicalPath<'a>>,
    peer_address: &'a [u8],
    body: Body<'a>,
    host: OnceCell<Vec<u8>>,
    queries: Box<[OnceCell<Query>]>,
    /// What is judged leaves the mesh: then nothing else is known of it.
    outside: Option<Outside<'a>>,
}

/// What conditions may read of something that leaves the mesh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside<'a> {
    pub(crate) destination: &'a Destination,
    /// The method of the request, if that is seen.
    pub(crate) method: Option<&'a [u8]>,
    /// Its path, if that is seen and has one spelling.
    pub(crate) path: Option<CanonicalPath<'a>>,
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
    pub(crate) fn new(
        policy: &'a Policy,
        pairs: &'a Pairs,
        head: &'a Head<'a>,
        path: Option<CanonicalPath<'a>>,
        peer_address: &'a [u8],
        body: Body<'a>,
    ) -> Self {
        let queries = core::iter::repeat_with(OnceCell::new).take(policy.queries()).collect();
        Self { policy, pairs, head, path, peer_address, body, host: OnceCell::new(), queries, outside: None }
    }

    /// The facts of something that leaves the mesh.
    pub(crate) fn outside(
        policy: &'a Policy,
        pairs: &'a Pairs,
        head: &'a Head<'a>,
        outside: Outside<'a>,
    ) -> Self {
        Self { outside: Some(outside), ..Self::new(policy, pairs, head, None, &[], Body::Opaque) }
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

    /// What the connection says, whatever request comes over it.
    fn anything(&self, field: u16) -> Value<'_> {
        match self.policy.program().field(field).map(|field| field.source) {
            Some(Source::PeerAddress) => self.in_head(field),
            _ => Value::Unread,
        }
    }

    fn in_head(&self, field: u16) -> Value<'_> {
        let Some(description) = self.policy.program().field(field) else {
            return Value::Unusable;
        };
        if let Some(outside) = &self.outside {
            return outside.value(description.source);
        }
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

impl Outside<'_> {
    fn value(&self, source: Source) -> Value<'_> {
        let Destination { name, address, port } = self.destination;
        match source {
            Source::DestinationHost => name.as_deref().map_or(Value::Absent, Value::Text),
            Source::DestinationAddress => address.as_deref().map_or(Value::Absent, Value::Text),
            Source::DestinationPort => {
                port.map_or(Value::Absent, |port| Value::Number(Number::whole(u32::from(port))))
            }
            Source::Method => self.method.map_or(Value::Absent, Value::Text),
            Source::Path if self.method.is_none() => Value::Absent,
            Source::Path => self.path.as_ref().map_or(Value::Unusable, |path| Value::Text(path.as_bytes())),
            _ => Value::Unusable,
        }
    }
}

impl Facts for RequestFacts<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        match (self.policy.binding(field), self.body) {
            (Some(_), Body::Anything) => self.anything(field),
            (Some(Binding::Head), _) => self.in_head(field),
            (Some(Binding::Query(place)), _) => match self.policy.program().field(field) {
                Some(description) => self.query(place, description.name),
                None => Value::Unusable,
            },
            (Some(Binding::Body), Body::Unread) => Value::Unread,
            (Some(Binding::Body), Body::Absent) => Value::Absent,
            (Some(Binding::Body), Body::Read(view)) => view.value(field),
            (Some(Binding::Body), Body::Opaque) | (None, _) => Value::Unusable,
        }
    }

    fn count(&self, list: u16) -> Count {
        match self.body {
            Body::Unread | Body::Anything => Count::Unread,
            Body::Read(view) => view.count(list),
            Body::Absent | Body::Opaque => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        match self.body {
            Body::Unread | Body::Anything => Value::Unread,
            Body::Read(view) => view.element(field, place),
            Body::Absent | Body::Opaque => Value::Unusable,
        }
    }

    fn arguments(&self, listing: u16) -> Arguments {
        match self.body {
            Body::Unread | Body::Anything => Arguments::Unread,
            Body::Read(view) => view.arguments(listing),
            Body::Absent => Arguments::Listed,
            Body::Opaque => Arguments::Unlisted,
        }
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
