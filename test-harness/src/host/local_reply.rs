//! The proxy's own replies, as `Envoy::Http::Utility::sendLocalReply` shapes them.

use std::fmt;

use super::headers::HeaderMap;
use super::pairs::Pair;

/// A reply that the proxy made itself. What the caller really receives (a gRPC caller gets trailers, the filter may
/// edit its own reply) is in [`super::Stream::downstream`].
#[derive(Clone, PartialEq, Eq)]
pub struct LocalReply {
    pub cause: Cause,
    pub status: u16,
    /// Response-code details, with white space replaced by `_`.
    pub details: Vec<u8>,
    /// Headers that the filter asked for.
    pub headers: Vec<Pair>,
    pub body: Vec<u8>,
    /// The gRPC status that the filter asked for; outside 0 to 16 counts as none.
    pub grpc_status: Option<u32>,
}

/// Why the proxy replied itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The filter asked for it.
    Filter,
    /// The VM has failed.
    VmFailure,
    /// No configuration was ever good, so there is no filter to ask (response flag `NFCF`).
    Unconfigured,
    /// A message outgrew the buffer limit.
    TooLarge,
}

impl LocalReply {
    pub(super) fn vm_failure() -> Self {
        Self {
            cause: Cause::VmFailure,
            status: 503,
            details: b"wasm_fail_stream".to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
            grpc_status: Some(14),
        }
    }

    pub(super) fn unconfigured() -> Self {
        Self {
            cause: Cause::Unconfigured,
            status: 500,
            details: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            grpc_status: None,
        }
    }

    pub(super) fn too_large(status: u16, body: &str, details: &str) -> Self {
        Self {
            cause: Cause::TooLarge,
            status,
            details: details.into(),
            headers: Vec::new(),
            body: body.into(),
            grpc_status: None,
        }
    }

    /// First value of a header that the filter asked for.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| &value[..])
    }

    /// Headers and body as sent to a caller that made `request`.
    pub(super) fn render(&self, request: Option<&HeaderMap>) -> (HeaderMap, Vec<u8>) {
        let is_grpc = request.is_some_and(is_grpc);
        let is_head = request.and_then(|headers| headers.first(":method")) == Some(b"HEAD");
        let mut headers = HeaderMap::new(&[(":status", self.status.to_string())]);
        for (name, value) in &self.headers {
            headers.add(name, value);
        }
        if is_grpc {
            headers.replace(b":status", b"200");
            headers.replace(b"content-type", b"application/grpc");
            let status = self.grpc_status.unwrap_or_else(|| grpc_status_of(self.status));
            headers.replace(b"grpc-status", status.to_string().as_bytes());
            if !self.body.is_empty() && !is_head {
                headers.replace(b"grpc-message", &percent_encode(&self.body));
            }
            return (headers, Vec::new());
        }
        if self.body.is_empty() {
            return (headers, Vec::new());
        }
        headers.replace(b"content-length", self.body.len().to_string().as_bytes());
        if headers.first("content-type").is_none() {
            headers.add(b"content-type", b"text/plain");
        }
        (headers, if is_head { Vec::new() } else { self.body.clone() })
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let rest = headers.first("content-type").and_then(|value| value.strip_prefix(b"application/grpc"));
    headers.first(":path").is_some() && rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

fn grpc_status_of(status: u16) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

fn percent_encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b' '..=b'~') && *byte != b'%' {
            out.push(*byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

impl fmt::Debug for LocalReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} `{}`", self.cause, self.status, self.details.escape_ascii())?;
        for (name, value) in &self.headers {
            write!(f, " {}: {},", name.escape_ascii(), value.escape_ascii())?;
        }
        write!(f, " body `{}`", self.body.escape_ascii())?;
        self.grpc_status.map_or(Ok(()), |status| write!(f, " grpc-status {status}"))
    }
}
