//! Requests for the actions of a service.

use ambit_compiler::model::{Action, Field, Protocol, Segment, Selector, Service};

use super::datum::{Datum, Object};
use super::values::Slot;
use crate::cases::{ADDRESS, DEFAULT_TIME};
use crate::request::{Message, Sent, operations, send};

/// What stands where a pattern takes anything.
const ANY: &str = "x";

/// What stands where a pattern takes any number of segments.
const ANY_REST: &[&str] = &[ANY, "", "x/x"];

/// MCP's methods that stand for themselves, which patterns may cover.
const MCP_METHODS: &[&str] = &[
    "tools/call:x",
    "tools/list",
    "resources/read:file:///x",
    "resources/list",
    "prompts/get:x",
    "prompts/list",
    "initialize",
    "ping",
    "notifications/initialized",
    "completion/complete",
    "logging/setLevel",
    "stream",
    "session.delete",
];

/// A request for a service, as a test would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// In short: `GET /rows/7`.
    pub(super) send: String,
    /// Arguments, as JSON.
    pub(super) args: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) address: Option<String>,
    /// Unix seconds.
    pub(super) at: Option<u64>,
}

impl Asked {
    pub(super) fn wire(&self, protocol: Protocol, host: &str) -> Option<Sent> {
        let message = Message { headers: self.headers.clone(), arguments: self.args.clone(), body: None };
        send(protocol, host, &self.send, &message)
    }

    pub(super) fn address(&self) -> &str {
        self.address.as_deref().unwrap_or(ADDRESS)
    }

    pub(super) fn now(&self) -> u64 {
        self.at.unwrap_or(DEFAULT_TIME)
    }
}

/// What a request for an action is, before anything is put into it.
pub(super) fn bare(protocol: Protocol, action: &Action) -> Vec<String> {
    match &action.selector {
        Selector::Http { methods, path } => {
            let mut paths = vec![String::new()];
            for segment in &path.segments {
                let samples: &[&str] = match segment {
                    Segment::Literal(text) => &[text],
                    Segment::One(_) => &[ANY],
                    Segment::Rest => ANY_REST,
                };
                let longer = |path: &String| {
                    samples
                        .iter()
                        .map(|sample| match *sample {
                            "" => path.clone(),
                            sample => format!("{path}/{sample}"),
                        })
                        .collect::<Vec<_>>()
                };
                paths = paths.iter().flat_map(longer).collect();
            }
            let paths = paths.into_iter().map(|path| if path.is_empty() { String::from("/") } else { path });
            let any = [String::from("GET"), String::from("POST")];
            let methods: &[String] = if methods.is_empty() { &any } else { methods };
            paths.flat_map(|path| methods.iter().map(move |method| format!("{method} {path}"))).collect()
        }
        Selector::Key(key) if !key.contains('*') => vec![key.clone()],
        Selector::Key(key) => {
            let known: Vec<&str> = match protocol {
                Protocol::Mcp => MCP_METHODS.to_vec(),
                Protocol::A2a => operations().collect(),
                Protocol::Http | Protocol::Grpc | Protocol::Egress => Vec::new(),
            };
            let mut found: Vec<String> =
                known.into_iter().filter(|known| covers(key, known)).map(str::to_owned).collect();
            if protocol != Protocol::A2a && key != "*" {
                found.insert(0, key.replace('*', ANY));
            }
            found
        }
    }
}

/// Whether a pattern covers a key.
fn covers(pattern: &str, key: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| key.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.is_empty()
}

/// Puts values into a request. `None` if it has no place for one of them.
pub(super) fn fill(service: &Service, bare: &str, values: &[(&Slot, &Datum)]) -> Option<Asked> {
    let mut asked = Asked { send: bare.to_owned(), args: None, headers: Vec::new(), address: None, at: None };
    let mut arguments = Object::default();
    let mut query = Vec::new();
    for (slot, value) in values {
        match slot {
            Slot::Time => asked.at = Some(value.plain().parse().ok()?),
            Slot::Field(field) => match field {
                Field::Body(keys) => {
                    let prefix = service.protocol.arguments();
                    let below = keys.iter().zip(prefix).all(|(key, known)| key == known);
                    let below = keys.get(prefix.len()..).filter(|rest| below && !rest.is_empty())?;
                    let takes = match service.protocol {
                        Protocol::Http => true,
                        Protocol::Mcp => bare.contains(':'),
                        Protocol::A2a => bare.starts_with("message."),
                        Protocol::Grpc | Protocol::Egress => false,
                    };
                    if !takes {
                        return None;
                    }
                    arguments.put(below, value);
                }
                Field::Header(name) => asked.headers.push((name.clone(), header(value)?)),
                Field::Host => asked.headers.push((String::from(":authority"), header(value)?)),
                Field::Method => asked.send = with_method(&asked.send, service.protocol, value)?,
                Field::Path => {
                    let (method, _) = http(&asked.send, service.protocol)?;
                    asked.send =
                        format!("{method} {}", Some(value.plain()).filter(|path| path.starts_with('/'))?);
                }
                Field::PathSegment(place) => {
                    let (method, path) = http(&asked.send, service.protocol)?;
                    let mut segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
                    *segments.get_mut(usize::from(*place))? = escape(value.plain());
                    asked.send = format!("{method} /{}", segments.join("/"));
                }
                Field::Query(name) => query.push(format!("{}={}", escape(name), escape(value.plain()))),
                Field::PeerAddress => asked.address = Some(value.plain().to_owned()),
                Field::CallerPrincipal | Field::CallerNamespace | Field::CallerServiceAccount => return None,
                Field::DestinationHost | Field::DestinationAddress | Field::DestinationPort => return None,
            },
        }
    }
    if !query.is_empty() {
        http(&asked.send, service.protocol)?;
        asked.send = format!("{}?{}", asked.send, query.join("&"));
    }
    asked.args = (!arguments.is_empty()).then(|| arguments.json());
    Some(asked)
}

/// Whether a slot is one that requests are made for: the caller's are in who calls.
pub(super) const fn is_filled(slot: &Slot) -> bool {
    !matches!(
        slot,
        Slot::Field(Field::CallerPrincipal | Field::CallerNamespace | Field::CallerServiceAccount)
    )
}

fn http(send: &str, protocol: Protocol) -> Option<(&str, &str)> {
    send.split_once(' ').filter(|_| protocol == Protocol::Http)
}

fn with_method(send: &str, protocol: Protocol, value: &Datum) -> Option<String> {
    let (_, path) = http(send, protocol)?;
    let is_token = value.plain().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_token && !value.plain().is_empty()).then(|| format!("{} {path}", value.plain()))
}

/// A header's value: what could not be one is not sent.
fn header(value: &Datum) -> Option<String> {
    let text = value.plain();
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte)).then(|| text.to_owned())
}

/// Text in a path or a query.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn patterns_cover_keys() {
        for (pattern, key, expected) in [
            ("*", "ping", true),
            ("tools/call:*", "tools/call:x", true),
            ("tools/call:*", "tools/list", false),
            ("a*c", "abc", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "ac", false),
            ("ab*b", "ab", false),
            ("tools/list", "tools/list", true),
            ("tools/list", "tools/list/", false),
        ] {
            assert_eq!(covers(pattern, key), expected, "{pattern} {key}");
        }
    }
}
