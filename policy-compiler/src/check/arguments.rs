//! What arguments an action lists, and whether its requests have any.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Protocol, Selector};
use crate::source::Span;
use crate::syntax::ast::{Action, Name};
use crate::syntax::limits::{MAX_ARGUMENT_KEY_BYTES, MAX_FIELD_KEYS};

/// Whether requests of an action have arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    /// They do.
    Offered,
    /// The protocol has none for it.
    Absent,
    /// They may be there, but such requests have no body as a rule.
    Unusual,
}

/// Whether requests of an action have arguments.
pub(super) fn offered(protocol: Protocol, selector: &Selector) -> Arguments {
    let starts = |key: &str, call: &str| {
        // A wildcard may stand for the call.
        let literal = key.split('*').next().unwrap_or("");
        literal.starts_with(call) || (key.contains('*') && call.starts_with(literal))
    };
    let offered = match (protocol, selector) {
        (Protocol::Grpc | Protocol::Egress, _) => false,
        (Protocol::Mcp, Selector::Key(key)) => starts(key, "tools/call:") || starts(key, "prompts/get:"),
        (Protocol::A2a, Selector::Key(key)) => starts(key, "message.send") || starts(key, "message.stream"),
        (_, Selector::Http { methods, .. }) => {
            let bodiless = |method: &String| matches!(method.as_str(), "GET" | "HEAD");
            if !methods.is_empty() && methods.iter().all(bodiless) {
                return Arguments::Unusual;
            }
            true
        }
        (Protocol::Http, Selector::Key(_)) => false,
    };
    if offered { Arguments::Offered } else { Arguments::Absent }
}

/// Why requests of a protocol may have no arguments.
pub(super) const fn why_absent(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "messages of gRPC are not read",
        Protocol::Mcp => "only tool calls and prompts have arguments",
        Protocol::A2a => "only messages have data parts",
        Protocol::Http | Protocol::Egress => "it has no body",
    }
}

/// The arguments that an action lists, by their keys; none if it lists none.
pub(super) fn listed(
    written: &Action,
    protocol: Protocol,
    selector: &Selector,
    name: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Vec<String>>> {
    let names = written.arguments.as_ref()?;
    let span = names.first().map_or(written.span, |first| first.span);
    match offered(protocol, selector) {
        Arguments::Absent => {
            let message = format!("`{name}` has no arguments to list");
            diagnostics.push(
                Diagnostic::new(Code::WrongProtocol, span, message)
                    .help("leave `arguments` out")
                    .note(why_absent(protocol)),
            );
        }
        Arguments::Unusual if !names.is_empty() => {
            let message = format!("requests of `{name}` have no body as a rule");
            diagnostics.push(
                Diagnostic::new(Code::NoBody, span, message)
                    .help("parameters of the query and of the path are no arguments: `arguments: []` says that there are none"),
            );
        }
        Arguments::Unusual | Arguments::Offered => {}
    }
    let mut all: Vec<(Vec<String>, Span)> = Vec::with_capacity(names.len());
    for name in names {
        match keys(&name.value, protocol) {
            Ok(keys) => all.push((keys, name.span)),
            Err((why, help)) => {
                let message = format!("`{}` {why}", name.value);
                diagnostics.push(Diagnostic::new(Code::BadArgument, name.span, message).help(help));
            }
        }
    }
    all.sort();
    refuse_overlaps(&all, names, diagnostics);
    all.dedup_by(|later, earlier| later.0 == earlier.0);
    Some(all.into_iter().map(|(keys, _)| keys).collect())
}

/// Whoever lists a part of an object and the whole of it means one of both. In order, what is inside comes after.
fn refuse_overlaps(all: &[(Vec<String>, Span)], names: &[Name], diagnostics: &mut Diagnostics) {
    let mut outer: Option<&(Vec<String>, Span)> = None;
    let text =
        |span: Span| names.iter().find(|name| name.span == span).map_or("", |name| name.value.as_str());
    for inner in all {
        match outer {
            Some(outer) if inner.0.starts_with(&outer.0) => {
                let (part, whole) = (text(inner.1), text(outer.1));
                let diagnostic = if part == whole {
                    Diagnostic::new(Code::BadArgument, inner.1, format!("`{part}` is listed twice"))
                        .help("remove one of them")
                } else {
                    Diagnostic::new(
                        Code::BadArgument,
                        inner.1,
                        format!("`{part}` lies in `{whole}`, which is listed with all that is in it"),
                    )
                    .help(format!("remove `{whole}` to have only what is listed of it, else this one"))
                };
                diagnostics.push(diagnostic.also(outer.1, "the other one"));
            }
            _ => outer = Some(inner),
        }
    }
}

/// The keys of `table`, `filter.from` and `filter["a.b"]`.
fn keys(text: &str, protocol: Protocol) -> Result<Vec<String>, (String, String)> {
    const SHAPE: &str = "is no name of an argument";
    let wrong = |help: &str| Err((String::from(SHAPE), String::from(help)));
    if let Some(rest) = text.strip_prefix("args.") {
        return Err((
            String::from("starts with `args.`, which conditions write and this list does not"),
            format!("write `{rest}`, or, for what is in an argument named `args`, `[\"args\"].{rest}`"),
        ));
    }
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        let key;
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let Some((inside, after)) = quoted.split_once("\"]") else {
                return wrong("close it, as in `filter[\"a.b\"]`");
            };
            (key, rest) = (inside, after);
        } else if rest.starts_with('[') {
            return wrong(
                "elements of a list are not told apart: list the argument that holds the list, as in `items`",
            );
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (key, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if key.is_empty() {
                return wrong("as in `table`, `filter.from` or `filter[\"a.b\"]`");
            }
        }
        if key.len() > MAX_ARGUMENT_KEY_BYTES {
            return wrong(&format!("a key has at most {MAX_ARGUMENT_KEY_BYTES} bytes"));
        }
        if key.contains(char::is_control) {
            return wrong("printable characters only");
        }
        keys.push(key.to_owned());
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => break,
            None if rest.starts_with('[') => {}
            None => return wrong("as in `table`, `filter.from` or `filter[\"a.b\"]`"),
        }
    }
    let most = MAX_FIELD_KEYS.saturating_sub(protocol.arguments().len());
    if keys.len() > most {
        return Err((
            format!("is more than {most} keys deep"),
            String::from("list an argument that holds it"),
        ));
    }
    Ok(keys)
}

/// Whether an action that lists `listed` may have something at `keys`, or around it.
pub(super) fn admits(listed: &[Vec<String>], keys: &[&str]) -> bool {
    listed.iter().any(|argument| argument.iter().zip(keys).all(|(left, right)| left == right))
}

/// How an argument is written.
pub(super) fn print(keys: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for key in keys {
        let key = key.as_ref();
        if key.is_empty() || key.contains(['.', '[', ']', '"']) {
            text.push_str(&format!("[\"{key}\"]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_arguments() {
        for (text, expected) in [
            ("table", &["table"][..]),
            ("filter.from", &["filter", "from"]),
            ("filter[\"a.b\"].c", &["filter", "a.b", "c"]),
            ("[\"args\"].x", &["args", "x"]),
            ("a-b.$top.\u{fc}", &["a-b", "$top", "\u{fc}"]),
            ("[\"\"]", &[""]),
        ] {
            let found = keys(text, Protocol::Mcp).unwrap();
            assert_eq!(found, expected, "{text}");
            let again = keys(&print(&found), Protocol::Mcp);
            assert!(text == "[\"args\"].x" || again == Ok(found), "{text}");
        }
        for text in ["", ".", "a.", ".a", "a..b", "a[]", "a[0]", "a[\"b", "a[\"b\"]c", "a\n", "args.a"] {
            assert!(keys(text, Protocol::Mcp).is_err(), "{text}");
        }
        assert!(keys(&"a".repeat(257), Protocol::Http).is_err());
        assert!(keys(&["a"; 14].join("."), Protocol::Mcp).is_ok());
        assert!(keys(&["a"; 15].join("."), Protocol::Mcp).is_err());
    }

    #[test]
    fn what_a_list_admits() {
        let listed = [vec![String::from("a")], vec![String::from("b"), String::from("c")]];
        for (keys, expected) in [
            (&["a"][..], true),
            (&["a", "x"], true),
            (&["b"], true),
            (&["b", "c"], true),
            (&["b", "d"], false),
            (&["d"], false),
        ] {
            assert_eq!(admits(&listed, keys), expected, "{keys:?}");
        }
        assert!(!admits(&[], &["a"]));
    }
}
