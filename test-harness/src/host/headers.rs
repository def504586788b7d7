use std::fmt;

use super::pairs::Pair;

/// Headers that Envoy keeps in a slot of their own: a second value does not make a second entry but is appended to the
/// first, behind a comma (`INLINE_*_HEADERS` of `envoy/http/header_map.h`, those that a client sends).
const INLINE: [&str; 20] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "grpc-timeout",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// Headers or trailers in Envoy's order: pseudo-headers first, otherwise as added. Names are lower case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap {
    entries: Vec<Pair>,
}

impl HeaderMap {
    pub(super) fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: &[(N, V)]) -> Self {
        let mut map = Self::default();
        for (name, value) in headers {
            map.add(name.as_ref(), value.as_ref());
        }
        map
    }

    /// The first value of `name`, which is all that the single-header hostcall ever shows.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Every value of `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(move |(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The values of `name` joined by commas, as `request.headers.<name>` shows them.
    pub fn joined(&self, name: &str) -> Option<Vec<u8>> {
        let values: Vec<&[u8]> = self.all(name).collect();
        if values.is_empty() { None } else { Some(values.join(&b',')) }
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn entries(&self) -> &[Pair] {
        &self.entries
    }

    /// Length of all names and values, in bytes: what `proxy_get_header_map_size` really returns.
    pub(super) fn byte_size(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        self.entries.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = name.to_ascii_lowercase();
        if INLINE.iter().any(|inline| inline.as_bytes() == name)
            && let Some((_, present)) = self.entries.iter_mut().find(|(key, _)| *key == name)
        {
            present.push(b',');
            present.extend_from_slice(value);
            return;
        }
        let is_pseudo = |name: &[u8]| name.first() == Some(&b':');
        let at = if is_pseudo(&name) {
            self.entries.iter().take_while(|(key, _)| is_pseudo(key)).count()
        } else {
            self.entries.len()
        };
        self.entries.insert(at, (name, value.to_vec()));
    }

    /// Puts one value in the place of all; the entry moves to the end, as in Envoy.
    pub(super) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.entries.retain(|(key, _)| *key != name);
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name.escape_ascii().to_string(), value.escape_ascii().to_string())),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_envoy_keeps_them() {
        let mut map = HeaderMap::new(&[
            ("X-Tag", "1"),
            (":path", "/"),
            ("x-tag", "2"),
            ("x-request-id", "a"),
            ("X-Request-Id", "b"),
        ]);
        assert_eq!(map.iter().next().expect("an entry").0, b":path");
        assert_eq!(map.first("x-tag"), Some(&b"1"[..]));
        assert_eq!(map.joined("x-tag"), Some(b"1,2".to_vec()));
        assert_eq!(map.all("x-request-id").collect::<Vec<_>>(), [b"a,b"], "inline headers fold");
        assert_eq!(map.byte_size(), "x-tag1:path/x-tag2x-request-ida,b".len());
        map.replace(b"X-TAG", b"3");
        assert_eq!(map.all("x-tag").collect::<Vec<_>>(), [b"3"]);
        assert_eq!(map.len(), 3);
    }
}
