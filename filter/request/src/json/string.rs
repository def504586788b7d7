//! The inside of a JSON string: escapes, UTF-8, and the closing quote, in pieces.

use super::JsonErrorKind;
use crate::spelling::hex_value;

/// The state inside a string, after its opening quote.
#[derive(Debug)]
pub(super) struct StringScanner {
    state: State,
}

/// What the next bytes of a string are; each with the bytes after it.
pub(super) enum StringStep<'b> {
    /// Bytes that stand for themselves.
    Part(&'b [u8], &'b [u8]),
    /// A character that was escaped.
    Character(char, &'b [u8]),
    /// A piece of an escape.
    More(&'b [u8]),
    /// The closing quote.
    End(&'b [u8]),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Plain,
    /// Inside a character: this many bytes to come, the next of them in this range.
    Utf8 {
        need: u8,
        low: u8,
        high: u8,
    },
    /// After `\`.
    Escape,
    /// After `\u` and up to three digits; the surrogate that came before, or 0.
    Hex {
        digits: u8,
        value: u16,
        lead: u16,
    },
    /// After a leading surrogate, before `\`.
    TrailBackslash(u16),
    /// After a leading surrogate and `\`, before `u`.
    TrailU(u16),
}

impl StringScanner {
    pub(super) const fn new() -> Self {
        Self { state: State::Plain }
    }

    /// Takes at least one byte of `bytes`, which is not empty.
    pub(super) fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<StringStep<'b>, (JsonErrorKind, &'b [u8])> {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Ok(StringStep::More(bytes));
        };
        match self.state {
            State::Plain => match byte {
                b'"' => Ok(StringStep::End(rest)),
                b'\\' => {
                    self.state = State::Escape;
                    Ok(StringStep::More(rest))
                }
                _ => self.run(bytes),
            },
            State::Utf8 { .. } => self.run(bytes),
            State::Escape => {
                self.state = State::Plain;
                let character = match byte {
                    b'"' | b'\\' | b'/' => char::from(byte),
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    b'u' => {
                        self.state = State::Hex { digits: 0, value: 0, lead: 0 };
                        return Ok(StringStep::More(rest));
                    }
                    _ => return Err((JsonErrorKind::MalformedEscape, bytes)),
                };
                Ok(StringStep::Character(character, rest))
            }
            State::Hex { digits, value, lead } => {
                let digit = hex_value(&byte).ok_or((JsonErrorKind::MalformedEscape, bytes))?;
                let value = (value << 4) | u16::from(digit);
                if digits < 3 {
                    self.state = State::Hex { digits: digits.saturating_add(1), value, lead };
                    return Ok(StringStep::More(rest));
                }
                self.unit(lead, value, rest).ok_or((JsonErrorKind::LoneSurrogate, bytes))
            }
            State::TrailBackslash(lead) if byte == b'\\' => {
                self.state = State::TrailU(lead);
                Ok(StringStep::More(rest))
            }
            State::TrailU(lead) if byte == b'u' => {
                self.state = State::Hex { digits: 0, value: 0, lead };
                Ok(StringStep::More(rest))
            }
            State::TrailBackslash(_) | State::TrailU(_) => Err((JsonErrorKind::LoneSurrogate, bytes)),
        }
    }

    /// Takes the UTF-16 code unit `value`, which follows the leading surrogate `lead` if that is not 0.
    fn unit<'b>(&mut self, lead: u16, value: u16, rest: &'b [u8]) -> Option<StringStep<'b>> {
        self.state = State::Plain;
        let is_lead = matches!(value, 0xd800..=0xdbff);
        if lead == 0 && is_lead {
            self.state = State::TrailBackslash(value);
            return Some(StringStep::More(rest));
        }
        // The first character takes both units only if they are a pair, and is an error if it is half of one.
        let units = if lead == 0 { [value, 0] } else { [lead, value] };
        let character = char::decode_utf16(units).next()?.ok()?;
        Some(StringStep::Character(character, rest))
    }

    /// Takes bytes that stand for themselves, up to a quote, a `\`, or the end.
    fn run<'b>(&mut self, bytes: &'b [u8]) -> Result<StringStep<'b>, (JsonErrorKind, &'b [u8])> {
        let mut rest = bytes;
        loop {
            if let State::Plain = self.state {
                rest = split_plain(rest).1;
            }
            let Some((&byte, after)) = rest.split_first() else {
                return Ok(StringStep::Part(bytes, rest));
            };
            self.state = match self.state {
                State::Utf8 { need, low, high } if (low..=high).contains(&byte) => {
                    if need > 1 {
                        State::Utf8 { need: need.saturating_sub(1), low: 0x80, high: 0xbf }
                    } else {
                        State::Plain
                    }
                }
                State::Utf8 { .. } => return Err((JsonErrorKind::InvalidUtf8, rest)),
                _ => match byte {
                    b'"' | b'\\' => {
                        let length = bytes.len().saturating_sub(rest.len());
                        return Ok(StringStep::Part(bytes.get(..length).unwrap_or_default(), rest));
                    }
                    0..=0x1f => return Err((JsonErrorKind::ControlCharacter, rest)),
                    _ => lead_byte(byte).ok_or((JsonErrorKind::InvalidUtf8, rest))?,
                },
            };
            rest = after;
        }
    }
}

/// The state after the first byte of a character outside ASCII (Unicode table 3-7).
const fn lead_byte(byte: u8) -> Option<State> {
    let (need, low, high) = match byte {
        0xc2..=0xdf => (1, 0x80, 0xbf),
        0xe0 => (2, 0xa0, 0xbf),
        0xed => (2, 0x80, 0x9f),
        0xe1..=0xef => (2, 0x80, 0xbf),
        0xf0 => (3, 0x90, 0xbf),
        0xf1..=0xf3 => (3, 0x80, 0xbf),
        0xf4 => (3, 0x80, 0x8f),
        _ => return None,
    };
    Some(State::Utf8 { need, low, high })
}

/// Cuts `bytes` before the first that is outside ASCII, a control character below U+0020, a quote or `\`.
pub(super) fn split_plain(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at_checked(plain_length(bytes)).unwrap_or((&[], bytes))
}

/// How many bytes at the start of `bytes` are from U+0020 to U+007F and neither a quote nor `\`.
///
/// Most of a long string is such bytes, so thirty-two are asked about at once, and only where one of them is out,
/// which of them it is.
fn plain_length(bytes: &[u8]) -> usize {
    let mut length: usize = 0;
    let (blocks, _) = bytes.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        if words.iter().fold(0, |out, word| out | out_of_plain(*word)) != 0 {
            break;
        }
        length = length.saturating_add(block.len());
    }
    let (words, tail) = bytes.get(length..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let out = out_of_plain(*word);
        if out != 0 {
            return length.saturating_add(usize::try_from(out.trailing_zeros() >> 3).unwrap_or(0));
        }
        length = length.saturating_add(word.len());
    }
    let plain = |byte: &u8| matches!(byte, 0x20..=0x7f) && *byte != b'"' && *byte != b'\\';
    length.saturating_add(tail.iter().take_while(|byte| plain(byte)).count())
}

/// The high bits of the bytes that are not plain; 0 if all are.
///
/// A byte is out if its high bit is set, or if taking away 0x20, or 1 after the quote or the `\` was made 0, borrows
/// into that bit. A borrow also reaches the byte above, so only the lowest bit counts, and that one is always right.
#[inline]
const fn out_of_plain(word: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(word);
    let control = word.wrapping_sub(ONES.wrapping_mul(0x20));
    let quote = (word ^ ONES.wrapping_mul(0x22)).wrapping_sub(ONES);
    let backslash = (word ^ ONES.wrapping_mul(0x5c)).wrapping_sub(ONES);
    (word | control | quote | backslash) & ONES.wrapping_mul(0x80)
}
