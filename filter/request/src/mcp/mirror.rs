//! The HTTP headers that repeat what the body says.
//!
//! From 2026-07-28 on they are mandatory, and servers refuse a request whose headers and body differ.
//! Older servers ignore them, so for older versions they are ignored here too. They never decide what is
//! asked: the body does, and headers that differ from it are refused.

use alloc::vec::Vec;

use super::methods::{Subject, method};
use super::{McpError, Version};
use crate::action::check_name;
use crate::uri::canonicalize_uri;

/// What the headers of a request say about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirror<'h> {
    version: Version,
    method: Option<&'h [u8]>,
    name: Option<&'h [u8]>,
}

impl<'h> Mirror<'h> {
    /// Reads the values of `mcp-protocol-version`, `mcp-method` and `mcp-name`.
    ///
    /// A request that repeats one of these headers is to be refused before.
    ///
    /// # Errors
    /// [`McpError::UnsupportedVersion`] if the version is none of [`Version`]. A request without a version
    /// is one of 2025-03-26 (2025-06-18, Transports, Protocol Version Header).
    pub fn read(
        version: Option<&[u8]>,
        method: Option<&'h [u8]>,
        name: Option<&'h [u8]>,
    ) -> Result<Self, McpError> {
        let version = match version {
            None => Version::V2025_03_26,
            Some(version) => Version::parse(trim(version)).ok_or(McpError::UnsupportedVersion)?,
        };
        if version < Version::V2026_07_28 {
            return Ok(Self { version, method: None, name: None });
        }
        Ok(Self { version, method: method.map(trim), name: name.map(trim) })
    }

    /// The version that the request claims.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Writes the action key that the headers announce to `key`, which is cleared first; or says that they
    /// announce none.
    ///
    /// The body must have the same key, or it is refused. So if this action is denied, the request is; but
    /// that it is allowed is known only with the body.
    ///
    /// # Errors
    /// The [`McpError`] that the body would be refused with.
    pub fn write_announced_key(&self, key: &mut Vec<u8>) -> Result<bool, McpError> {
        key.clear();
        let Some(name) = self.method else { return Ok(false) };
        let method = method(name, self.version).ok_or(McpError::UnknownMethod)?;
        match (method.subject, self.name) {
            (Subject::None | Subject::Task, _) => {}
            (_, None) => return Err(McpError::HeaderMismatch),
            (_, Some(subject)) if inner(subject).is_some() => return Ok(false),
            (_, Some(subject)) => return write_key(method.name, method.subject, subject, key).map(|()| true),
        }
        key.extend_from_slice(method.name.as_bytes());
        Ok(true)
    }

    /// Checks the headers of a message against its body.
    pub(super) fn check(
        &self,
        method: &[u8],
        is_notification: bool,
        subject: Option<&[u8]>,
        version: Option<&[u8]>,
    ) -> Result<(), McpError> {
        let is_mandatory = self.version >= Version::V2026_07_28 && !is_notification;
        let agree = |header: Option<&[u8]>, is_same: &dyn Fn(&[u8]) -> bool| match header {
            Some(header) => is_same(header),
            None => !is_mandatory,
        };
        let version_agrees = match version {
            Some(version) => version == self.version.as_str().as_bytes(),
            None => !is_mandatory,
        };
        let name_agrees =
            subject.is_none_or(|subject| agree(self.name, &|header| is_spelling_of(header, subject)));
        if version_agrees && name_agrees && agree(self.method, &|header| header == method) {
            Ok(())
        } else {
            Err(McpError::HeaderMismatch)
        }
    }
}

/// Appends the action key of a method with a subject.
pub(super) fn write_key(
    method: &str,
    subject: Subject,
    name: &[u8],
    key: &mut Vec<u8>,
) -> Result<(), McpError> {
    key.extend_from_slice(method.as_bytes());
    key.push(b':');
    if subject == Subject::Uri {
        return canonicalize_uri(name, key).map_err(McpError::Uri);
    }
    key.extend_from_slice(check_name(name).map_err(McpError::Name)?.as_bytes());
    Ok(())
}

/// Whether the header value `header` stands for `text`: as it is, or between `=?base64?` and `?=`.
fn is_spelling_of(header: &[u8], text: &[u8]) -> bool {
    match inner(header) {
        Some(encoded) => is_base64_of(encoded, text),
        None => header == text,
    }
}

pub(super) fn inner(header: &[u8]) -> Option<&[u8]> {
    header.strip_prefix(b"=?base64?")?.strip_suffix(b"?=")
}

/// Whether `encoded` is `text` in the standard alphabet with padding (RFC 4648 section 4).
pub(super) fn is_base64_of(encoded: &[u8], text: &[u8]) -> bool {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (quads, rest) = encoded.as_chunks::<4>();
    if !rest.is_empty() || quads.len() != text.len().div_ceil(3) {
        return false;
    }
    quads.iter().zip(text.chunks(3)).all(|(quad, chunk)| {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        let digit = |shift: u32| {
            let index = usize::try_from((bits >> shift) & 0x3f).unwrap_or(0);
            ALPHABET.get(index).copied().unwrap_or(b'=')
        };
        let third = if chunk.len() > 1 { digit(6) } else { b'=' };
        let fourth = if chunk.len() > 2 { digit(0) } else { b'=' };
        *quad == [digit(18), digit(12), third, fourth]
    })
}

/// Removes the blanks that RFC 9110 section 5.5 does not count to a field value.
fn trim(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
