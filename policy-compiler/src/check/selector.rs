//! Which requests an action of a catalog is.

use super::path;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Protocol, Selector};
use crate::source::Spanned;
use crate::syntax::ast::{Action, Name, SelectorField};
use crate::syntax::limits::MAX_KEY_BYTES;
use crate::syntax::suggest::did_you_mean;

/// The A2A methods in their canonical form.
pub const A2A_METHODS: &[&str] = &[
    "message.send",
    "message.stream",
    "tasks.get",
    "tasks.list",
    "tasks.cancel",
    "tasks.subscribe",
    "push.create",
    "push.get",
    "push.list",
    "push.delete",
    "card.get",
    "card.extended",
];

/// The MCP methods of clients that say all there is to say, and the keys of what is no method: answers to what the server asked,
/// the stream from it, and the end of a session.
pub const MCP_METHODS: &[&str] = &[
    "initialize",
    "ping",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "completion/complete",
    "logging/setLevel",
    "server/discover",
    "subscriptions/listen",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/update",
    "tasks/result",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
    "response",
    "stream",
    "session.delete",
];

/// MCP methods that ask for something by name, with the field that names it.
pub const MCP_CALLS: &[(&str, &str)] =
    &[("tools/call", "tool"), ("resources/read", "resource"), ("prompts/get", "prompt")];

/// The fields that each protocol takes.
const fn fields_of(protocol: Protocol) -> (&'static [&'static str], &'static str) {
    match protocol {
        Protocol::Http => (&["methods", "path"], "`methods` and `path`"),
        Protocol::Mcp => {
            (&["tool", "resource", "prompt", "method"], "one of `tool`, `resource`, `prompt` and `method`")
        }
        Protocol::A2a | Protocol::Grpc => (&["method"], "`method`"),
        Protocol::Egress => (&[], "no selectors"),
    }
}

/// The word of a protocol.
pub(super) const fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Mcp => "mcp",
        Protocol::A2a => "a2a",
        Protocol::Grpc => "grpc",
        Protocol::Egress => "egress",
    }
}

/// The selector of an action, and the name that it gives the action if it has none of its own.
pub(super) fn read(
    action: &Action,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<(Selector, Option<String>)> {
    let (allowed, list) = fields_of(protocol);
    let mut fits = true;
    for field in &action.selectors {
        if !allowed.contains(&field.field.value) {
            let message = format!("`{}` does not fit `protocol: {}`", field.field.value, word(protocol));
            diagnostics.push(
                Diagnostic::new(Code::WrongProtocol, field.field.span, message)
                    .help(format!("such a service's actions have {list}")),
            );
            fits = false;
        }
    }
    if !fits {
        return None;
    }
    if protocol == Protocol::Http {
        return http(action, diagnostics).map(|selector| (selector, None));
    }
    match action.selectors.as_slice() {
        [only] => key(only, protocol, diagnostics),
        [] => {
            diagnostics.push(
                Diagnostic::new(
                    Code::FieldConflict,
                    action.span,
                    "the action does not say which requests it is",
                )
                .help(format!("add {list}")),
            );
            None
        }
        [_, second, ..] => {
            diagnostics.push(
                Diagnostic::new(
                    Code::FieldConflict,
                    second.field.span,
                    "an action has one of these fields only",
                )
                .help("write a second action"),
            );
            None
        }
    }
}

fn field<'a>(action: &'a Action, name: &str) -> Option<&'a SelectorField> {
    action.selectors.iter().find(|field| field.field.value == name)
}

fn http(action: &Action, diagnostics: &mut Diagnostics) -> Option<Selector> {
    let names = field(action, "methods").map(|field| field.values.as_slice()).unwrap_or_default();
    let methods = methods(names, diagnostics);
    let Some(path) = field(action, "path").and_then(|field| field.values.first()) else {
        diagnostics.push(
            Diagnostic::new(Code::FieldConflict, action.span, "the action does not say which requests it is")
                .help("add `path`, as in `path: \"/rows/{id}\"`; `\"/**\"` is every path"),
        );
        return None;
    };
    Some(Selector::Http { methods: methods?, path: path::parse(path, diagnostics)? })
}

/// Method tokens, sorted, without repetitions; none if one is malformed.
pub(super) fn methods(names: &[Name], diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let mut good = true;
    for name in names {
        if !is_method(&name.value) {
            let message = format!("`{}` is not an HTTP method", name.value);
            let upper = name.value.to_ascii_uppercase();
            let help = if name.value == "*" {
                String::from("leave `methods` out for any method")
            } else if is_method(&upper) {
                format!("methods are upper case: `{upper}`")
            } else {
                String::from("as in `[GET, POST]`")
            };
            diagnostics.push(Diagnostic::new(Code::BadMethod, name.span, message).help(help));
            good = false;
        }
    }
    let mut methods: Vec<String> = names.iter().map(|name| name.value.clone()).collect();
    methods.sort_unstable();
    methods.dedup();
    good.then_some(methods)
}

/// Upper-case letters, digits, `-` and `_`: other tokens of RFC 9110, section 9.1, are refused before policy.
fn is_method(text: &str) -> bool {
    const MAX_METHOD_BYTES: usize = 32;
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.len() <= MAX_METHOD_BYTES
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn key(
    field: &SelectorField,
    protocol: Protocol,
    diagnostics: &mut Diagnostics,
) -> Option<(Selector, Option<String>)> {
    let value = field.values.first()?;
    let text = value.value.as_str();
    let refuse = |diagnostics: &mut Diagnostics, code, message: String, help: String| {
        diagnostics.push(Diagnostic::new(code, value.span, message).help(help));
        None
    };
    if text.len() > MAX_KEY_BYTES {
        let message = format!("longer than {MAX_KEY_BYTES} bytes");
        return refuse(diagnostics, Code::TooMuch, message, String::from("use `*` for a part of it"));
    }
    if let Some(odd) = text.chars().find(|c| c.is_control()) {
        let message = format!("`{}` in `{}`", odd.escape_default(), field.field.value);
        return refuse(diagnostics, Code::BadSelector, message, String::from("printable characters only"));
    }
    let key = match (protocol, field.field.value) {
        (Protocol::Mcp, "tool") => format!("tools/call:{text}"),
        (Protocol::Mcp, "resource") => {
            if let Some(why) = not_canonical(text) {
                let message = format!("`{text}` {why}, which no canonical URI has");
                let help = "write the URI as requests are compared, as in `file:///docs/*`";
                return refuse(diagnostics, Code::BadSelector, message, String::from(help));
            }
            format!("resources/read:{text}")
        }
        (Protocol::Mcp, "prompt") => format!("prompts/get:{text}"),
        (Protocol::Mcp, _) => {
            if let Some((_, better)) = MCP_CALLS.iter().find(|(method, _)| *method == text) {
                let message = format!("`{text}` alone says nothing of what is asked for");
                return refuse(diagnostics, Code::BadSelector, message, format!("write `{better}: \"*\"`"));
            }
            known_method(value, MCP_METHODS, "MCP", diagnostics)?;
            text.to_owned()
        }
        (Protocol::Grpc, _) => {
            if !is_grpc(text) {
                let message = format!("`{text}` is not a gRPC method");
                return refuse(
                    diagnostics,
                    Code::BadSelector,
                    message,
                    String::from("as in `shop.v1.Orders/Get`, or `shop.v1.Orders/*`"),
                );
            }
            format!("/{}", text.trim_start_matches('/'))
        }
        (_, _) => {
            known_method(value, A2A_METHODS, "A2A", diagnostics)?;
            text.to_owned()
        }
    };
    let plain = !text.contains('*');
    let name = plain.then(|| text.trim_start_matches('/').replace('/', "."));
    Some((Selector::Key(collapse(&key)), name))
}

/// Refuses a method that the filter does not know: it would never match.
fn known_method(value: &Name, known: &[&str], protocol: &str, diagnostics: &mut Diagnostics) -> Option<()> {
    let text = value.value.as_str();
    if text.contains('*') || known.contains(&text) {
        return Some(());
    }
    let help = did_you_mean(text, known.iter().copied())
        .unwrap_or_else(|| format!("the methods are `{}`", known.join("`, `")));
    let message = format!("unknown {protocol} method `{text}`");
    diagnostics.push(Diagnostic::new(Code::UnknownMethod, value.span, message).help(help));
    None
}

/// Why no canonical URI can match, as far as that can be told of a pattern.
fn not_canonical(text: &str) -> Option<&'static str> {
    let upper = |part: &str| part.contains(|c: char| c.is_ascii_uppercase());
    if !text.is_ascii() {
        return Some("holds characters outside ASCII");
    }
    if text.contains([' ', '\\', '#']) {
        return Some("holds a blank, `\\` or `#`");
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return (!text.contains('*')).then_some("has no scheme");
    };
    if upper(scheme) {
        return Some("has an upper-case scheme");
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => ("", rest),
    };
    if upper(host) {
        return Some("has an upper-case host");
    }
    path.split(['/', '?']).any(|segment| matches!(segment, "." | "..")).then_some("has a dot segment")
}

/// `package.Service/Method`, where `*` may stand for a part.
fn is_grpc(text: &str) -> bool {
    let part = |text: &str, dots: bool| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'*' || (dots && b == b'.'))
    };
    match text.strip_prefix('/').unwrap_or(text).split_once('/') {
        Some((service, method)) => part(service, true) && part(method, false),
        None => text == "*",
    }
}

/// Runs of `*` mean what one does.
fn collapse(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        if c != '*' || !out.ends_with('*') {
            out.push(c);
        }
    }
    out
}

/// How a selector is written, for messages.
pub(super) fn print(selector: &Selector) -> String {
    match selector {
        Selector::Http { methods, path } if methods.is_empty() => format!("* {}", path::print(path)),
        Selector::Http { methods, path } => format!("{} {}", methods.join(","), path::print(path)),
        Selector::Key(key) => key.clone(),
    }
}

/// A name with its place.
pub(super) fn named(
    name: &Option<Name>,
    otherwise: Option<String>,
    action: &Action,
) -> Option<Spanned<String>> {
    name.clone().or_else(|| otherwise.map(|name| Spanned::new(name, action.span)))
}
