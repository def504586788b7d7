//! What an A2A client asks of an agent.
//!
//! Versions 1.0 and 0.3, over JSON-RPC, HTTP+JSON and gRPC. Every operation has one action key, whichever
//! name and binding a client uses. The version that a request claims selects nothing: both versions' names
//! are read always, so claiming another version never asks for anything else.

use core::fmt;

use crate::extract::{Document, SelectionBuilder, SelectionError};
use crate::jsonrpc::{self, Envelope, EnvelopeError, Id};

mod operation;
mod push;
mod rest;
#[cfg(test)]
mod tests;

pub use operation::Operation;
pub use push::PushFields;
pub use rest::Rest;

/// How A2A is carried where a body is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// JSON-RPC 2.0: the parameters are below `params`.
    JsonRpc,
    /// HTTP+JSON: the parameters are the body.
    Rest,
}

/// The fields that [`Call::read`] reads.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    envelope: jsonrpc::Fields,
}

/// An operation called over JSON-RPC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call<'f> {
    /// What is asked.
    pub operation: Operation,
    /// The id that a reply must carry.
    pub id: Id<'f>,
}

/// Why a request is no A2A request that could be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum A2aError {
    /// The claimed version is neither 1.0 nor 0.3, or claimed differently in the header and the query.
    UnsupportedVersion,
    /// The body is no JSON-RPC message.
    Envelope(EnvelopeError),
    /// A notification or a response: A2A clients send neither.
    NoRequest,
    /// The method, or the path with its HTTP method, is none of A2A.
    UnknownMethod,
    /// The path can be read with and without a tenant.
    Ambiguous,
    /// The URL for push notifications is no string, or too long.
    PushUrl,
}

/// Checks the version that a request claims in the header `a2a-version` and the query parameter of that name.
///
/// # Errors
/// [`A2aError::UnsupportedVersion`]. Neither is the same as 0.3 (1.0 specification, section 3.6.2).
pub fn check_version(header: Option<&[u8]>, query: Option<&[u8]>) -> Result<(), A2aError> {
    let minor = |version: &[u8]| match version.trim_ascii() {
        b"" | b"0.3" => Some(3),
        b"1.0" => Some(10),
        [b'0', b'.', b'3', b'.', patch @ ..] if is_number(patch) => Some(3),
        [b'1', b'.', b'0', b'.', patch @ ..] if is_number(patch) => Some(10),
        _ => None,
    };
    let claims = match (header.map(minor), query.map(minor)) {
        (Some(header), Some(query)) if header != query => None,
        (Some(version), _) | (None, Some(version)) => version,
        (None, None) => minor(b""),
    };
    claims.map(drop).ok_or(A2aError::UnsupportedVersion)
}

impl Fields {
    /// Selects the fields that [`Call::read`] reads, in a selection for
    /// [`Root::Document`](crate::extract::Root::Document): A2A has no batches.
    ///
    /// # Errors
    /// A [`SelectionError`] if the selection is full.
    pub fn select(selection: &mut SelectionBuilder) -> Result<Self, SelectionError> {
        Ok(Self { envelope: jsonrpc::Fields::select(selection)? })
    }

    /// The id that a reply to this message must carry, if it has one that can be repeated.
    #[must_use]
    pub fn id<'f>(&self, message: &Document<'f>) -> Option<Id<'f>> {
        self.envelope.id(message)
    }

    /// The operation that a body still being read asks for, if that is known already.
    ///
    /// The rest of the body cannot change it, only make the request refused. So if this is denied, the
    /// request is; but that it is allowed is known only with the whole body.
    ///
    /// # Errors
    /// [`A2aError::UnknownMethod`], if it is known already that the request will be refused.
    pub fn early_operation(&self, message: &Document<'_>) -> Result<Option<Operation>, A2aError> {
        let Some(method) = self.envelope.method(message) else { return Ok(None) };
        Operation::of_json_rpc(method).map(Some).ok_or(A2aError::UnknownMethod)
    }
}

impl<'f> Call<'f> {
    /// Reads the one message of a complete JSON-RPC body.
    ///
    /// # Errors
    /// An [`A2aError`] naming the first rule it breaks.
    pub fn read(message: &Document<'f>, fields: &Fields) -> Result<Self, A2aError> {
        match Envelope::read(message, &fields.envelope).map_err(A2aError::Envelope)? {
            Envelope::Request { method, id } => {
                let operation = Operation::of_json_rpc(method).ok_or(A2aError::UnknownMethod)?;
                Ok(Self { operation, id })
            }
            Envelope::Notification { .. } | Envelope::Response { .. } => Err(A2aError::NoRequest),
        }
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

impl A2aError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "a2a-unsupported-version",
            Self::Envelope(error) => error.word(),
            Self::NoRequest => "a2a-no-request",
            Self::UnknownMethod => "a2a-unknown-method",
            Self::Ambiguous => "a2a-ambiguous",
            Self::PushUrl => "a2a-push-url",
        }
    }

    /// The JSON-RPC error code of a reply (JSON-RPC 2.0 section 5.1; A2A 1.0 section 5.4).
    #[must_use]
    pub const fn json_rpc_code(self) -> i32 {
        match self {
            Self::UnsupportedVersion => -32009,
            Self::UnknownMethod => -32601,
            Self::PushUrl => -32602,
            Self::Envelope(_) | Self::NoRequest | Self::Ambiguous => -32600,
        }
    }
}

impl fmt::Display for A2aError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for A2aError {}
