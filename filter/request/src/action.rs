//! Action keys: the byte strings by which policy names what is asked.
//!
//! | protocol | key |
//! | --- | --- |
//! | HTTP | `GET /orders/7`: method, a space, [canonical path](crate::path) |
//! | MCP | `tools/call:NAME`, `prompts/get:NAME`, `resources/read:URI` with the [canonical URI](crate::uri), any other method as it is, `response`, `stream`, `session.delete` |
//! | A2A | the operation, such as `message.send`, whatever version and binding name it |
//! | gRPC | `/package.Service/Method` |
//!
//! Nothing in a key that comes from the caller is a control character, so a key is always one line.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_METHOD_BYTES, MAX_NAME_BYTES};
use crate::path::CanonicalPath;

/// Why a name cannot be part of an action key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing.
    Empty,
    /// Longer than [`MAX_NAME_BYTES`], or [`MAX_METHOD_BYTES`] for an HTTP method.
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// A control character in a name; anything but upper-case letters, digits, `-` and `_` in an HTTP method.
    Character,
}

/// Writes the action key of an HTTP request to `key`, which is cleared first.
///
/// # Errors
/// A [`NameError`] if the method is not spelled as methods are. Methods compare with regard to case, and
/// lenient servers take `delete` for `DELETE`; so lower case is refused.
pub fn write_http_key(method: &[u8], path: &CanonicalPath<'_>, key: &mut Vec<u8>) -> Result<(), NameError> {
    key.clear();
    let is_method =
        |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    match method {
        [] => return Err(NameError::Empty),
        _ if method.len() > MAX_METHOD_BYTES => return Err(NameError::TooLong),
        _ if !method.iter().all(is_method) => return Err(NameError::Character),
        _ => {}
    }
    key.extend_from_slice(method);
    key.push(b' ');
    key.extend_from_slice(path.as_bytes());
    Ok(())
}

/// Checks a name that a caller gave: UTF-8, not empty, at most [`MAX_NAME_BYTES`], no control characters.
///
/// # Errors
/// A [`NameError`] naming the first rule it breaks.
pub fn check_name(name: &[u8]) -> Result<&str, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    let name = core::str::from_utf8(name).map_err(|_| NameError::NotUtf8)?;
    // U+0000 to U+001F, U+007F, and U+0080 to U+009F; as bytes the last are C2 80 to C2 9F.
    let is_control = |pair: &[u8]| matches!(pair, [0xc2, 0x80..=0x9f]);
    if name.bytes().any(|byte| byte.is_ascii_control()) || name.as_bytes().windows(2).any(is_control) {
        return Err(NameError::Character);
    }
    Ok(name)
}

impl NameError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "name-empty",
            Self::TooLong => "name-too-long",
            Self::NotUtf8 => "name-not-utf8",
            Self::Character => "name-character",
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::path::{PathBuffer, canonicalize};

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn http_keys() {
        let mut buffer = PathBuffer::new();
        let path = canonicalize(b"//orders/%37?x=1", &mut buffer).unwrap();
        let mut key = Vec::new();
        for (method, expected) in [
            (&b"GET"[..], Ok(&b"GET /orders/7"[..])),
            (b"M-SEARCH", Ok(b"M-SEARCH /orders/7")),
            (b"get", Err(NameError::Character)),
            (b"GET ", Err(NameError::Character)),
            (b"GET\xff", Err(NameError::Character)),
            (b"", Err(NameError::Empty)),
            (&[b'A'; MAX_METHOD_BYTES + 1], Err(NameError::TooLong)),
        ] {
            assert_eq!(write_http_key(method, &path, &mut key).map(|()| &key[..]), expected);
        }
    }

    proptest! {
        #[test]
        fn names(name in prop_oneof![any::<alloc::string::String>(), "[a\u{0}-\u{a0}]{0,3}"]) {
            let fine = !name.is_empty() && !name.chars().any(char::is_control);
            prop_assert_eq!(check_name(name.as_bytes()).is_ok(), fine);
        }
    }

    #[test]
    fn name_limits() {
        assert_eq!(check_name(b""), Err(NameError::Empty));
        assert_eq!(check_name(b"\xff"), Err(NameError::NotUtf8));
        assert!(check_name(&[b'a'; MAX_NAME_BYTES]).is_ok());
        assert_eq!(check_name(&[b'a'; MAX_NAME_BYTES + 1]), Err(NameError::TooLong));
    }
}
