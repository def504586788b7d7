//! The one spelling of a request path that policy compares.
//!
//! Proxies and servers disagree about what `/a%2Fb`, `/a/../b`, `/a;x/b` or `/a//b` name, and each
//! disagreement has been an authorization bypass (CVE-2021-29492, CVE-2021-39156, CVE-2026-73553).
//! So a path has one canonical spelling here, and a path whose meaning depends on who reads it has
//! none: it is refused. The rules, in order:
//!
//! - the query starts at the first `?` and is no part of the path; a `#` anywhere is refused;
//! - escapes are decoded once where the character is harmless (`A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , = : @`);
//! - any other printable character is spelled as an escape with upper-case digits, even if it came raw;
//! - runs of `/` become one `/`; a trailing `/` is kept, because servers tell `/a/` from `/a`;
//! - everything a [`PathError`] names is refused.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::MAX_PATH_BYTES;
use crate::query::Query;
use crate::spelling::{Beyond, Fate, fate, respell};

#[cfg(test)]
mod tests;

/// Room for a path that had to be rewritten; keep one and use it again for every request.
#[derive(Debug, Default)]
pub struct PathBuffer(Vec<u8>);

/// A request path in canonical form, and the query that came with it.
///
/// The bytes start with `/` and are printable ASCII without space, `\`, `;`, `#`, `?`, empty inner
/// segments and dot segments. `%` occurs only as the start of an upper-case escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'b> {
    path: &'b [u8],
    query: Option<&'b [u8]>,
}

/// Why a request target has no canonical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PathError {
    /// There is no path at all (`CONNECT` over HTTP/2 has none).
    Empty,
    /// The target is `*`, as `OPTIONS` may have it: it names the server, not a resource.
    AsteriskForm,
    /// The target starts with `http://` or `https://`.
    AbsoluteForm,
    /// The target starts with something else than `/`.
    NoLeadingSlash,
    /// The path is longer than [`MAX_PATH_BYTES`].
    TooLong,
    /// A `%` is not followed by two hexadecimal digits.
    MalformedEscape,
    /// An escape for `%` is followed by two hexadecimal digits: what decodes twice would see an escape.
    DoubleEscape,
    /// `%2F`: one segment or two, depending on the reader.
    EncodedSlash,
    /// `\`: a slash to some readers.
    Backslash,
    /// `%5C`: a slash to some readers.
    EncodedBackslash,
    /// `%00`: the end of the path to some readers.
    EncodedNul,
    /// `#`: the end of the path to some readers.
    Fragment,
    /// `;` or `%3B`: the start of parameters to some readers.
    Semicolon,
    /// A segment is `.` or `..`, in any spelling.
    DotSegment,
    /// A control character or a raw space, in any spelling but `%20`.
    ControlByte,
    /// A byte outside ASCII, in any spelling.
    NonAscii,
}

/// Brings the request target `raw` (the `:path` pseudo-header) into canonical form.
///
/// Borrows from `raw` if it is canonical already, which is the common case, and from `out` otherwise.
///
/// # Errors
/// A [`PathError`] for every target that different readers may take for different resources.
pub fn canonicalize<'b>(raw: &'b [u8], out: &'b mut PathBuffer) -> Result<CanonicalPath<'b>, PathError> {
    let (path, query) = match raw.iter().position(|&byte| byte == b'?') {
        Some(at) => {
            let (path, rest) = raw.split_at_checked(at).unwrap_or((raw, &[]));
            (path, rest.get(1..))
        }
        None => (raw, None),
    };
    match path {
        [] => return Err(PathError::Empty),
        b"*" => return Err(PathError::AsteriskForm),
        [b'/', ..] => {}
        _ if is_absolute_form(path) => return Err(PathError::AbsoluteForm),
        _ => return Err(PathError::NoLeadingSlash),
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    for &byte in query.unwrap_or_default() {
        match byte {
            b'#' => return Err(PathError::Fragment),
            0..=b' ' | 0x7f => return Err(PathError::ControlByte),
            _ => {}
        }
    }
    if is_canonical(path)? {
        return Ok(CanonicalPath { path, query });
    }
    out.0.clear();
    respell(path, Beyond::Refused, &mut out.0)?;
    Ok(CanonicalPath { path: &out.0, query })
}

impl<'b> CanonicalPath<'b> {
    /// The canonical path, from the leading `/`, without the query.
    #[must_use]
    pub fn as_bytes(&self) -> &'b [u8] {
        self.path
    }

    /// The query, which is empty if there is no `?`. Its bytes are not canonical: compare decoded fields only.
    #[must_use]
    pub fn query(&self) -> Query<'b> {
        Query::new(self.query.unwrap_or_default())
    }

    /// The segments between slashes. `/` has one, empty; `/a/` has `a` and an empty one.
    pub fn segments(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.path.split(|&byte| byte == b'/').skip(1)
    }

    /// The segment with number `index`, counted from 0.
    #[must_use]
    pub fn segment(&self, index: usize) -> Option<&'b [u8]> {
        self.segments().nth(index)
    }
}

impl PathError {
    /// Every refusal, for tables and documents.
    pub const ALL: [Self; 16] = [
        Self::Empty,
        Self::AsteriskForm,
        Self::AbsoluteForm,
        Self::NoLeadingSlash,
        Self::TooLong,
        Self::MalformedEscape,
        Self::DoubleEscape,
        Self::EncodedSlash,
        Self::Backslash,
        Self::EncodedBackslash,
        Self::EncodedNul,
        Self::Fragment,
        Self::Semicolon,
        Self::DotSegment,
        Self::ControlByte,
        Self::NonAscii,
    ];

    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "path-empty",
            Self::AsteriskForm => "path-asterisk-form",
            Self::AbsoluteForm => "path-absolute-form",
            Self::NoLeadingSlash => "path-no-leading-slash",
            Self::TooLong => "path-too-long",
            Self::MalformedEscape => "path-malformed-escape",
            Self::DoubleEscape => "path-double-escape",
            Self::EncodedSlash => "path-encoded-slash",
            Self::Backslash => "path-backslash",
            Self::EncodedBackslash => "path-encoded-backslash",
            Self::EncodedNul => "path-encoded-nul",
            Self::Fragment => "path-fragment",
            Self::Semicolon => "path-semicolon",
            Self::DotSegment => "path-dot-segment",
            Self::ControlByte => "path-control-byte",
            Self::NonAscii => "path-non-ascii",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for PathError {}

impl PathBuffer {
    /// An empty buffer; it grows to the longest path it was used for, at most three times [`MAX_PATH_BYTES`].
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

/// Whether `path` is spelled canonically without any escape; an escape always takes the slow road.
fn is_canonical(path: &[u8]) -> Result<bool, PathError> {
    let mut previous = 0;
    let mut suspect = false;
    for &byte in path {
        match fate(byte) {
            Fate::Plain => suspect |= byte == b'.' && previous == b'/',
            Fate::Slash => suspect |= previous == b'/',
            Fate::Escape => return Ok(false),
            Fate::Refuse(error) => return Err(error),
        }
        previous = byte;
    }
    Ok(!suspect)
}

fn is_absolute_form(target: &[u8]) -> bool {
    [b"http://".as_slice(), b"https://"]
        .iter()
        .any(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}
