//! Fields of a query string, decoded as `application/x-www-form-urlencoded`.
//!
//! Readers disagree about repeated names (first, last, joined) and about `;` as a separator, so a
//! field that is asked for must occur once and a query with a raw `;` has no fields.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_QUERY_BYTES, MAX_QUERY_PAIRS};
use crate::spelling::unescape;

#[cfg(test)]
mod tests;

/// A query string as it came, without the `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    raw: &'a [u8],
}

/// One decoded `name=value`; a piece without `=` has an empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The decoded name: UTF-8 without control characters.
    pub name: Cow<'a, [u8]>,
    /// The decoded value: UTF-8 without control characters.
    pub value: Cow<'a, [u8]>,
}

/// Why a query, or a field of it, cannot be read in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QueryError {
    /// Longer than [`MAX_QUERY_BYTES`].
    TooLong,
    /// More than [`MAX_QUERY_PAIRS`] pairs.
    TooManyPairs,
    /// A raw `;`, which some readers take for `&`.
    Semicolon,
    /// A `%` is not followed by two hexadecimal digits.
    MalformedEscape,
    /// A name or value is not UTF-8 after decoding.
    NotUtf8,
    /// A name or value has a control character after decoding.
    ControlByte,
    /// The name that was asked for occurs more than once.
    Duplicate,
}

/// The iterator of [`Query::pairs`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: Option<&'a [u8]>,
    left: usize,
}

impl<'a> Query<'a> {
    /// Takes the bytes after the `?` of a request target.
    #[must_use]
    pub const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The bytes as they came.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The decoded pairs in order. After an error there is no further item.
    #[must_use]
    pub const fn pairs(&self) -> Pairs<'a> {
        Pairs { rest: Some(self.raw), left: MAX_QUERY_PAIRS }
    }

    /// The value of the one field with this decoded `name`, or `None` if there is none.
    ///
    /// # Errors
    /// [`QueryError::Duplicate`] if there are two, and any other [`QueryError`] if the query as a
    /// whole is unreadable: an unreadable piece might be the field.
    pub fn field(&self, name: &[u8]) -> Result<Option<Cow<'a, [u8]>>, QueryError> {
        let mut found = None;
        for pair in self.pairs() {
            let pair = pair?;
            if *pair.name == *name && found.replace(pair.value).is_some() {
                return Err(QueryError::Duplicate);
            }
        }
        Ok(found)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            if rest.len() > MAX_QUERY_BYTES {
                return self.fail(QueryError::TooLong);
            }
            let (piece, after) = split_once(rest, b'&');
            self.rest = after;
            if piece.is_empty() {
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else {
                return self.fail(QueryError::TooManyPairs);
            };
            self.left = left;
            let (name, value) = split_once(piece, b'=');
            return match (decode(name), decode(value.unwrap_or_default())) {
                (Ok(name), Ok(value)) => Some(Ok(Pair { name, value })),
                (Err(error), _) | (_, Err(error)) => self.fail(error),
            };
        }
    }
}

impl<'a> Pairs<'a> {
    fn fail(&mut self, error: QueryError) -> Option<Result<Pair<'a>, QueryError>> {
        self.rest = None;
        Some(Err(error))
    }
}

impl QueryError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "query-too-long",
            Self::TooManyPairs => "query-too-many-pairs",
            Self::Semicolon => "query-semicolon",
            Self::MalformedEscape => "query-malformed-escape",
            Self::NotUtf8 => "query-not-utf8",
            Self::ControlByte => "query-control-byte",
            Self::Duplicate => "query-duplicate",
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for QueryError {}

fn split_once(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = bytes.splitn(2, |&byte| byte == separator);
    (parts.next().unwrap_or_default(), parts.next())
}

fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, QueryError> {
    let plain = !raw.iter().any(|byte| matches!(byte, b'%' | b'+'));
    let decoded = if plain { Cow::Borrowed(raw) } else { Cow::Owned(unescape_all(raw)?) };
    if raw.contains(&b';') {
        return Err(QueryError::Semicolon);
    }
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(QueryError::ControlByte);
    }
    match core::str::from_utf8(&decoded) {
        Ok(_) => Ok(decoded),
        Err(_) => Err(QueryError::NotUtf8),
    }
}

fn unescape_all(raw: &[u8]) -> Result<Vec<u8>, QueryError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => unescape(rest.next(), rest.next()).map_err(|_| QueryError::MalformedEscape)?,
            _ => byte,
        });
    }
    Ok(decoded)
}
