//! The headers that repeat arguments of a tool call: `Mcp-Param-*`, since 2026-07-28.
//!
//! Which argument a header repeats is in the tool's schema, and the server checks that. Proxies before it route by these
//! headers, so here each must repeat *some* argument of the call: what no argument has, no client would have sent.
//! The body is scanned for that a second time, and only if there are such headers.

use alloc::vec::Vec;

use super::McpError;
use crate::json::{JsonErrorKind, Literal, Number, OutOfRange, Scanner, Sink, number};
use crate::limits::MAX_PARAM_HEADERS;

/// What the name of such a header begins with.
const PREFIX: &[u8] = b"mcp-param-";

/// The longest key on the way to the arguments.
const LONGEST_KEY: usize = 9;

/// The headers of one request, and which of them the body has borne out so far.
#[derive(Debug)]
pub struct Params {
    scanner: Scanner,
    walk: Walk,
}

#[derive(Debug)]
struct Walk {
    headers: Vec<Header>,
    /// How many objects are open that lead to the arguments or lie in them.
    level: u32,
    /// How many containers are open inside the innermost of them.
    skipped: u32,
    key: Vec<u8>,
    /// The next value leads to the arguments, or is one.
    is_next: bool,
}

#[derive(Debug)]
struct Header {
    text: Vec<u8>,
    number: Option<Number>,
    /// How much of the text the string being read has repeated; none if it is another.
    same: Option<usize>,
    is_met: bool,
}

impl Params {
    /// Reads the headers of a request; none if it has none of these.
    ///
    /// # Errors
    /// [`McpError::HeaderMismatch`] for a header that is there twice, for values that no header may have, and for more
    /// than [`MAX_PARAM_HEADERS`].
    pub fn read<'h>(
        headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Result<Option<Self>, McpError> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut found = Vec::new();
        for (name, value) in headers.into_iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let is_visible = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
            if names.contains(&name) || names.len() >= MAX_PARAM_HEADERS || !is_visible {
                return Err(McpError::HeaderMismatch);
            }
            names.push(name);
            found.push(Header::read(value.trim_ascii()).ok_or(McpError::HeaderMismatch)?);
        }
        let walk = Walk { headers: found, level: 0, skipped: 0, key: Vec::new(), is_next: false };
        Ok((!names.is_empty()).then_some(Self { scanner: Scanner::new(), walk }))
    }

    /// Takes the next bytes of the body. What is wrong with it is told by whoever judges it.
    pub fn push(&mut self, bytes: &[u8]) {
        let _ = self.scanner.push(bytes, &mut self.walk);
    }

    /// Whether the body, which was taken to its end, bears out every header.
    ///
    /// # Errors
    /// [`McpError::HeaderMismatch`] if it does not.
    pub fn check(&self) -> Result<(), McpError> {
        let is_met = self.walk.headers.iter().all(|header| header.is_met);
        if is_met { Ok(()) } else { Err(McpError::HeaderMismatch) }
    }
}

impl Header {
    fn read(value: &[u8]) -> Option<Self> {
        let text = match super::mirror::inner(value) {
            Some(encoded) => decode(encoded)?,
            None => value.to_vec(),
        };
        let number = number(&text);
        Some(Self { text, number, same: None, is_met: false })
    }
}

impl Walk {
    fn is_argument(&self) -> bool {
        self.skipped == 0 && self.level > 2 && self.is_next
    }

    fn meet(&mut self, is_same: impl Fn(&Header) -> bool) {
        if self.is_argument() {
            self.headers.iter_mut().for_each(|header| header.is_met |= is_same(header));
        }
    }
}

impl Sink for Walk {
    fn begin_object(&mut self) -> Result<(), JsonErrorKind> {
        if self.skipped > 0 || (self.level > 0 && !self.is_next) {
            self.skipped = self.skipped.saturating_add(1);
        } else {
            self.level = self.level.saturating_add(1);
        }
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), JsonErrorKind> {
        match self.skipped.checked_sub(1) {
            Some(skipped) => self.skipped = skipped,
            None => self.level = self.level.saturating_sub(1),
        }
        Ok(())
    }

    fn begin_array(&mut self) -> Result<(), JsonErrorKind> {
        self.skipped = self.skipped.saturating_add(1);
        Ok(())
    }

    fn end_array(&mut self) -> Result<(), JsonErrorKind> {
        self.skipped = self.skipped.saturating_sub(1);
        Ok(())
    }

    fn text(&mut self, part: &[u8], is_key: bool) -> Result<(), JsonErrorKind> {
        if is_key {
            let room = LONGEST_KEY.saturating_add(1).saturating_sub(self.key.len());
            self.key.extend_from_slice(part.get(..room).unwrap_or(part));
        } else if self.is_argument() {
            for header in &mut self.headers {
                let rest = header.same.and_then(|same| header.text.get(same..));
                let goes_on = rest.is_some_and(|rest| rest.starts_with(part));
                header.same = header.same.filter(|_| goes_on).map(|same| same.saturating_add(part.len()));
            }
        }
        Ok(())
    }

    fn end_text(&mut self, is_key: bool) -> Result<(), JsonErrorKind> {
        if !is_key {
            self.meet(|header| header.same == Some(header.text.len()));
            return Ok(());
        }
        let key = core::mem::take(&mut self.key);
        if self.skipped == 0 {
            self.is_next = match self.level {
                1 => key == b"params",
                2 => key == b"arguments",
                _ => true,
            };
            self.headers.iter_mut().for_each(|header| header.same = Some(0));
        }
        Ok(())
    }

    fn number(&mut self, number: Result<Number, OutOfRange>) -> Result<(), JsonErrorKind> {
        self.meet(|header| number.is_ok_and(|number| header.number == Some(number)));
        Ok(())
    }

    fn literal(&mut self, literal: Literal) -> Result<(), JsonErrorKind> {
        self.meet(|header| match literal {
            Literal::Null => false,
            Literal::Bool(true) => header.text == b"true",
            Literal::Bool(false) => header.text == b"false",
        });
        Ok(())
    }
}

/// What stands in base64 (RFC 4648 section 4): padded, and with no bits left over.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (quads, rest) = encoded.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    for quad in quads {
        let padding = quad.iter().rev().take_while(|byte| **byte == b'=').count();
        let mut bits: u32 = 0;
        for byte in quad.iter().take(4_usize.checked_sub(padding)?) {
            let digit = match byte {
                b'A'..=b'Z' => byte.checked_sub(b'A')?,
                b'a'..=b'z' => byte.checked_sub(b'a')?.checked_add(26)?,
                b'0'..=b'9' => byte.checked_sub(b'0')?.checked_add(52)?,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = (bits << 6) | u32::from(digit);
        }
        let [_, a, b, c] = (bits << u32::try_from(padding.checked_mul(6)?).ok()?).to_be_bytes();
        out.extend_from_slice([a, b, c].get(..3_usize.checked_sub(padding)?)?);
    }
    // Whatever is not spelled as encoders spell it differs when it is spelled again.
    super::mirror::is_base64_of(encoded, &out).then_some(out)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn check(headers: &[(&str, &str)], body: &str) -> Result<(), McpError> {
        let headers = || headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let read = |pieces: &mut dyn Iterator<Item = &[u8]>| match Params::read(headers())? {
            None => Ok(()),
            Some(mut params) => {
                pieces.for_each(|piece| params.push(piece));
                params.check()
            }
        };
        let whole = read(&mut [body.as_bytes()].into_iter());
        assert_eq!(read(&mut body.as_bytes().chunks(1)), whole, "{body}");
        whole
    }

    #[test]
    fn headers_repeat_arguments() {
        let call = |arguments: &str| {
            format!(r#"{{"id":"x","params":{{"name":"n","_meta":{{"a":"m"}},"arguments":{arguments}}}}}"#)
        };
        for (header, arguments, is_fine) in [
            ("eu", r#"{"region":"eu"}"#, true),
            ("eu", r#"{"region":"us"}"#, false),
            ("eu", r#"{"region":"eu2"}"#, false),
            ("eu2", r#"{"region":"eu"}"#, false),
            ("eu", r#"{"a":"x","where":{"b":7,"region":"\u0065u"}}"#, true),
            ("eu", r#"{"regions":["eu"]}"#, false),
            ("eu", r#"{"regions":[{"a":"eu"}]}"#, false),
            ("eu", r#"{"eu":"us"}"#, false),
            ("eu", "{}", false),
            ("eu", r#"["eu"]"#, false),
            ("n", "{}", false),
            ("x", "{}", false),
            ("m", "{}", false),
            (" 42\t", r#"{"n":42}"#, true),
            ("42", r#"{"n":4.2e1}"#, true),
            ("42", r#"{"n":"42"}"#, true),
            ("42", r#"{"n":43}"#, false),
            ("true", r#"{"b":true}"#, true),
            ("true", r#"{"b":false}"#, false),
            ("null", r#"{"b":null}"#, false),
            ("", r#"{"a":""}"#, true),
            ("=?base64?w6k=?=", r#"{"a":"é"}"#, true),
            ("=?base64?ZXU=?=", r#"{"a":"eu"}"#, true),
            ("=?base64?ZXV=?=", r#"{"a":"eu"}"#, false),
            ("=?base64?ZXU?=", r#"{"a":"eu"}"#, false),
            ("=?base64?NDI=?=", r#"{"a":42}"#, true),
            ("\u{e9}", r#"{"a":"é"}"#, false),
        ] {
            let found = check(&[("mcp-param-a", header)], &call(arguments));
            assert_eq!(found.is_ok(), is_fine, "{header} of {arguments}");
        }
        let both = [("mcp-param-a", "1"), ("mcp-param-b", "2"), ("mcp-name", "n")];
        assert!(check(&both, &call(r#"{"a":1,"b":2}"#)).is_ok());
        assert!(check(&both, &call(r#"{"a":1}"#)).is_err());
        assert!(check(&[("mcp-param-a", "1"), ("mcp-param-a", "1")], &call(r#"{"a":1}"#)).is_err());
        assert!(check(&[("mcp-params", "1")], &call("{}")).is_ok());
        let many: Vec<(String, &str)> =
            (0..=MAX_PARAM_HEADERS).map(|place| (format!("mcp-param-{place}"), "1")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert!(check(&many[1..], &call(r#"{"a":1}"#)).is_ok());
        assert!(check(&many, &call(r#"{"a":1}"#)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_spelled_so(text in any::<Vec<u8>>(), other in "[A-Za-z0-9+/=]{0,8}") {
            if let Some(decoded) = decode(other.as_bytes()) {
                prop_assert!(crate::mcp::mirror::is_base64_of(other.as_bytes(), &decoded));
            }
            if crate::mcp::mirror::is_base64_of(other.as_bytes(), &text) {
                prop_assert_eq!(decode(other.as_bytes()), Some(text));
            }
        }
    }
}
