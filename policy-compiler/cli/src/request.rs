//! Requests as people write them in short, put on the wire.

use ambit_compiler::model::Protocol;

/// What a request carries beside what it asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// Header lines: names in lower case. Those that begin with `:` replace what is made here.
    pub(crate) headers: Vec<(String, String)>,
    /// Arguments, as JSON: those of the tool or the prompt, the data of the message, or the body.
    pub(crate) arguments: Option<String>,
    /// The body as it is, instead of one made of arguments.
    pub(crate) body: Option<String>,
}

/// A request on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Header pairs, pseudo-headers first.
    pub(crate) pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Empty if there is none.
    pub(crate) body: Vec<u8>,
}

/// The version of MCP that requests in short are of: the last one whose headers need not repeat the body.
const MCP_VERSION: &str = "2025-11-25";

/// Operations of A2A by their key, and what JSON-RPC calls them in version 1.0.
const A2A_METHODS: &[(&str, &str)] = &[
    ("message.send", "SendMessage"),
    ("message.stream", "SendStreamingMessage"),
    ("tasks.get", "GetTask"),
    ("tasks.list", "ListTasks"),
    ("tasks.cancel", "CancelTask"),
    ("tasks.subscribe", "SubscribeToTask"),
    ("push.create", "CreateTaskPushNotificationConfig"),
    ("push.get", "GetTaskPushNotificationConfig"),
    ("push.list", "ListTaskPushNotificationConfigs"),
    ("push.delete", "DeleteTaskPushNotificationConfig"),
    ("card.extended", "GetExtendedAgentCard"),
];

/// What comes before the body, and the body.
struct Draft {
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// How a request of `protocol` is written in short.
pub(crate) const fn short_form(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "`METHOD /path`, as in `GET /orders/7`",
        Protocol::Mcp => "`tools/call:NAME`, `resources/read:URI`, `prompts/get:NAME` or a method",
        Protocol::A2a => "an operation, as in `message.send`",
        Protocol::Grpc => "`/package.Service/Method`",
        Protocol::Egress => "no request: no service of a policy stands outside",
    }
}

/// Puts a request in short on the wire, for a host of this name. `None` if it is none of the protocol.
pub(crate) fn send(protocol: Protocol, host: &str, asked: &str, message: &Message) -> Option<Sent> {
    let mut draft = match protocol {
        Protocol::Http => http(asked, message)?,
        Protocol::Mcp => mcp(asked, message)?,
        Protocol::A2a => a2a(asked, message)?,
        Protocol::Grpc => grpc(asked)?,
        Protocol::Egress => return None,
    };
    if let Some(body) = &message.body {
        draft.body = body.clone().into_bytes();
    }
    if !draft.body.is_empty() {
        draft.headers.push(("content-length", draft.body.len().to_string()));
    }
    let mut lines = vec![
        (":method", draft.method),
        (":path", draft.path),
        (":scheme", String::from("http")),
        (":authority", host.to_owned()),
    ];
    lines.append(&mut draft.headers);
    let is_stated = |name: &str| message.headers.iter().any(|(stated, _)| stated == name);
    let mut pairs: Vec<_> = lines
        .into_iter()
        .filter(|(name, _)| !is_stated(name))
        .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()))
        .collect();
    let (pseudo, plain): (Vec<_>, Vec<_>) =
        message.headers.iter().partition(|(name, _)| name.starts_with(':'));
    let stated = |(name, value): &(String, String)| (name.clone().into_bytes(), value.clone().into_bytes());
    for line in pseudo {
        pairs.insert(0, stated(line));
    }
    pairs.extend(plain.into_iter().map(stated));
    Some(Sent { pairs, body: draft.body })
}

fn http(asked: &str, message: &Message) -> Option<Draft> {
    let (method, path) = asked.split_once(' ')?;
    let body = message.arguments.clone().unwrap_or_default().into_bytes();
    let has_body = !body.is_empty() || message.body.is_some();
    let headers =
        if has_body { vec![("content-type", String::from("application/json"))] } else { Vec::new() };
    Some(Draft { method: method.to_owned(), path: path.trim().to_owned(), headers, body })
}

fn mcp(asked: &str, message: &Message) -> Option<Draft> {
    let mut headers = vec![
        ("accept", String::from("application/json, text/event-stream")),
        ("mcp-protocol-version", String::from(MCP_VERSION)),
    ];
    let without_body = match asked {
        "stream" => Some("GET"),
        "session.delete" => Some("DELETE"),
        _ => None,
    };
    let path = String::from("/mcp");
    if let Some(method) = without_body {
        return Some(Draft { method: method.to_owned(), path, headers, body: Vec::new() });
    }
    headers.push(("content-type", String::from("application/json")));
    let (method, name) = match asked.split_once([':', ' ']) {
        Some((method, name)) => (method, Some(name.trim())),
        None => (asked, None),
    };
    let arguments = message.arguments.as_deref();
    let params = match (method, name) {
        ("tools/call" | "prompts/get", Some(name)) => {
            format!(r#"{{"name":{},"arguments":{}}}"#, quoted(name), arguments.unwrap_or("{}"))
        }
        ("resources/read" | "resources/subscribe" | "resources/unsubscribe", Some(uri)) => {
            format!(r#"{{"uri":{}}}"#, quoted(uri))
        }
        (_, Some(_)) => return None,
        ("tools/call" | "prompts/get" | "resources/read", None) => return None,
        (_, None) => arguments.unwrap_or("{}").to_owned(),
    };
    let body = if method == "response" {
        String::from(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
    } else if method.starts_with("notifications/") {
        format!(r#"{{"jsonrpc":"2.0","method":{},"params":{params}}}"#, quoted(method))
    } else {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":{},"params":{params}}}"#, quoted(method))
    };
    Some(Draft { method: String::from("POST"), path, headers, body: body.into_bytes() })
}

fn a2a(asked: &str, message: &Message) -> Option<Draft> {
    if asked == "card.get" {
        let path = String::from("/.well-known/agent-card.json");
        return Some(Draft { method: String::from("GET"), path, headers: Vec::new(), body: Vec::new() });
    }
    let (_, method) = A2A_METHODS.iter().find(|(key, method)| *key == asked || *method == asked)?;
    let arguments = message.arguments.as_deref().unwrap_or("{}");
    let params = match asked {
        "message.send" | "message.stream" => format!(
            r#"{{"message":{{"messageId":"1","role":"ROLE_USER","parts":[{{"data":{arguments}}}]}}}}"#
        ),
        _ => arguments.to_owned(),
    };
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":{},"params":{params}}}"#, quoted(method));
    let headers =
        vec![("content-type", String::from("application/json")), ("a2a-version", String::from("1.0"))];
    Some(Draft { method: String::from("POST"), path: String::from("/"), headers, body: body.into_bytes() })
}

fn grpc(asked: &str) -> Option<Draft> {
    let is_method = asked.starts_with('/') && asked.matches('/').count() == 2;
    let headers = vec![("content-type", String::from("application/grpc")), ("te", String::from("trailers"))];
    // One message, empty and not compressed.
    let body = vec![0; 5];
    is_method.then(|| Draft { method: String::from("POST"), path: asked.to_owned(), headers, body })
}

/// The operations of A2A that a request in short may be.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    A2A_METHODS.iter().map(|(key, _)| *key)
}

/// Reads a request as HTTP/1.1 has it: the request line, header lines, an empty line, and the body. The version may be
/// left out, and so may `content-length`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn raw(text: &str, host: &str) -> Result<Sent, String> {
    let (head, body) = match text.split_once("\n\n") {
        Some((head, body)) => (head, body.strip_suffix('\n').unwrap_or(body)),
        None => (text, ""),
    };
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ').filter(|word| !word.is_empty());
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(String::from("the first line is `METHOD /path HTTP/1.1`"));
    };
    let mut authority = host.to_owned();
    let mut plain = Vec::new();
    let mut has_length = false;
    for line in lines {
        let (name, value) =
            line.split_once(':').ok_or_else(|| format!("`{line}` is no header line: `name: value`"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        has_length |= name == "content-length";
        match name.as_str() {
            "host" => authority = value.to_owned(),
            _ => plain.push((name.into_bytes(), value.as_bytes().to_vec())),
        }
    }
    let line = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut pairs = vec![
        line(":method", method),
        line(":path", path),
        line(":scheme", "http"),
        line(":authority", &authority),
    ];
    pairs.append(&mut plain);
    if !body.is_empty() && !has_length {
        pairs.push(line("content-length", &body.len().to_string()));
    }
    Ok(Sent { pairs, body: body.as_bytes().to_vec() })
}

/// Text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use ambit_request::a2a::Operation;

    use super::*;

    #[test]
    fn operations_have_the_names_that_the_filter_reads() {
        for (key, method) in A2A_METHODS {
            let operation = Operation::of_json_rpc(method.as_bytes()).unwrap();
            assert_eq!(operation.key(), *key);
        }
    }

    #[test]
    fn stated_headers_replace_what_is_made() {
        let headers = vec![(String::from(":authority"), String::from("other")), ("a".into(), "b".into())];
        let message = Message { headers, ..Message::default() };
        let sent = send(Protocol::Http, "host", "GET /a", &message).unwrap();
        let values = |name: &[u8]| {
            let of = sent.pairs.iter().filter(|(known, _)| known == name);
            of.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(b":authority"), ["other"]);
        assert_eq!(values(b"a"), ["b"]);
        assert!(sent.pairs.iter().skip_while(|(name, _)| name[0] == b':').all(|(name, _)| name[0] != b':'));
    }

    #[test]
    fn raw_requests_are_read_as_they_are() {
        let text = "POST /mcp HTTP/1.1\nHost: tools:8080\nA: b: c\n\n{\"a\":1}\n";
        let sent = raw(text, "host").unwrap();
        assert_eq!(sent.body, b"{\"a\":1}");
        for (name, value) in
            [(":path", "/mcp"), (":authority", "tools:8080"), ("a", "b: c"), ("content-length", "7")]
        {
            assert!(sent.pairs.contains(&(name.into(), value.into())), "{name}");
        }
        assert!(raw("GET", "host").is_err());
        assert!(raw("GET /\nno header", "host").is_err());
    }
}
