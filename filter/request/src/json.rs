//! A strict JSON scanner that takes its input in pieces.
//!
//! [`Scanner::push`] takes the next bytes, wherever they were cut, and calls a [`Sink`] for what they
//! say. It does not recurse, allocates nothing and keeps a few words of state. It accepts RFC 8259 and
//! nothing else: UTF-8 only, no byte order mark, no lone surrogates, nothing after the value, at most
//! [`MAX_DEPTH`] levels. What it refuses although common parsers accept it is listed in `REFUSALS.md`.

use core::fmt;

use crate::limits::MAX_DEPTH;

mod number;
mod string;
#[cfg(test)]
pub(crate) mod tests;

pub use number::{Number, OutOfRange};

use number::NumberScanner;
use string::{StringScanner, StringStep};

/// What a [`Scanner`] reports to.
///
/// An error ends the scan and is reported with the offset of the byte that completed the item.
pub trait Sink {
    /// `{`
    fn begin_object(&mut self) -> Result<(), JsonErrorKind>;
    /// `}`
    fn end_object(&mut self) -> Result<(), JsonErrorKind>;
    /// `[`
    fn begin_array(&mut self) -> Result<(), JsonErrorKind>;
    /// `]`
    fn end_array(&mut self) -> Result<(), JsonErrorKind>;
    /// The next decoded bytes of a key or of a string value. A part may end inside a character.
    fn text(&mut self, part: &[u8], is_key: bool) -> Result<(), JsonErrorKind>;
    /// The end of a key or of a string value, which may have had no parts.
    fn end_text(&mut self, is_key: bool) -> Result<(), JsonErrorKind>;
    /// A number.
    fn number(&mut self, number: Result<Number, OutOfRange>) -> Result<(), JsonErrorKind>;
    /// `null`, `true` or `false`.
    fn literal(&mut self, literal: Literal) -> Result<(), JsonErrorKind>;
}

/// The number that a text is, if it is one that [`Number`] can hold.
pub(crate) fn number(text: &[u8]) -> Option<Number> {
    let mut scanner = match text.split_first()? {
        (first @ (b'-' | b'0'..=b'9'), _) => NumberScanner::new(*first),
        _ => return None,
    };
    let rest = text.get(1..).unwrap_or_default();
    if !rest.is_empty() && scanner.step(rest) != Some(&[]) {
        return None;
    }
    scanner.value()?.ok()
}

/// A value that is a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
}

/// Why a text is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    kind: JsonErrorKind,
    offset: usize,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// There is nothing, or only whitespace.
    Empty,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A byte that cannot stand here.
    UnexpectedByte,
    /// The text starts with a byte order mark.
    ByteOrderMark,
    /// Something follows the value.
    TrailingData,
    /// A string is not UTF-8.
    InvalidUtf8,
    /// A raw control character in a string.
    ControlCharacter,
    /// A `\` is followed by something that is no escape.
    MalformedEscape,
    /// Half of a UTF-16 surrogate pair.
    LoneSurrogate,
    /// A number that breaks the grammar, such as `1.`, `+1` or `.5`.
    MalformedNumber,
    /// More than [`MAX_DEPTH`] levels.
    TooDeep,
    /// A selected key occurs twice in an object.
    DuplicateKey,
    /// A key differs from a selected key, but some readers take them for the same.
    LookAlikeKey,
    /// A NUL in a selected string, or in a key beside selected keys.
    NulCharacter,
    /// A batch of more than [`MAX_BATCH`](crate::limits::MAX_BATCH) messages.
    BatchTooLong,
}

/// The state between two pieces of a JSON text.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    /// One bit for each open container, the innermost lowest: 1 is an object.
    objects: u64,
    depth: u32,
    offset: usize,
    failed: Option<JsonError>,
}

#[derive(Debug)]
enum State {
    /// Before any byte.
    Start,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Text(StringScanner, bool),
    Number(NumberScanner),
    Literal(&'static [u8], Literal),
    Done,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Start, objects: 0, depth: 0, offset: 0, failed: None }
    }

    /// How many bytes were pushed.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the scan has ended with an error.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether the value is complete, so that only whitespace may follow. (A number alone never is.)
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// The first reason to refuse the text. Every later call repeats it.
    pub fn push<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.step(rest, sink) {
                Ok(after) => rest = after,
                Err((kind, at)) => {
                    let consumed = bytes.len().saturating_sub(at.len());
                    return Err(self.fail(kind, self.offset.saturating_add(consumed)));
                }
            }
        }
        self.offset = self.offset.saturating_add(bytes.len());
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// The error of an earlier [`push`](Self::push), or that the value is not complete.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let State::Number(number) = &self.state
            && self.depth == 0
            && let Some(value) = number.value()
        {
            self.state = State::Done;
            if let Err(kind) = sink.number(value) {
                return Err(self.fail(kind, self.offset));
            }
        }
        match self.state {
            State::Done => Ok(()),
            State::Start => Err(self.fail(JsonErrorKind::Empty, self.offset)),
            _ => Err(self.fail(JsonErrorKind::UnexpectedEnd, self.offset)),
        }
    }

    fn fail(&mut self, kind: JsonErrorKind, offset: usize) -> JsonError {
        let error = JsonError { kind, offset };
        self.failed = Some(error);
        error
    }

    /// Takes at least one byte of `bytes`, which is not empty, or changes state; gives back the rest.
    /// An error comes with the bytes from the one at fault.
    fn step<'b, S: Sink>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut S,
    ) -> Result<&'b [u8], (JsonErrorKind, &'b [u8])> {
        match &mut self.state {
            State::Text(scanner, is_key) => {
                let is_key = *is_key;
                match scanner.step(bytes)? {
                    StringStep::Part(part, rest) => {
                        sink.text(part, is_key).map_err(|kind| (kind, rest))?;
                        Ok(rest)
                    }
                    StringStep::Character(character, rest) => {
                        let mut buffer = [0; 4];
                        let part = character.encode_utf8(&mut buffer).as_bytes();
                        sink.text(part, is_key).map_err(|kind| (kind, bytes))?;
                        Ok(rest)
                    }
                    StringStep::More(rest) => Ok(rest),
                    StringStep::End(rest) => {
                        sink.end_text(is_key).map_err(|kind| (kind, bytes))?;
                        self.end_text(is_key);
                        Ok(rest)
                    }
                }
            }
            State::Number(scanner) => {
                let Some(rest) = scanner.step(bytes) else {
                    let value = scanner.value().ok_or((JsonErrorKind::MalformedNumber, bytes))?;
                    sink.number(value).map_err(|kind| (kind, bytes))?;
                    self.end_value();
                    return Ok(bytes);
                };
                Ok(rest)
            }
            State::Literal(expected, literal) => {
                let (Some((want, expected_rest)), Some((byte, rest))) =
                    (expected.split_first(), bytes.split_first())
                else {
                    return Err((JsonErrorKind::UnexpectedByte, bytes));
                };
                if want != byte {
                    return Err((JsonErrorKind::UnexpectedByte, bytes));
                }
                *expected = expected_rest;
                if expected_rest.is_empty() {
                    sink.literal(*literal).map_err(|kind| (kind, bytes))?;
                    self.end_value();
                }
                Ok(rest)
            }
            _ => self.structures(bytes, sink),
        }
    }

    /// Takes bytes up to the first inside a scalar. Strings that end in `bytes` and have no escapes, which are
    /// most, are taken here too.
    fn structures<'b, S: Sink>(
        &mut self,
        bytes: &'b [u8],
        sink: &mut S,
    ) -> Result<&'b [u8], (JsonErrorKind, &'b [u8])> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            let is_key = matches!(self.state, State::Key | State::KeyOrEnd);
            let is_value = matches!(self.state, State::Start | State::Value | State::ValueOrEnd);
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => rest = after,
                b'"' if is_key || is_value => {
                    let (part, end) = string::split_plain(after);
                    let Some((b'"', after_end)) = end.split_first() else {
                        self.state = State::Text(StringScanner::new(), is_key);
                        return Ok(after);
                    };
                    if !part.is_empty() {
                        sink.text(part, is_key).map_err(|kind| (kind, end))?;
                    }
                    sink.end_text(is_key).map_err(|kind| (kind, end))?;
                    self.end_text(is_key);
                    rest = after_end;
                }
                _ => {
                    self.structure(byte, sink).map_err(|kind| (kind, rest))?;
                    rest = after;
                    if let State::Number(_) | State::Literal(..) = self.state {
                        return Ok(rest);
                    }
                }
            }
        }
        Ok(rest)
    }

    fn end_text(&mut self, is_key: bool) {
        if is_key {
            self.state = State::Colon;
        } else {
            self.end_value();
        }
    }

    /// Takes a byte that is neither whitespace nor inside a scalar nor the start of a string.
    fn structure<S: Sink>(&mut self, byte: u8, sink: &mut S) -> Result<(), JsonErrorKind> {
        match (&self.state, byte) {
            (State::Start, 0xef) => Err(JsonErrorKind::ByteOrderMark),
            (State::Done, _) => Err(JsonErrorKind::TrailingData),
            (State::ValueOrEnd, b']') | (State::CommaOrEnd, b']') if !self.in_object() => {
                self.close();
                sink.end_array()
            }
            (State::KeyOrEnd, b'}') | (State::CommaOrEnd, b'}') if self.in_object() => {
                self.close();
                sink.end_object()
            }
            (State::CommaOrEnd, b',') => {
                self.state = if self.in_object() { State::Key } else { State::Value };
                Ok(())
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(())
            }
            (State::Start | State::Value | State::ValueOrEnd, _) => self.begin_value(byte, sink),
            _ => Err(JsonErrorKind::UnexpectedByte),
        }
    }

    fn begin_value<S: Sink>(&mut self, byte: u8, sink: &mut S) -> Result<(), JsonErrorKind> {
        self.state = match byte {
            b'{' => {
                self.open(true)?;
                sink.begin_object()?;
                State::KeyOrEnd
            }
            b'[' => {
                self.open(false)?;
                sink.begin_array()?;
                State::ValueOrEnd
            }
            b't' => State::Literal(b"rue", Literal::Bool(true)),
            b'f' => State::Literal(b"alse", Literal::Bool(false)),
            b'n' => State::Literal(b"ull", Literal::Null),
            b'-' | b'0'..=b'9' => State::Number(NumberScanner::new(byte)),
            b'+' | b'.' => return Err(JsonErrorKind::MalformedNumber),
            _ => return Err(JsonErrorKind::UnexpectedByte),
        };
        Ok(())
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, is_object: bool) -> Result<(), JsonErrorKind> {
        if self.depth >= MAX_DEPTH {
            return Err(JsonErrorKind::TooDeep);
        }
        self.depth = self.depth.saturating_add(1);
        self.objects = (self.objects << 1) | u64::from(is_object);
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.end_value();
    }

    fn end_value(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::CommaOrEnd };
    }
}

impl JsonError {
    pub(crate) const fn new(kind: JsonErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// Why the text is refused.
    #[must_use]
    pub const fn kind(&self) -> JsonErrorKind {
        self.kind
    }

    /// The offset of the byte at fault, in bytes from the start of the text; of what only a selection refuses, where
    /// the piece with it ends.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl JsonErrorKind {
    /// Every refusal, for tables and documents.
    pub const ALL: [Self; 15] = [
        Self::Empty,
        Self::UnexpectedEnd,
        Self::UnexpectedByte,
        Self::ByteOrderMark,
        Self::TrailingData,
        Self::InvalidUtf8,
        Self::ControlCharacter,
        Self::MalformedEscape,
        Self::LoneSurrogate,
        Self::MalformedNumber,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::LookAlikeKey,
        Self::NulCharacter,
        Self::BatchTooLong,
    ];

    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "json-empty",
            Self::UnexpectedEnd => "json-unexpected-end",
            Self::UnexpectedByte => "json-unexpected-byte",
            Self::ByteOrderMark => "json-byte-order-mark",
            Self::TrailingData => "json-trailing-data",
            Self::InvalidUtf8 => "json-invalid-utf8",
            Self::ControlCharacter => "json-control-character",
            Self::MalformedEscape => "json-malformed-escape",
            Self::LoneSurrogate => "json-lone-surrogate",
            Self::MalformedNumber => "json-malformed-number",
            Self::TooDeep => "json-too-deep",
            Self::DuplicateKey => "json-duplicate-key",
            Self::LookAlikeKey => "json-look-alike-key",
            Self::NulCharacter => "json-nul-character",
            Self::BatchTooLong => "json-batch-too-long",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind.word(), self.offset)
    }
}

impl core::error::Error for JsonError {}
