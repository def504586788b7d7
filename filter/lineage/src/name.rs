//! The names a lineage is made of: principals, missions, root ids.
//!
//! Each has so small a character set that it needs no escape in a header, a log line or a metric, and
//! that two spellings of one name do not exist.

use core::fmt;

use crate::bounded::Filler;
use crate::limits::{MAX_MISSION_BYTES, MAX_PRINCIPAL_BYTES, MAX_ROOT_BYTES, MAX_TRUST_DOMAIN_BYTES};

#[cfg(test)]
mod tests;

/// The SPIFFE id of a workload, in the strict spelling of SPIFFE-ID section 2:
/// `spiffe://` trust domain, then one or more segments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal<'a>(&'a str);

/// The name of a mission: 1 to [`MAX_MISSION_BYTES`] of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mission<'a>(&'a str);

/// The id of the request that a lineage began with: 1 to [`MAX_ROOT_BYTES`] of `A-Z a-z 0-9 . _ -`.
///
/// It ties log lines of several hops together. It is no authority.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId<'a>(&'a str);

impl<'a> Principal<'a> {
    /// Reads a principal; `None` if `bytes` is not one in the strict spelling.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_PRINCIPAL_BYTES {
            return None;
        }
        let mut parts = bytes.strip_prefix(b"spiffe://")?.split(|&byte| byte == b'/');
        let trust_domain = parts.next()?;
        if trust_domain.is_empty()
            || trust_domain.len() > MAX_TRUST_DOMAIN_BYTES
            || !trust_domain.iter().all(|&byte| is_name_byte(byte) && !byte.is_ascii_uppercase())
        {
            return None;
        }
        let mut segments: usize = 0;
        for segment in parts {
            if matches!(segment, b"" | b"." | b"..") || !segment.iter().all(|&byte| is_name_byte(byte)) {
                return None;
            }
            segments = segments.saturating_add(1);
        }
        if segments == 0 {
            return None;
        }
        core::str::from_utf8(bytes).ok().map(Self)
    }

    /// The whole id.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> Mission<'a> {
    /// Reads a mission's name; `None` if `bytes` is not one.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        parse_name(bytes, MAX_MISSION_BYTES).map(Self)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> RootId<'a> {
    /// Reads a root id; `None` if `bytes` is not one.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        parse_name(bytes, MAX_ROOT_BYTES).map(Self)
    }

    /// The id.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl Filler for Principal<'_> {
    const FILLER: Self = Self("");
}

impl Filler for Mission<'_> {
    const FILLER: Self = Self("");
}

macro_rules! show_as_str {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0, f)
            }
        }
    )*};
}

show_as_str!(Principal Mission RootId);

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn parse_name(bytes: &[u8], max: usize) -> Option<&str> {
    if bytes.is_empty() || bytes.len() > max || !bytes.iter().all(|&byte| is_name_byte(byte)) {
        return None;
    }
    core::str::from_utf8(bytes).ok()
}
