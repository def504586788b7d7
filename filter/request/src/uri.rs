//! The one spelling of a resource URI that policy compares.
//!
//! An MCP resource is named by a URI, and servers read it with parsers that resolve dot segments,
//! decode escapes and fold the case of hosts. As with [paths](crate::path), a URI that means different
//! things to different parsers has no canonical spelling and is refused.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::MAX_NAME_BYTES;
use crate::path::PathError;
use crate::spelling::{Beyond, escape, respell, unescape};

#[cfg(test)]
mod tests;

/// Why a URI has no canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum UriError {
    /// Longer than [`MAX_NAME_BYTES`], or would be in canonical spelling.
    TooLong,
    /// Does not start with a scheme and a colon.
    NoScheme,
    /// The part after `//` has user information, an odd port, or characters that no host has; or it is
    /// missing where the scheme (`http`, `https`, `ws`, `wss`, `ftp`) needs it or there where it must be
    /// empty (`file`).
    Authority,
    /// The rest is refused for a reason that paths are refused for.
    Path(PathError),
    /// The rest is not UTF-8 after decoding.
    NotUtf8,
}

/// Appends the canonical spelling of `raw` to `out`.
///
/// Lower-case scheme; lower-case host and no default port where the scheme has hosts; escapes as in
/// paths, characters outside ASCII as escapes; the query keeps its structure, with upper-case escapes.
///
/// # Errors
/// A [`UriError`]; what was appended until then is of no use.
pub fn canonicalize_uri(raw: &[u8], out: &mut Vec<u8>) -> Result<(), UriError> {
    let start = out.len();
    if raw.len() > MAX_NAME_BYTES {
        return Err(UriError::TooLong);
    }
    let (scheme, rest) = split_at_byte(raw, |byte| byte == b':');
    let rest = rest.strip_prefix(b":").ok_or(UriError::NoScheme)?;
    let tail_is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(tail_is_fine) {
        return Err(UriError::NoScheme);
    }
    out.extend(scheme.iter().map(u8::to_ascii_lowercase));
    let kind = Scheme::of(out.get(start..).unwrap_or_default());
    out.push(b':');

    let (path, query) = match rest.strip_prefix(b"//") {
        Some(rest) => {
            let (authority, rest) = split_at_byte(rest, |byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'));
            out.extend_from_slice(b"//");
            kind.write_authority(authority, out)?;
            split_at_byte(rest, |byte| byte == b'?')
        }
        None if kind == Scheme::Opaque => split_at_byte(rest, |byte| byte == b'?'),
        None => return Err(UriError::Authority),
    };
    match path {
        b"" if kind != Scheme::Opaque => out.push(b'/'),
        _ => respell(path, Beyond::Escaped, out).map_err(UriError::Path)?,
    }
    respell_query(query, out).map_err(UriError::Path)?;
    let written = out.get(start..).unwrap_or_default();
    if written.len() > MAX_NAME_BYTES {
        return Err(UriError::TooLong);
    }
    if is_utf8(written) { Ok(()) } else { Err(UriError::NotUtf8) }
}

/// What a scheme demands of its authority.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// A host, and this port if there is none.
    Host(&'static [u8]),
    /// Nothing between `//` and the path.
    File,
    /// Nothing is known about it.
    Opaque,
}

impl Scheme {
    fn of(scheme: &[u8]) -> Self {
        match scheme {
            b"http" | b"ws" => Self::Host(b"80"),
            b"https" | b"wss" => Self::Host(b"443"),
            b"ftp" => Self::Host(b"21"),
            b"file" => Self::File,
            _ => Self::Opaque,
        }
    }

    fn write_authority(self, authority: &[u8], out: &mut Vec<u8>) -> Result<(), UriError> {
        match self {
            Self::File if authority.is_empty() => Ok(()),
            Self::File => Err(UriError::Authority),
            Self::Opaque if authority.contains(&b'@') => Err(UriError::Authority),
            Self::Opaque => respell(authority, Beyond::Escaped, out).map_err(UriError::Path),
            Self::Host(default_port) => {
                let (host, port) = split_at_byte(authority, |byte| byte == b':');
                let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
                if host.is_empty() || host.ends_with(b".") || !host.iter().all(is_host) {
                    return Err(UriError::Authority);
                }
                out.extend(host.iter().map(u8::to_ascii_lowercase));
                match port {
                    b"" => Ok(()),
                    [b':', port @ ..] if *port == *default_port => Ok(()),
                    [b':', b'1'..=b'9', rest @ ..]
                        if rest.len() < 5 && rest.iter().all(u8::is_ascii_digit) =>
                    {
                        out.extend_from_slice(port);
                        Ok(())
                    }
                    _ => Err(UriError::Authority),
                }
            }
        }
    }
}

/// Appends a query with its `?`: unreserved characters decoded, all other escapes in upper case.
fn respell_query(query: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = query.iter();
    while let Some(&byte) = rest.next() {
        let (byte, escaped) = match byte {
            b'%' => (unescape(rest.next(), rest.next())?, true),
            _ => (byte, false),
        };
        match byte {
            0 if escaped => return Err(PathError::EncodedNul),
            0..=0x1f | 0x7f => return Err(PathError::ControlByte),
            b' ' if !escaped => return Err(PathError::ControlByte),
            b'#' if !escaped => return Err(PathError::Fragment),
            b'\\' if !escaped => return Err(PathError::Backslash),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => out.extend(escape(byte)),
            _ if escaped => out.extend(escape(byte)),
            _ => out.push(byte),
        }
    }
    Ok(())
}

/// Whether `text`, which has well-formed escapes only, is UTF-8 after decoding.
fn is_utf8(text: &[u8]) -> bool {
    let mut decoded = Vec::new();
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        decoded.push(if byte == b'%' { unescape(rest.next(), rest.next()).unwrap_or(0xff) } else { byte });
    }
    core::str::from_utf8(&decoded).is_ok()
}

fn split_at_byte(text: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&byte| is_end(byte)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, &[]))
}

impl UriError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "uri-too-long",
            Self::NoScheme => "uri-no-scheme",
            Self::Authority => "uri-authority",
            Self::Path(error) => error.word(),
            Self::NotUtf8 => "uri-not-utf8",
        }
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for UriError {}
