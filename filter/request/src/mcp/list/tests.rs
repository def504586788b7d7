use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::{MAX_LIST_BYTES, MAX_LIST_ENTRIES};
use crate::uri::canonicalize_uri;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// May use what has an `x` in it, and notes what it is asked.
#[derive(Default)]
struct Reader {
    asked: Vec<String>,
    refused: Vec<ListError>,
}

fn may_use(key: &str) -> bool {
    key.contains('x')
}

impl Audience for Reader {
    fn may_use(&mut self, entry: Entry<'_>) -> bool {
        let (Entry::Key(key) | Entry::Below(key)) = entry;
        let key = String::from_utf8(key.to_vec()).unwrap();
        let may = may_use(&key);
        self.asked.push(if matches!(entry, Entry::Below(_)) { key + "..." } else { key });
        may
    }

    fn instead(&mut self, error: ListError) -> Option<Vec<u8>> {
        self.refused.push(error);
        (self.refused.len() == 1).then(|| format!("<{error}>").into_bytes())
    }
}

/// What goes on of a reply that comes in pieces.
fn rewrite<'b>(framing: Framing, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<u8>, Reader) {
    let (mut rewriter, mut reader, mut out) = (Rewriter::new(framing), Reader::default(), Vec::new());
    for piece in pieces {
        rewriter.push(piece, false, &mut reader, &mut out);
    }
    rewriter.push(b"", true, &mut reader, &mut out);
    (out, reader)
}

fn cut<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[track_caller]
fn check(framing: Framing, reply: &str, expected: &str, asked: &[&str]) {
    let (out, reader) = rewrite(framing, [reply.as_bytes()]);
    assert_eq!(String::from_utf8_lossy(&out), expected, "for `{reply}`");
    assert_eq!(reader.asked, asked, "for `{reply}`");
    let (single, _) = rewrite(framing, reply.as_bytes().chunks(1));
    assert_eq!(single, out, "for `{reply}`");
}

#[test]
fn entries_that_may_not_be_used_are_left_out() {
    let tools = |list: &str| {
        format!(r#"{{"jsonrpc":"2.0", "id":1,"result" : {{"tools":{list} , "nextCursor":"c"}}}} "#)
    };
    for (list, expected, asked) in [
        (r#"[ {"name":"x1"} , {"name":"x2"} ]"#, r#"[ {"name":"x1"} , {"name":"x2"} ]"#, &["x1", "x2"][..]),
        (r#"[ {"name":"a"} , {"name":"x2"} ]"#, r#"[ {"name":"x2"} ]"#, &["a", "x2"]),
        (r#"[ {"name":"x1"} , {"name":"b"} ]"#, r#"[ {"name":"x1"} ]"#, &["x1", "b"]),
        (
            r#"[{"name":"x1"},{"name":"b"},{"name":"c"},{"name":"x2"}]"#,
            r#"[{"name":"x1"},{"name":"x2"}]"#,
            &["x1", "b", "c", "x2"],
        ),
        (r#"[{"name":"a"},{"name":"b"}]"#, "[]", &["a", "b"]),
        ("[ ]", "[ ]", &[]),
        ("null", "null", &[]),
        // The name may come last, be escaped, and be beside others.
        (r#"[{"inputSchema":{"name":"x","properties":{"name":["x"]}},"name":"a"}]"#, "[]", &["a"]),
        (r#"[{"title":"]},{[","name":"\u0078\/"}]"#, r#"[{"title":"]},{[","name":"\u0078\/"}]"#, &["x/"]),
        // What has not one name has none.
        (
            r#"[{"name":"x","name":"a"},{"name":"x","name":"x"},{"name":7},{"name":{"name":"x"}},{"name":["x"]},{"name":null},{}]"#,
            "[]",
            &[],
        ),
        (r#"[{"name":""},{"name":"x\n"},{"name":"x1"}]"#, r#"[{"name":"x1"}]"#, &["x1"]),
        (
            r#"["x",7,{"name":"x1"},null, ["x"], {"name":"x2"},true ]"#,
            r#"[{"name":"x1"}, {"name":"x2"}]"#,
            &["x1", "x2"],
        ),
        (r#"[-7]"#, "[]", &[]),
    ] {
        let asked: Vec<String> = asked.iter().map(|name| format!("tools/call:{name}")).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        check(Framing::Json, &tools(list), &tools(expected), &asked);
    }
}

#[test]
fn every_list_has_its_own_names() {
    check(
        Framing::Json,
        r#"{"result":{"prompts":[{"uri":"x","name":"a"}],"resources":[{"name":"x","uri":"A://x//%41"},{"name":"x","uri":"x"}],"resourceTemplates":[{"uriTemplate":"A://h/%61/x{y}/z{?q}"},{"uriTemplate":"a://x"},{"uriTemplate":"{x}"}],"others":[{"name":"a"}]}}"#,
        r#"{"result":{"prompts":[],"resources":[{"name":"x","uri":"A://x//%41"}],"resourceTemplates":[{"uriTemplate":"a://x"}],"others":[{"name":"a"}]}}"#,
        &[
            "prompts/get:a",
            "resources/read:a://x/A",
            "resources/read:a://h/a/...",
            "resources/read:a://x",
            "resources/read:...",
        ],
    );
}

#[test]
fn lists_are_only_where_a_result_has_them() {
    for text in [
        r#"{"tools":[{"name":"a"}]}"#,
        r#"{"params":{"tools":[{"name":"a"}]}}"#,
        r#"{"result":{"structuredContent":{"tools":[{"name":"a"}]}}}"#,
        r#"{"result":[{"tools":[{"name":"a"}]}]}"#,
        r#"{"error":{"result":{"tools":[{"name":"a"}]}}}"#,
        r#"[[{"result":{"tools":[{"name":"a"}]}}]]"#,
    ] {
        check(Framing::Json, text, text, &[]);
    }
    // In a batch each message has its own; one with two results has two.
    check(
        Framing::Json,
        r#"[1,{"result":{"tools":[{"name":"a"}]}},{"result":{"tools":[{"name":"b"},{"name":"x"}],"tools":[{"name":"c"}]},"result":{"tools":[{"name":"d"}]}}]"#,
        r#"[1,{"result":{"tools":[]}},{"result":{"tools":[{"name":"x"}],"tools":[]},"result":{"tools":[]}}]"#,
        &["tools/call:a", "tools/call:b", "tools/call:x", "tools/call:c", "tools/call:d"],
    );
}

#[test]
fn what_cannot_be_read_is_answered() {
    let names = |count: usize| vec![r#"{"name":"x"}"#; count].join(",");
    let reply = |list: String| format!(r#"{{"result":{{"tools":{list}}}}}"#);
    for (reply, error) in [
        (String::new(), "json-empty"),
        ("x".to_string(), "list-shape"),
        ("\u{feff}{}".to_string(), "list-shape"),
        ("7".to_string(), "list-shape"),
        (reply(r#"{"a":{"name":"a"}}"#.to_string()), "list-shape"),
        (reply(r#""a""#.to_string()), "list-shape"),
        (r#"{"result":{"tools":[{"name":"x"}]"#.to_string(), "json-unexpected-end"),
        (r#"{"result":{"tools":[{"name":"x"},]}}"#.to_string(), "json-unexpected-byte"),
        (r#"{"result":{"tools":[{"name":"\ud800"}]}}"#.to_string(), "json-lone-surrogate"),
        (reply(format!("[{}]", names(MAX_LIST_ENTRIES + 1))), "list-too-many-entries"),
        (reply(format!(r#"[{{"name":"{}"}}]"#, "x".repeat(MAX_LIST_BYTES))), "list-too-large"),
        (format!("{}{}", "[".repeat(65), "]".repeat(65)), "json-too-deep"),
    ] {
        let (out, reader) = rewrite(Framing::Json, [reply.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&out), format!("<{error}>"));
        assert_eq!(reader.refused.len(), 1);
    }
    let most = reply(format!("[{}]", names(MAX_LIST_ENTRIES)));
    assert_eq!(rewrite(Framing::Json, [most.as_bytes()]).0, most.as_bytes());
    // What stays out does not count, or else a server with many tools could not be used at all.
    let long = format!(r#"{{"name":"a","description":"{}"}},"#, "b".repeat(1_000)).repeat(1_000);
    let (out, _) = rewrite(Framing::Json, [reply(format!(r#"[{long}{{"name":"x"}}]"#)).as_bytes()]);
    assert!(long.len() > MAX_LIST_BYTES);
    assert_eq!(out, reply(r#"[{"name":"x"}]"#.to_string()).as_bytes());
    // Nothing follows a message.
    let (out, _) = rewrite(Framing::Json, [&br#"{"result":{}} {"result":{"tools":[{"name":"a"}]}}"#[..]]);
    assert_eq!(out, br#"{"result":{}} "#);
}

#[test]
fn events_go_on_one_by_one() {
    let kept = r#"{"result":{"tools":[{"name":"x"}]}}"#;
    let both = r#"{"result":{"tools":[{"name":"a"},{"name":"x"}]}}"#;
    for (stream, expected) in [
        (format!("data: {kept}\n\n"), format!("data: {kept}\n\n")),
        (format!("data: {both}\n\n"), format!("data: {kept}\n\n")),
        (format!("\u{feff}data: {both}\n\n"), format!("data: {kept}\n\n")),
        (format!("data:{both}\r\n\r\n"), format!("data: {kept}\n\r\n")),
        (
            format!("id: 1\rdata:{both}\revent: message\r\r: ping\r"),
            format!("id: 1\rdata: {kept}\nevent: message\r\r: ping\r"),
        ),
        (
            format!(": ping\n\ndata\n\ndata:\n\nretry: 7\nid: 3\ndata: \n\ndata: {both}\n\n"),
            format!(": ping\n\ndata\n\ndata:\n\nretry: 7\nid: 3\ndata: \n\ndata: {kept}\n\n"),
        ),
        // Data in several lines is one text.
        (
            "data: {\"result\":\ndata: {\"tools\":[{\"name\":\"a\"}\nid: 4\ndata:]}}\n\n".to_string(),
            "data: {\"result\":\ndata: {\"tools\":[\ndata: ]}}\nid: 4\n\n".to_string(),
        ),
        // What cannot be read is answered once, and the rest goes on.
        (
            format!("event: a\ndata: oops\nid: 9\n\ndata: more\n\ndata: {kept}\n\n"),
            format!("event: a\ndata: <list-shape>\nid: 9\n\n\ndata: {kept}\n\n"),
        ),
        (format!("data: {kept} {both}\n\n"), "data: <json-trailing-data>\n\n".to_string()),
        (
            format!("data: {}\nid: 7\n\ndata: {both}\n\n", "x".repeat(MAX_LIST_BYTES)),
            format!("data: <list-too-large>\n\ndata: {kept}\n\n"),
        ),
        // An event that does not end is none.
        (format!("data: {kept}\n\ndata: {both}\n"), format!("data: {kept}\n\n")),
        ("database: 1\n\n".to_string(), "database: 1\n\n".to_string()),
    ] {
        let (out, _) = rewrite(Framing::Events, [stream.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&out), expected, "for `{:.200}`", stream);
        let (single, _) = rewrite(Framing::Events, stream.as_bytes().chunks(1));
        assert!(single == out, "for `{stream:.200}`: `{:.200}`", String::from_utf8_lossy(&single));
    }
    // A comment does not wait for what follows, nor an event.
    let (mut rewriter, mut reader, mut out) = (Rewriter::new(Framing::Events), Reader::default(), Vec::new());
    for (piece, expected) in
        [(": pi", ""), ("ng\n", ": ping\n"), ("id: 1\ndata: {}\n", "id: 1\n"), ("\nda", "data: {}\n\n")]
    {
        out.clear();
        rewriter.push(piece.as_bytes(), false, &mut reader, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}

fn name() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => prop::sample::select(vec!["x", "a", "x y", "\"x\\", "é", "x://h", "a://h/x", "a://h/{x}", "x:{y}"]).prop_map(Value::from),
        1 => Just(json!(1)),
        1 => Just(json!(null)),
        1 => Just(json!(["x"])),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(vec!["tools", "x", "},{", "\u{2028}\\", ""]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop::sample::select(vec!["tools", "name", "uri", "result", "x"]).prop_map(String::from);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn entry() -> impl Strategy<Value = Value> {
    let named = (prop::sample::select(vec!["name", "uri", "uriTemplate"]), name(), anything())
        .prop_map(|(key, name, more)| json!({key: name, "more": more}));
    prop_oneof![5 => named, 1 => anything()]
}

fn message() -> impl Strategy<Value = Value> {
    let list =
        prop_oneof![6 => prop::collection::vec(entry(), 0..5).prop_map(Value::Array), 1 => Just(json!(null))];
    let key = prop::sample::select(vec!["tools", "resources", "resourceTemplates", "prompts"])
        .prop_map(String::from);
    let lists = prop::collection::btree_map(key, list, 0..3);
    (lists, anything()).prop_map(|(lists, more)| {
        let mut result: serde_json::Map<String, Value> = lists.into_iter().collect();
        result.insert("nextCursor".into(), more);
        json!({"jsonrpc": "2.0", "id": 1, "result": result})
    })
}

/// The same on a tree, by the same names.
fn filtered(message: &Value) -> Value {
    let mut message = message.clone();
    let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) else { return message };
    for (list, name, method) in [
        ("tools", "name", "tools/call"),
        ("resources", "uri", "resources/read"),
        ("resourceTemplates", "uriTemplate", "resources/read"),
        ("prompts", "name", "prompts/get"),
    ] {
        if let Some(Value::Array(entries)) = result.get_mut(list) {
            entries.retain(|entry| {
                let Some(name) = entry.as_object().and_then(|entry| entry.get(name)?.as_str()) else {
                    return false;
                };
                let mut key = format!("{method}:").into_bytes();
                match method {
                    "resources/read" => match name.split_once('{').filter(|_| list == "resourceTemplates") {
                        // None of these names has more to its start than the scheme or the host.
                        Some((start, _)) => key.extend(
                            start
                                .trim_end_matches("x:")
                                .bytes()
                                .chain(start.strip_suffix("x:").map_or("", |_| "x:").bytes()),
                        ),
                        None if canonicalize_uri(name.as_bytes(), &mut key).is_err() => return false,
                        None => {}
                    },
                    _ => key.extend(name.bytes()),
                }
                may_use(&String::from_utf8(key).unwrap())
            });
        }
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    /// As on a tree; a message of which nothing is left out stays as it is; and where it is cut does not matter.
    #[test]
    fn as_a_tree_would_be(messages in prop::collection::vec(message(), 1..3), is_pretty: bool, is_batch: bool, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let write = |value: &Value| if is_pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap();
        let value = if is_batch { Value::Array(messages.clone()) } else { messages[0].clone() };
        let expected = match &value {
            Value::Array(messages) => Value::Array(messages.iter().map(filtered).collect()),
            message => filtered(message),
        };
        let text = write(&value);
        let (out, reader) = rewrite(Framing::Json, [text.as_bytes()]);
        prop_assert_eq!(&reader.refused, &[], "{}", text);
        prop_assert_eq!(&serde_json::from_slice::<Value>(&out).unwrap(), &expected, "{}", text);
        if value == expected {
            prop_assert_eq!(&out, text.as_bytes());
        }
        let (parts, _) = rewrite(Framing::Json, cut(text.as_bytes(), &cuts));
        prop_assert_eq!(&parts, &out);

        // In a stream of events, each message by itself.
        let events = |messages: &[Value]| messages.iter().map(|message| {
            let data = write(message).lines().map(|line| format!("data: {line}\n")).collect::<String>();
            format!("id: 1\n{data}\n: ping\n")
        }).collect::<String>();
        let text = events(&messages);
        let (out, _) = rewrite(Framing::Events, [text.as_bytes()]);
        let (parts, _) = rewrite(Framing::Events, cut(text.as_bytes(), &cuts));
        prop_assert_eq!(&parts, &out);
        let out = String::from_utf8(out).unwrap();
        let data: Vec<Value> = out.split("\n\n").filter(|event| event.contains("data")).map(|event| {
            let lines: Vec<&str> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            serde_json::from_str(&lines.join("\n")).unwrap()
        }).collect();
        prop_assert_eq!(data, messages.iter().map(filtered).collect::<Vec<_>>(), "{}", text);
    }

    /// Whatever comes, the pieces do not matter, and what goes on of a JSON reply is JSON or the answer.
    #[test]
    fn whatever_comes(message in message(), at: prop::sample::Index, change in prop::sample::select(vec!["", "\"", "}", "]", ",", "{", "[", "\\", "\n", "\r\n", "\n\n", "data:", "x", "\u{feff}"]), removed in 0_usize..4, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let json = message.to_string();
        let events = format!("id: 1\r\ndata: {json}\r\n\r\ndata: {json}\n\n");
        for (framing, text) in [(Framing::Json, json), (Framing::Events, events)] {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, change.bytes());
            let (out, reader) = rewrite(framing, [&bytes[..]]);
            let (parts, _) = rewrite(framing, cut(&bytes, &cuts));
            prop_assert_eq!(&parts, &out, "{}", String::from_utf8_lossy(&bytes));
            let (single, _) = rewrite(framing, bytes.chunks(1));
            prop_assert_eq!(&single, &out, "{}", String::from_utf8_lossy(&bytes));
            if framing == Framing::Json && reader.refused.is_empty() {
                prop_assert!(serde_json::from_slice::<Value>(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
            }
        }
    }

    /// What a template may expand to has the start that it is looked for by.
    #[test]
    fn templates_start_as_what_they_expand_to(start in "[aA/:.%7E0?#éh\\\\]{0,4}(://)?[aA/:.%4é?h]{0,8}", rest in "[aA/:.%4é?h#]{0,6}") {
        let list = super::entry::List::of(b"resourceTemplates").unwrap();
        let found = list.entry(format!("{start}{{x}}").as_bytes(), |entry| match entry {
            Entry::Below(key) | Entry::Key(key) => key.to_vec(),
        });
        let mut key = b"resources/read:".to_vec();
        if canonicalize_uri(format!("{start}{rest}").as_bytes(), &mut key).is_ok() {
            let found = found.expect("a start");
            prop_assert!(key.starts_with(&found), "{} of {}", String::from_utf8_lossy(&found), String::from_utf8_lossy(&key));
        }
    }
}
