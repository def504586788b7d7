//! Bytes written as text: any character stands for its UTF-8, `\xNN` for one byte, and a list joins its parts.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Bytes of a scenario file. No other escape exists, so that JSON can be written as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// A part that is too long to be written out.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeated {
    times: usize,
    of: Bytes,
}

struct Part(Vec<u8>);

impl Bytes {
    /// Puts the values of `names` in the place of `${name}`.
    pub(super) fn fill(&self, names: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
        let mut filled = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_slice();
        while let Some(start) = find(rest, b"${") {
            let end = find(&rest[start..], b"}").ok_or("`${` without its `}`")? + start;
            let name = String::from_utf8_lossy(&rest[start + 2..end]).into_owned();
            let value = names.get(&name).ok_or_else(|| format!("`${{{name}}}` is no peer of this file"))?;
            filled.extend_from_slice(&rest[..start]);
            filled.extend_from_slice(value);
            rest = &rest[end + 1..];
        }
        filled.extend_from_slice(rest);
        Ok(filled)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Reads `\xNN`.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = rest.strip_prefix(b"\\x").and_then(|digits| digits.get(..2)).and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escape {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { list: true }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { list: false }).map(Self)
    }
}

struct Reader {
    /// A list may stand here; otherwise a repetition may.
    list: bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.list {
            "text, or a list of its parts"
        } else {
            "text, or `{times: 3, of: text}`"
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(unescape(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Vec<u8>, A::Error> {
        if !self.list {
            return Err(A::Error::custom("a list inside a list of parts"));
        }
        let mut bytes = Vec::new();
        while let Some(Part(part)) = parts.next_element()? {
            bytes.extend(part);
        }
        Ok(bytes)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<u8>, A::Error> {
        if self.list {
            return Err(A::Error::custom("a repetition stands in a list of parts"));
        }
        Repeated::deserialize(MapAccessDeserializer::new(map)).map(|part| part.of.0.repeat(part.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let names = BTreeMap::from([("a".to_owned(), b"spiffe://t/a".to_vec())]);
        let cases: &[(&str, &[u8])] = &[
            ("plain", b"plain"),
            ("'\\xff\\x0Aé'", b"\xff\n\xc3\xa9"),
            ("'\\u00e9 \\n \\x \\x+1 \\\\x41'", b"\\u00e9 \\n \\x \\x+1 \\A"),
            ("'via=(\"${a}\") $a'", b"via=(\"spiffe://t/a\") $a"),
            ("[a, {times: 3, of: bc}, '\\x00']", b"abcbcbc\0"),
            ("''", b""),
        ];
        for (yaml, expected) in cases {
            let bytes: Bytes = serde_saphyr::from_str(yaml).unwrap();
            assert_eq!(bytes.fill(&names).unwrap(), *expected, "{yaml}");
        }
        for yaml in [
            "[[a]]",
            "{times: 1, of: a}",
            "[{times: 1}]",
            "[{times: -1, of: a}]",
            "[{times: 1, of: a, at: 3}]",
        ] {
            assert!(serde_saphyr::from_str::<Bytes>(yaml).is_err(), "{yaml}");
        }
        for unknown in ["${b}", "${a"] {
            assert!(Bytes(unknown.into()).fill(&names).is_err(), "{unknown}");
        }
    }
}
