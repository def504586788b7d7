//! Where a call is for: the host and the port of an authority, of a server name, or of a URL.
//!
//! What policy compares is a name in one spelling, or an address. A resolver takes more for an address than policy
//! could compare (`2130706433`, `0x7f.1`, `127.1`, `0177.0.0.1` all are `127.0.0.1` to `inet_aton`), and a URL parser more
//! for a host than a proxy would; whatever two of them could read differently is refused.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_ADDRESS_BYTES, MAX_HOST_BYTES, MAX_LABEL_BYTES, MAX_URL_BYTES};

#[cfg(test)]
mod tests;

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name: lower case, without a trailing dot, of labels of ASCII letters, digits, `-` and `_`. Its last label is no
    /// number, so no resolver takes it for an address.
    Name(Vec<u8>),
    /// An address: four decimal numbers, or what stood between brackets. Of the latter it is known that it has no other
    /// characters than an IPv6 address, and that it has a colon; who compares it finds out whether it is one.
    Address(&'a [u8]),
}

/// A host with its port, as `:authority` and `Host` have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port, if there is one. Never 0.
    pub port: Option<u16>,
}

/// An absolute `http` or `https` URL, as far as it says where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port; that of the scheme if the URL has none.
    pub port: u16,
    /// The path with its query, as it stands there; empty if there is none.
    pub target: &'a [u8],
}

/// Why a destination cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DestinationError {
    /// There is none.
    Empty,
    /// A name of more than [`MAX_HOST_BYTES`], a label of more than [`MAX_LABEL_BYTES`], or a URL of more than
    /// [`MAX_URL_BYTES`].
    TooLong,
    /// A character that no host has: user information, an escape, a control character, anything beyond ASCII (a name in
    /// another script is to come as its A-labels, `xn--…`).
    Character,
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// It ends in a number, so a resolver takes it for an address, but it is not four decimal numbers of one spelling.
    AddressForm,
    /// Brackets that do not stand round an IPv6 address.
    Brackets,
    /// What follows the host is no port: a decimal number from 1 to 65535, without leading zeros.
    Port,
    /// An address where only a name may be.
    AddressAsName,
    /// Not `http://` or `https://`.
    Scheme,
}

impl<'a> Authority<'a> {
    /// Reads an authority.
    ///
    /// # Errors
    /// A [`DestinationError`] naming the first rule it breaks.
    pub fn parse(text: &'a [u8]) -> Result<Self, DestinationError> {
        let (host, rest) = match text {
            [b'[', inner @ ..] => {
                let (address, rest) = split_before(inner, b"]");
                let rest = rest.strip_prefix(b"]").ok_or(DestinationError::Brackets)?;
                (Host::in_brackets(address)?, rest)
            }
            _ => {
                let (host, rest) = split_before(text, b":");
                (Host::parse(host)?, rest)
            }
        };
        let port = match rest {
            b"" => None,
            [b':', port @ ..] => Some(parse_port(port)?),
            _ => return Err(DestinationError::Brackets),
        };
        Ok(Self { host, port })
    }
}

impl<'a> Host<'a> {
    /// Reads the name that a TLS client asks for, which is never an address (RFC 6066, section 3).
    ///
    /// # Errors
    /// A [`DestinationError`] naming the first rule it breaks.
    pub fn of_server_name(text: &'a [u8]) -> Result<Self, DestinationError> {
        match Self::parse(text)? {
            name @ Self::Name(_) => Ok(name),
            Self::Address(_) => Err(DestinationError::AddressAsName),
        }
    }

    /// The name, if it is one.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }

    fn parse(text: &'a [u8]) -> Result<Self, DestinationError> {
        if text.is_empty() {
            return Err(DestinationError::Empty);
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !text.iter().all(is_name) {
            return Err(DestinationError::Character);
        }
        // A name that is known to be complete ends in a dot.
        let name = text.strip_suffix(b".").unwrap_or(text);
        if name.len() > MAX_HOST_BYTES {
            return Err(DestinationError::TooLong);
        }
        let mut last = name;
        for label in name.split(|byte| *byte == b'.') {
            match label.len() {
                0 => return Err(DestinationError::EmptyLabel),
                1..=MAX_LABEL_BYTES => last = label,
                _ => return Err(DestinationError::TooLong),
            }
        }
        if !is_number(last) {
            Ok(Self::Name(name.to_ascii_lowercase()))
        } else if is_dotted_quad(text) {
            Ok(Self::Address(text))
        } else {
            Err(DestinationError::AddressForm)
        }
    }

    fn in_brackets(text: &'a [u8]) -> Result<Self, DestinationError> {
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        if text.len() <= MAX_ADDRESS_BYTES && text.contains(&b':') && text.iter().all(is_part) {
            Ok(Self::Address(text))
        } else {
            Err(DestinationError::Brackets)
        }
    }
}

impl<'a> Url<'a> {
    /// Reads a URL. One that parsers cut differently is refused: with a backslash, with a fragment, with white space, with
    /// anything beyond ASCII, or without its two slashes.
    ///
    /// # Errors
    /// A [`DestinationError`] naming the first rule it breaks.
    pub fn parse(text: &'a [u8]) -> Result<Self, DestinationError> {
        if text.len() > MAX_URL_BYTES {
            return Err(DestinationError::TooLong);
        }
        let (scheme, rest) = split_before(text, b":");
        let port = match scheme.to_ascii_lowercase().as_slice() {
            b"https" => 443,
            b"http" => 80,
            _ => return Err(DestinationError::Scheme),
        };
        let rest = rest.strip_prefix(b"://").ok_or(DestinationError::Scheme)?;
        if !rest.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#')) {
            return Err(DestinationError::Character);
        }
        let (authority, target) = split_before(rest, b"/?");
        let Authority { host, port: stated } = Authority::parse(authority)?;
        Ok(Self { host, port: stated.unwrap_or(port), target })
    }
}

/// Whether a resolver takes a name with this last label for an address.
fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => label.iter().all(u8::is_ascii_digit),
    }
}

/// Four numbers up to 255, in decimal, without leading zeros.
fn is_dotted_quad(text: &[u8]) -> bool {
    let mut count = 0_u8;
    for number in text.split(|byte| *byte == b'.') {
        let has_one_spelling = number.len() <= 3 && (number.len() == 1 || number.first() != Some(&b'0'));
        if !has_one_spelling || decimal(number).is_none_or(|number| number > 255) {
            return false;
        }
        count = count.saturating_add(1);
    }
    count == 4
}

fn parse_port(text: &[u8]) -> Result<u16, DestinationError> {
    match decimal(text) {
        Some(port) if text.first() != Some(&b'0') => Ok(port),
        _ => Err(DestinationError::Port),
    }
}

/// A decimal number: at least one digit, and nothing else.
#[must_use]
pub fn decimal(text: &[u8]) -> Option<u16> {
    let mut number = None;
    for byte in text {
        let digit = byte.is_ascii_digit().then_some(u16::from(byte.wrapping_sub(b'0')))?;
        number = Some(number.unwrap_or(0_u16).checked_mul(10)?.checked_add(digit)?);
    }
    number
}

/// What stands before the first of these bytes, and the rest with it.
fn split_before<'a>(text: &'a [u8], stops: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = text.iter().position(|byte| stops.contains(byte)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, &[]))
}

impl DestinationError {
    /// The stable word for this refusal, in logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "destination-empty",
            Self::TooLong => "destination-too-long",
            Self::Character => "destination-character",
            Self::EmptyLabel => "destination-empty-label",
            Self::AddressForm => "destination-address-form",
            Self::Brackets => "destination-brackets",
            Self::Port => "destination-port",
            Self::AddressAsName => "destination-address-as-name",
            Self::Scheme => "destination-scheme",
        }
    }
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for DestinationError {}
