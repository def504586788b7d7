//! What an MCP client asks for over Streamable HTTP.
//!
//! Versions 2026-07-28, 2025-11-25, 2025-06-18 and 2025-03-26. A request is judged by its body; the
//! version it claims may refuse it but never changes what it is judged as. Every kind of message has an
//! action key: calls, notifications, responses to what the server asked, the `GET` that opens a stream,
//! the `DELETE` that ends a session.
//!
//! ```
//! use ambit_request::extract::{Root, Selection, extract};
//! use ambit_request::mcp::{Fields, Mirror, messages};
//!
//! let mut selection = Selection::builder(Root::Batch);
//! let fields = Fields::select(&mut selection)?;
//! let selection = selection.build();
//!
//! let body = br#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query"}}"#;
//! let facts = extract(&selection, body)?;
//! let mirror = Mirror::read(Some(b"2025-11-25"), None, None)?;
//! let mut key = Vec::new();
//! for message in messages(&facts, &fields, &mirror) {
//!     message?.write_key(&mut key)?;
//!     assert_eq!(key, b"tools/call:query");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;
use core::fmt;

use crate::action::NameError;
use crate::extract::{Document, Facts, FieldId, SelectionBuilder, SelectionError, Step};
use crate::jsonrpc::{self, Envelope, EnvelopeError, Id};
use crate::uri::UriError;

pub mod list;
mod methods;
mod mirror;
mod params;
#[cfg(test)]
mod tests;

pub use methods::{METHODS, Method, Subject, method};
pub use mirror::Mirror;
pub use params::Params;

/// A version of MCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The first with Streamable HTTP, and the only one with batches.
    V2025_03_26,
    /// Without batches, with a version header.
    V2025_06_18,
    /// With tasks.
    V2025_11_25,
    /// Without sessions, with mirror headers.
    V2026_07_28,
}

/// The fields that [`messages`] reads.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    envelope: jsonrpc::Fields,
    name: FieldId,
    uri: FieldId,
    task: FieldId,
    version: FieldId,
}

/// One message from a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'f> {
    kind: Kind<'f>,
    id: Option<Id<'f>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind<'f> {
    Call { method: &'static Method, subject: Option<&'f [u8]> },
    Response,
}

/// What an HTTP request to an MCP endpoint is, before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST`: what it asks is in the body.
    Body,
    /// `GET`: opens a stream of messages from the server.
    Stream,
    /// `DELETE`: ends the session.
    SessionDelete,
}

/// Why a request is no MCP request that could be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum McpError {
    /// The version header names a version that is not known here.
    UnsupportedVersion,
    /// The HTTP method is none that this version has.
    HttpMethod,
    /// The body is no JSON-RPC message.
    Envelope(EnvelopeError),
    /// The method is none that clients call in this version.
    UnknownMethod,
    /// A request came without an id, or a notification with one.
    RequestKind,
    /// A response, in a version where clients send none.
    UnexpectedResponse,
    /// `params` has no name, URI or task id, or one that is no string or passes a limit.
    NoSubject,
    /// The name of the tool or prompt is unfit for an action key.
    Name(NameError),
    /// The URI of the resource has no canonical spelling.
    Uri(UriError),
    /// A mirror header differs from the body, or is missing though mandatory.
    HeaderMismatch,
    /// A batch, in a version that has none.
    UnexpectedBatch,
    /// A batch of nothing.
    EmptyBatch,
    /// `initialize` in a batch (2025-03-26, Lifecycle).
    InitializeInBatch,
}

impl Fields {
    /// Selects the fields that [`messages`] reads. The selection should be for
    /// [`Root::Batch`](crate::extract::Root::Batch): then each element of a batch is a message.
    ///
    /// # Errors
    /// A [`SelectionError`] if the selection is full.
    pub fn select(selection: &mut SelectionBuilder) -> Result<Self, SelectionError> {
        let params = Step::Key("params");
        Ok(Self {
            envelope: jsonrpc::Fields::select(selection)?,
            name: selection.field(&[params, Step::Key("name")])?,
            uri: selection.field(&[params, Step::Key("uri")])?,
            task: selection.field(&[params, Step::Key("taskId")])?,
            version: selection.field(&[
                params,
                Step::Key("_meta"),
                Step::Key("io.modelcontextprotocol/protocolVersion"),
            ])?,
        })
    }

    /// The method that this message calls, if it calls one.
    #[must_use]
    pub fn method<'f>(&self, message: &Document<'f>) -> Option<&'f [u8]> {
        self.envelope.method(message)
    }

    /// The id that a reply to this message must carry, if it has one that can be repeated.
    #[must_use]
    pub fn id<'f>(&self, message: &Document<'f>) -> Option<Id<'f>> {
        self.envelope.id(message)
    }

    /// Writes the action key that a message of a body still being read will have, to `key`, which is cleared
    /// first; or says that it is not known yet.
    ///
    /// The rest of the body cannot change the key, only make the message refused. So if this action is
    /// denied, the request is; but that it is allowed is known only with the whole body.
    ///
    /// # Errors
    /// The [`McpError`] that the message will be refused with, or another one.
    pub fn write_early_key(
        &self,
        message: &Document<'_>,
        version: Version,
        key: &mut Vec<u8>,
    ) -> Result<bool, McpError> {
        key.clear();
        let Some(name) = self.envelope.method(message) else { return Ok(false) };
        let method = method(name, version).ok_or(McpError::UnknownMethod)?;
        let subject = self.subject(method).map(|field| message.text(field));
        if subject == Some(None) {
            return Ok(false);
        }
        Kind::Call { method, subject: subject.flatten() }.write_key(key)?;
        Ok(true)
    }

    const fn subject(&self, method: &Method) -> Option<FieldId> {
        match method.subject {
            Subject::None => None,
            Subject::Name => Some(self.name),
            Subject::Uri => Some(self.uri),
            Subject::Task => Some(self.task),
        }
    }
}

/// The messages of a complete body, each of which must be allowed. There is at least one item.
pub fn messages<'f>(
    facts: &'f Facts,
    fields: &Fields,
    mirror: &Mirror<'_>,
) -> impl Iterator<Item = Result<Message<'f>, McpError>> {
    let is_batch = facts.is_batch();
    let refusal = match is_batch {
        true if mirror.version() > Version::V2025_03_26 => Some(McpError::UnexpectedBatch),
        true if facts.is_empty() => Some(McpError::EmptyBatch),
        // An array where no batch was expected has no envelope either.
        _ if facts.is_empty() => Some(McpError::Envelope(EnvelopeError::Version)),
        _ => None,
    };
    let documents = facts.documents().take(if refusal.is_some() { 0 } else { facts.len() });
    let read = move |document| match Message::read(&document, fields, mirror) {
        Ok(message) if is_batch && message.is_initialize() => Err(McpError::InitializeInBatch),
        read => read,
    };
    refusal.map(Err).into_iter().chain(documents.map(read))
}

impl<'f> Message<'f> {
    fn read(document: &Document<'f>, fields: &Fields, mirror: &Mirror<'_>) -> Result<Self, McpError> {
        let version = mirror.version();
        let (name, id) = match Envelope::read(document, &fields.envelope).map_err(McpError::Envelope)? {
            Envelope::Request { method, id } => (method, Some(id)),
            Envelope::Notification { method } => (method, None),
            Envelope::Response { .. } if version >= Version::V2026_07_28 => {
                return Err(McpError::UnexpectedResponse);
            }
            Envelope::Response { id } => return Ok(Self { kind: Kind::Response, id: Some(id) }),
        };
        let method = method(name, version).ok_or(McpError::UnknownMethod)?;
        if method.is_notification != id.is_none() {
            return Err(McpError::RequestKind);
        }
        let subject = match fields.subject(method) {
            Some(field) => Some(document.text(field).ok_or(McpError::NoSubject)?),
            None => None,
        };
        mirror.check(name, method.is_notification, subject, document.text(fields.version))?;
        Ok(Self { kind: Kind::Call { method, subject }, id })
    }

    /// The method that is called; none in a response.
    #[must_use]
    pub const fn method(&self) -> Option<&'static Method> {
        match self.kind {
            Kind::Call { method, .. } => Some(method),
            Kind::Response => None,
        }
    }

    /// The name of the tool or prompt, the URI of the resource, or the id of the task, as the caller spelled it.
    #[must_use]
    pub const fn subject(&self) -> Option<&'f [u8]> {
        match self.kind {
            Kind::Call { subject, .. } => subject,
            Kind::Response => None,
        }
    }

    /// The id that a reply must carry: none to a notification. In a response, the id it answers.
    #[must_use]
    pub const fn id(&self) -> Option<Id<'f>> {
        self.id
    }

    /// Writes the action key of this message to `key`, which is cleared first.
    ///
    /// # Errors
    /// [`McpError::Name`] or [`McpError::Uri`] if what the caller named has no place in a key.
    pub fn write_key(&self, key: &mut Vec<u8>) -> Result<(), McpError> {
        key.clear();
        self.kind.write_key(key)
    }

    fn is_initialize(&self) -> bool {
        self.method().is_some_and(|method| method.name == "initialize")
    }
}

impl Kind<'_> {
    fn write_key(&self, key: &mut Vec<u8>) -> Result<(), McpError> {
        match *self {
            Self::Response => key.extend_from_slice(b"response"),
            Self::Call { method, subject: Some(subject) } if method.subject != Subject::Task => {
                mirror::write_key(method.name, method.subject, subject, key)?;
            }
            Self::Call { method, .. } => key.extend_from_slice(method.name.as_bytes()),
        }
        Ok(())
    }
}

impl Endpoint {
    /// Reads the HTTP method of a request to an MCP endpoint.
    ///
    /// # Errors
    /// [`McpError::HttpMethod`] for other methods, and for `GET` and `DELETE` where the version has none.
    pub fn read(http_method: &[u8], version: Version) -> Result<Self, McpError> {
        match http_method {
            b"POST" => Ok(Self::Body),
            b"GET" if version < Version::V2026_07_28 => Ok(Self::Stream),
            b"DELETE" if version < Version::V2026_07_28 => Ok(Self::SessionDelete),
            _ => Err(McpError::HttpMethod),
        }
    }

    /// The action key, unless it is in the body.
    #[must_use]
    pub const fn key(self) -> Option<&'static [u8]> {
        match self {
            Self::Body => None,
            Self::Stream => Some(b"stream"),
            Self::SessionDelete => Some(b"session.delete"),
        }
    }
}

impl Version {
    /// The version with this date.
    #[must_use]
    pub fn parse(date: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str().as_bytes() == date)
    }

    /// The date that names this version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }
}

impl McpError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "mcp-unsupported-version",
            Self::HttpMethod => "mcp-http-method",
            Self::Envelope(error) => error.word(),
            Self::UnknownMethod => "mcp-unknown-method",
            Self::RequestKind => "mcp-request-kind",
            Self::UnexpectedResponse => "mcp-unexpected-response",
            Self::NoSubject => "mcp-no-subject",
            Self::Name(error) => error.word(),
            Self::Uri(error) => error.word(),
            Self::HeaderMismatch => "mcp-header-mismatch",
            Self::UnexpectedBatch => "mcp-unexpected-batch",
            Self::EmptyBatch => "mcp-empty-batch",
            Self::InitializeInBatch => "mcp-initialize-in-batch",
        }
    }

    /// The JSON-RPC error code of a reply (JSON-RPC 2.0 section 5.1; MCP 2026-07-28, Error Codes).
    #[must_use]
    pub const fn json_rpc_code(self) -> i32 {
        match self {
            Self::HeaderMismatch => -32020,
            Self::UnsupportedVersion => -32022,
            Self::UnknownMethod => -32601,
            Self::NoSubject | Self::Name(_) | Self::Uri(_) => -32602,
            Self::HttpMethod
            | Self::Envelope(_)
            | Self::RequestKind
            | Self::UnexpectedResponse
            | Self::UnexpectedBatch
            | Self::EmptyBatch
            | Self::InitializeInBatch => -32600,
        }
    }
}

impl fmt::Display for McpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for McpError {}
