//! Properties: Envoy's CEL attributes as `proxy_get_property` returns them.

use std::collections::BTreeMap;

use super::connection::ConnectionState;
use super::downstream::Downstream;
use super::headers::HeaderMap;
use super::stream::StreamState;

/// A property's value, by the way it is serialized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Strings and bytes come back as they are.
    Bytes(Vec<u8>),
    /// Eight bytes, little-endian. Timestamps and durations too, in nanoseconds.
    Int(i64),
    /// Eight bytes, little-endian.
    Uint(u64),
    /// One byte.
    Bool(bool),
}

impl Value {
    pub(super) fn serialize(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(number) => number.to_le_bytes().to_vec(),
            Self::Uint(number) => number.to_le_bytes().to_vec(),
            Self::Bool(truth) => vec![u8::from(truth)],
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// The parts of a path. They are separated by NUL; one NUL at the end is ignored.
pub(super) fn parts(path: &[u8]) -> Vec<&[u8]> {
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    if path.is_empty() { Vec::new() } else { path.split(|byte| *byte == 0).collect() }
}

/// What a connection shows, before or without a request. `secured` is false until the TLS handshake is over.
pub(super) fn of_connection(
    downstream: &Downstream,
    connection_id: u64,
    secured: bool,
    path: &[&[u8]],
) -> Option<Value> {
    if let Some(planned) = downstream.planned(path) {
        return planned;
    }
    match path {
        [b"connection", rest @ ..] => match rest {
            [b"id"] => Some(connection_id.into()),
            [attribute] => downstream.connection_attribute(attribute, secured),
            _ => None,
        },
        [b"connection_id"] => Some(connection_id.into()),
        [b"source", b"address"] => Some(downstream.source().to_string().as_str().into()),
        [b"source", b"port"] => Some(i64::from(downstream.source().port()).into()),
        [b"destination", b"address"] => Some(downstream.destination().to_string().as_str().into()),
        [b"destination", b"port"] => Some(i64::from(downstream.destination().port()).into()),
        _ => None,
    }
}

pub(super) fn of_tcp(connection: &ConnectionState, path: &[&[u8]]) -> Option<Value> {
    of_connection(&connection.peer, connection.id, connection.secured, path)
        .or_else(|| of_filter_state(&connection.filter_state, path))
}

fn of_filter_state(filter_state: &BTreeMap<Vec<u8>, Vec<u8>>, path: &[&[u8]]) -> Option<Value> {
    let value = match path {
        [b"filter_state", key] => filter_state.get(*key),
        // What a guest has set is also found under the bare name.
        [name] => filter_state.get(&[b"wasm.", *name].concat()),
        _ => None,
    };
    value.cloned().map(Value::Bytes)
}

pub(super) fn of_stream(stream: &StreamState, path: &[&[u8]]) -> Option<Value> {
    if let Some(value) = of_connection(&stream.downstream, stream.connection_id, true, path) {
        return Some(value);
    }
    match path {
        [b"request", b"headers", name] => joined(stream.visible_request_headers()?, name),
        [b"request", attribute] => of_request(stream, attribute),
        [b"response", b"headers", name] => joined(stream.visible_response_headers()?, name),
        [b"response", b"code"] => stream.response_code().map(Value::Int),
        [b"response", b"code_details"] => stream.details.clone().map(Value::Bytes),
        _ => of_filter_state(&stream.filter_state, path),
    }
}

fn joined(headers: &HeaderMap, name: &[u8]) -> Option<Value> {
    let name = name.to_ascii_lowercase();
    headers.joined(std::str::from_utf8(&name).ok()?).map(Value::Bytes)
}

/// Attributes made of headers are there only while the headers are: not in a body callback, unless the header callback
/// paused.
fn of_request(stream: &StreamState, attribute: &[u8]) -> Option<Value> {
    if attribute == b"protocol" {
        return Some("HTTP/1.1".into());
    }
    if attribute == b"size" {
        return Some(Value::Int(i64::try_from(stream.request.received_bytes).ok()?));
    }
    let headers = stream.visible_request_headers()?;
    let header = |name: &str| headers.first(name).map(Value::from);
    let path = headers.first(":path");
    let question = path.and_then(|path| path.iter().position(|byte| *byte == b'?'));
    match attribute {
        b"path" => header(":path"),
        b"url_path" => path.map(|path| Value::from(&path[..question.unwrap_or(path.len())])),
        b"query" => path.map(|path| Value::from(question.map_or(&b""[..], |at| &path[at + 1..]))),
        b"host" => header(":authority"),
        b"method" => header(":method"),
        b"scheme" => header(":scheme"),
        b"referer" => header("referer"),
        b"useragent" => header("user-agent"),
        b"id" => header("x-request-id"),
        _ => None,
    }
}
