//! The JSON-RPC 2.0 envelope that MCP and A2A share.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::extract::{Document, FieldId, SelectionBuilder, SelectionError, Step, Value};
use crate::json::Number;
use crate::spelling::escape;

#[cfg(test)]
mod tests;

/// The fields of the envelope.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    jsonrpc: FieldId,
    id: FieldId,
    method: FieldId,
    result: FieldId,
    error: FieldId,
}

/// One message, by what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Envelope<'f> {
    /// A method is called and a reply is expected.
    Request {
        /// The method, which may be any string.
        method: &'f [u8],
        /// What the reply must carry.
        id: Id<'f>,
    },
    /// A method is called and no reply is expected.
    Notification {
        /// The method, which may be any string.
        method: &'f [u8],
    },
    /// The reply to a request that went the other way.
    Response {
        /// The id of that request.
        id: Id<'f>,
    },
}

/// The id of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Id<'f> {
    /// A string.
    Text(&'f [u8]),
    /// A number.
    Number(Number),
}

/// Why a JSON value is no JSON-RPC message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// `jsonrpc` is not `"2.0"`; so too if the message is no object.
    Version,
    /// `id` is there but neither a string nor a number, or one that passes a limit; or it is missing where a
    /// response needs it.
    Id,
    /// `method` is there but no string.
    Method,
    /// Not exactly one of `method`, `result` and `error` is there.
    Shape,
}

impl Fields {
    /// Selects the fields of the envelope. The id is read even after the message was refused.
    ///
    /// # Errors
    /// A [`SelectionError`] if the selection is full.
    pub fn select(selection: &mut SelectionBuilder) -> Result<Self, SelectionError> {
        let id = selection.field(&[Step::Key("id")])?;
        selection.survivor(id);
        let mut field = |key| selection.field(&[Step::Key(key)]);
        Ok(Self {
            jsonrpc: field("jsonrpc")?,
            id,
            method: field("method")?,
            result: field("result")?,
            error: field("error")?,
        })
    }

    /// The method that this message calls, if it calls one.
    #[must_use]
    pub fn method<'f>(&self, message: &Document<'f>) -> Option<&'f [u8]> {
        message.text(self.method)
    }

    /// The id that a reply to this message must carry, if it has one that can be repeated.
    #[must_use]
    pub fn id<'f>(&self, message: &Document<'f>) -> Option<Id<'f>> {
        match message.value(self.id) {
            Value::Text(text) => Some(Id::Text(text)),
            Value::Number(number) => Some(Id::Number(number)),
            _ => None,
        }
    }
}

impl<'f> Envelope<'f> {
    /// Reads the envelope of one message.
    ///
    /// # Errors
    /// An [`EnvelopeError`] naming the first rule it breaks.
    pub fn read(message: &Document<'f>, fields: &Fields) -> Result<Self, EnvelopeError> {
        if message.text(fields.jsonrpc) != Some(b"2.0") {
            return Err(EnvelopeError::Version);
        }
        let has_id = message.value(fields.id) != Value::Absent;
        let id = fields.id(message);
        let is_there = |field| message.value(field) != Value::Absent;
        match (message.value(fields.method), is_there(fields.result), is_there(fields.error)) {
            (Value::Absent, true, false) | (Value::Absent, false, true) => {
                Ok(Self::Response { id: id.ok_or(EnvelopeError::Id)? })
            }
            (Value::Text(method), false, false) => match id {
                Some(id) => Ok(Self::Request { method, id }),
                None if has_id => Err(EnvelopeError::Id),
                None => Ok(Self::Notification { method }),
            },
            (Value::Absent | Value::Text(_), _, _) => Err(EnvelopeError::Shape),
            _ => Err(EnvelopeError::Method),
        }
    }
}

impl Id<'_> {
    /// Appends the id as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.push(b'"');
                for &byte in *text {
                    match byte {
                        b'"' | b'\\' => out.extend([b'\\', byte]),
                        0..=0x1f => {
                            let [_, high, low] = escape(byte);
                            out.extend([b'\\', b'u', b'0', b'0', high, low]);
                        }
                        _ => out.push(byte),
                    }
                }
                out.push(b'"');
            }
            Self::Number(number) => {
                // Writing to this never fails.
                let _ = write!(Appender(out), "{number}");
            }
        }
    }
}

struct Appender<'o>(&'o mut Vec<u8>);

impl Write for Appender<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl EnvelopeError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Version => "jsonrpc-version",
            Self::Id => "jsonrpc-id",
            Self::Method => "jsonrpc-method",
            Self::Shape => "jsonrpc-shape",
        }
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for EnvelopeError {}
