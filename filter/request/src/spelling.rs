//! One spelling for text that may be percent-encoded and is read in segments between slashes.

use alloc::vec::Vec;

use crate::path::PathError;

/// What becomes of a character.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// Is spelled as itself.
    Plain,
    /// Is spelled as an escape.
    Escape,
    /// Ends a segment if raw.
    Slash,
    Refuse(PathError),
}

/// What becomes of bytes outside ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Refused,
    /// Spelled as escapes. That they are UTF-8 is left to the caller.
    Escaped,
}

/// Appends the one spelling of `text` to `out`: harmless escapes decoded, all others in upper case,
/// runs of slashes collapsed.
pub(crate) fn respell(text: &[u8], beyond: Beyond, out: &mut Vec<u8>) -> Result<(), PathError> {
    let first = out.len();
    let mut segment = first;
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        let (byte, escaped) = match byte {
            b'%' => (unescape(rest.next(), rest.next())?, true),
            _ => (byte, false),
        };
        match fate(byte) {
            Fate::Slash if escaped => return Err(PathError::EncodedSlash),
            Fate::Slash => {
                refuse_dots(out.get(segment..))?;
                if segment == first || out.len() > segment {
                    out.push(b'/');
                    segment = out.len();
                }
            }
            Fate::Plain => {
                if let [.., b'%', b'2', b'5', digit] = out.as_slice()
                    && digit.is_ascii_hexdigit()
                    && byte.is_ascii_hexdigit()
                {
                    return Err(PathError::DoubleEscape);
                }
                out.push(byte);
            }
            Fate::Escape if byte == b' ' && !escaped => return Err(PathError::ControlByte),
            Fate::Escape if byte == b'#' && !escaped => return Err(PathError::Fragment),
            Fate::Refuse(PathError::NonAscii) if beyond == Beyond::Escaped => out.extend(escape(byte)),
            Fate::Escape => out.extend(escape(byte)),
            Fate::Refuse(PathError::Backslash) if escaped => return Err(PathError::EncodedBackslash),
            Fate::Refuse(_) if escaped && byte == 0 => return Err(PathError::EncodedNul),
            Fate::Refuse(error) => return Err(error),
        }
    }
    refuse_dots(out.get(segment..))
}

pub(crate) const fn fate(byte: u8) -> Fate {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Fate::Plain,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => Fate::Plain,
        b'/' => Fate::Slash,
        b';' => Fate::Refuse(PathError::Semicolon),
        b'\\' => Fate::Refuse(PathError::Backslash),
        0..=0x1f | 0x7f => Fate::Refuse(PathError::ControlByte),
        0x80..=0xff => Fate::Refuse(PathError::NonAscii),
        _ => Fate::Escape,
    }
}

/// The byte that an escape stands for, from the two characters after its `%`.
pub(crate) fn unescape(high: Option<&u8>, low: Option<&u8>) -> Result<u8, PathError> {
    match (high.and_then(hex_value), low.and_then(hex_value)) {
        (Some(high), Some(low)) => Ok((high << 4) | low),
        _ => Err(PathError::MalformedEscape),
    }
}

pub(crate) fn hex_value(digit: &u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

pub(crate) fn escape(byte: u8) -> [u8; 3] {
    let digit = |value: u8| if value < 10 { value.wrapping_add(b'0') } else { value.wrapping_add(b'A' - 10) };
    [b'%', digit(byte >> 4), digit(byte & 0xf)]
}

fn refuse_dots(segment: Option<&[u8]>) -> Result<(), PathError> {
    match segment {
        Some(b"." | b"..") => Err(PathError::DotSegment),
        _ => Ok(()),
    }
}
