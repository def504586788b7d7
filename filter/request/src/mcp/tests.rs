use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::extract::{Extractor, Root, Selection, extract};
use crate::limits::MAX_NAME_BYTES;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn modern(method: &'static str, name: &'static str) -> Mirror<'static> {
    Mirror::read(Some(b"2026-07-28"), Some(method.as_bytes()), Some(name.as_bytes())).unwrap()
}

fn modern_query() -> Mirror<'static> {
    modern("tools/call", "query")
}

fn selection() -> (Selection, Fields) {
    let mut builder = Selection::builder(Root::Batch);
    let fields = Fields::select(&mut builder).unwrap();
    (builder.build(), fields)
}

fn legacy(version: Version) -> Mirror<'static> {
    Mirror::read(Some(version.as_str().as_bytes()), None, None).unwrap()
}

/// The action keys of a body, or why it is refused.
fn keys(body: &str, mirror: &Mirror<'_>) -> Result<Vec<String>, McpError> {
    let (selection, fields) = selection();
    let facts = extract(&selection, body.as_bytes()).unwrap();
    let mut keys = Vec::new();
    for message in messages(&facts, &fields, mirror) {
        let mut key = b"left over".to_vec();
        message?.write_key(&mut key)?;
        keys.push(String::from_utf8(key).unwrap());
    }
    assert!(!keys.is_empty(), "no message is no permission");
    Ok(keys)
}

#[track_caller]
fn check(body: &str, mirror: &Mirror<'_>, expected: Result<&[&str], McpError>) {
    let expected = expected.map(|keys| keys.iter().map(|key| key.to_string()).collect());
    assert_eq!(keys(body, mirror), expected, "for `{body}`");
}

fn call(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

#[test]
fn every_kind_of_message_has_a_key() {
    let mirror = &legacy(Version::V2025_11_25);
    for (method, params, key) in [
        ("tools/call", r#"{"arguments":{"name":"x"},"name":"a:b c"}"#, "tools/call:a:b c"),
        ("prompts/get", r#"{"name":"p"}"#, "prompts/get:p"),
        ("resources/read", r#"{"uri":"FILE:///a//b"}"#, "resources/read:file:///a/b"),
        ("tools/list", "{}", "tools/list"),
        ("initialize", r#"{"protocolVersion":"2099-01-01"}"#, "initialize"),
        ("tasks/get", r#"{"taskId":"t"}"#, "tasks/get"),
        ("ping", "{}", "ping"),
    ] {
        check(&call(method, params), mirror, Ok(&[key]));
    }
    check(
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        mirror,
        Ok(&["notifications/initialized"]),
    );
    check(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, mirror, Ok(&["response"]));
    check(r#"{"jsonrpc":"2.0","id":7,"error":{"code":1}}"#, mirror, Ok(&["response"]));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let mirror = &legacy(Version::V2025_11_25);
    for (body, error) in [
        (call("tools/Call", "{}"), McpError::UnknownMethod),
        (call("", "{}"), McpError::UnknownMethod),
        (call("sampling/createMessage", "{}"), McpError::UnknownMethod),
        (call("server/discover", "{}"), McpError::UnknownMethod),
        (call("tools/call", "{}"), McpError::NoSubject),
        (call("tools/call", r#"["query"]"#), McpError::NoSubject),
        (call("tools/call", r#"{"name":7}"#), McpError::NoSubject),
        (call("tools/call", r#"{"uri":"a:b"}"#), McpError::NoSubject),
        (call("tools/call", r#"{"name":""}"#), McpError::Name(NameError::Empty)),
        (call("tools/call", r#"{"name":"a\n"}"#), McpError::Name(NameError::Character)),
        (
            call("tools/call", &format!(r#"{{"name":"{}"}}"#, "a".repeat(MAX_NAME_BYTES + 1))),
            McpError::Name(NameError::TooLong),
        ),
        (call("resources/read", r#"{"uri":"a"}"#), McpError::Uri(UriError::NoScheme)),
        (call("notifications/initialized", "{}"), McpError::RequestKind),
        (
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#.to_string(),
            McpError::RequestKind,
        ),
        ("7".to_string(), McpError::Envelope(EnvelopeError::Version)),
        (format!("[{}]", call("ping", "{}")), McpError::UnexpectedBatch),
        ("[]".to_string(), McpError::UnexpectedBatch),
    ] {
        check(&body, mirror, Err(error));
    }
}

#[test]
fn batches_are_judged_one_by_one_and_only_where_they_exist() {
    let first = &legacy(Version::V2025_03_26);
    let batch = format!(
        r#"[{}, {{"jsonrpc":"2.0","id":1,"result":1}}, {}]"#,
        call("tools/call", r#"{"name":"a"}"#),
        call("ping", "{}")
    );
    check(&batch, first, Ok(&["tools/call:a", "response", "ping"]));
    check("[]", first, Err(McpError::EmptyBatch));
    check(&format!("[{}]", call("initialize", "{}")), first, Err(McpError::InitializeInBatch));
    check(&format!("[[{batch}]]"), first, Err(McpError::Envelope(EnvelopeError::Version)));
    check(&format!("[{}, 1]", call("ping", "{}")), first, Err(McpError::Envelope(EnvelopeError::Version)));
    assert_eq!(Mirror::read(None, Some(b"x"), Some(b"y")), Ok(*first), "no version is the oldest one");

    let (selection, fields) = selection();
    let unread = Extractor::new(&selection);
    assert!(messages(unread.facts(), &fields, first).all(|message| message.is_err()));
    assert_eq!(messages(unread.facts(), &fields, first).count(), 1);

    // Nobody selected for batches: an array is then no message, and still not nothing.
    let mut builder = Selection::builder(Root::Document);
    let fields = Fields::select(&mut builder).unwrap();
    let facts = extract(&builder.build(), batch.as_bytes()).unwrap();
    let read: Vec<_> = messages(&facts, &fields, first).collect();
    assert_eq!(read, [Err(McpError::Envelope(EnvelopeError::Version))]);
}

#[test]
fn mirror_headers_must_agree_with_the_body() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let with_meta = |method: &str, rest: &str| call(method, &format!("{{{rest}{meta}}}"));
    let query = with_meta("tools/call", r#""name":"query","#);
    check(&query, &modern_query(), Ok(&["tools/call:query"]));
    check(&with_meta("tools/list", ""), &modern("tools/list", "anything"), Ok(&["tools/list"]));
    check(&with_meta("tasks/get", r#""taskId":"t","#), &modern("tasks/get", "t"), Ok(&["tasks/get"]));
    let padded = Mirror::read(Some(b" 2026-07-28"), Some(b"tools/call\t"), Some(b"  query ")).unwrap();
    check(&query, &padded, Ok(&["tools/call:query"]));

    let mismatch = Err(McpError::HeaderMismatch);
    check(&query, &modern("tools/list", "query"), mismatch);
    check(&query, &modern("tools/call", "Query"), mismatch);
    check(&query, &modern("tools/call", ""), mismatch);
    check(&with_meta("tasks/get", r#""taskId":"t","#), &modern("tasks/get", "u"), mismatch);
    for (method, name) in [(None, Some(&b"query"[..])), (Some(&b"tools/call"[..]), None)] {
        check(&query, &Mirror::read(Some(b"2026-07-28"), method, name).unwrap(), mismatch);
    }
    // The version in the body must be the one in the header, and there.
    check(&call("tools/call", r#"{"name":"query"}"#), &modern_query(), mismatch);
    check(&query.replace("2026", "2025"), &modern_query(), mismatch);
    check(&query, &legacy(Version::V2025_11_25), mismatch);
    check(&query, &Mirror::read(None, None, None).unwrap(), mismatch);
    // Notifications need none, but may not lie.
    let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    check(
        cancelled,
        &Mirror::read(Some(b"2026-07-28"), None, None).unwrap(),
        Ok(&["notifications/cancelled"]),
    );
    check(cancelled, &modern_query(), mismatch);
    check(r#"{"jsonrpc":"2.0","id":1,"result":1}"#, &modern_query(), Err(McpError::UnexpectedResponse));
    // Older versions do not know the headers, so they say nothing.
    let lying = Mirror::read(Some(b"2025-11-25"), Some(b"tools/list"), Some(b"other")).unwrap();
    check(&call("tools/call", r#"{"name":"query"}"#), &lying, Ok(&["tools/call:query"]));
}

#[test]
fn names_that_no_header_can_carry_come_in_base64() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let body = |name: &str| call("tools/call", &format!(r#"{{"name":"{name}",{meta}}}"#));
    for (name, header) in [
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("us-west1", "=?base64?dXMtd2VzdDE=?="),
    ] {
        fn read(header: &[u8]) -> Mirror<'_> {
            Mirror::read(Some(b"2026-07-28"), Some(b"tools/call"), Some(header)).unwrap()
        }
        check(&body(name), &read(header.as_bytes()), Ok(&[&format!("tools/call:{name}")]));
        let inner = header.strip_suffix("?=").unwrap();
        for wrong in [
            header.replace('P', "Q"),
            header.replace("=?=", "?="),
            header.replace("64?", "64?A"),
            format!("{inner}A?="),
            format!("{inner}AAAA?="),
            format!("{}?=", &inner[..inner.len() - 4]),
        ] {
            if wrong != header {
                check(&body(name), &read(wrong.as_bytes()), Err(McpError::HeaderMismatch));
            }
        }
    }
    check(
        &body("=?base64?literal?="),
        &modern("tools/call", "=?base64?literal?="),
        Err(McpError::HeaderMismatch),
    );
}

#[test]
fn what_headers_announce_is_what_the_body_must_say() {
    let announced = |mirror: Mirror<'_>| {
        let mut key = b"left over".to_vec();
        mirror.write_announced_key(&mut key).map(|known| known.then(|| String::from_utf8(key).unwrap()))
    };
    assert_eq!(announced(modern_query()), Ok(Some("tools/call:query".into())));
    assert_eq!(announced(modern("resources/read", "FILE:///a")), Ok(Some("resources/read:file:///a".into())));
    assert_eq!(announced(modern("tools/list", "x")), Ok(Some("tools/list".into())));
    assert_eq!(announced(modern("tools/call", "=?base64?YQ==?=")), Ok(None));
    assert_eq!(announced(modern("initialize", "")), Err(McpError::UnknownMethod));
    assert_eq!(announced(modern("tools/call", "")), Err(McpError::Name(NameError::Empty)));
    assert_eq!(announced(legacy(Version::V2025_11_25)), Ok(None));
    let nameless = Mirror::read(Some(b"2026-07-28"), Some(b"tools/call"), None).unwrap();
    assert_eq!(announced(nameless), Err(McpError::HeaderMismatch));
}

#[test]
fn versions_and_endpoints() {
    for version in Version::ALL {
        assert_eq!(Version::parse(version.as_str().as_bytes()), Some(version));
        let has_sessions = version < Version::V2026_07_28;
        let key = |method: &[u8]| Endpoint::read(method, version).map(Endpoint::key);
        let gone = Err(McpError::HttpMethod);
        assert_eq!(key(b"POST"), Ok(None));
        assert_eq!(key(b"GET"), if has_sessions { Ok(Some(&b"stream"[..])) } else { gone });
        assert_eq!(key(b"DELETE"), if has_sessions { Ok(Some(&b"session.delete"[..])) } else { gone });
        for method in [&b"PUT"[..], b"HEAD", b"post", b""] {
            assert_eq!(key(method), gone);
        }
    }
    for version in ["2024-11-05", "2026-07-29", "", "2025-06-18,2025-06-18"] {
        assert_eq!(Mirror::read(Some(version.as_bytes()), None, None), Err(McpError::UnsupportedVersion));
    }
}

/// `ClientRequest` and `ClientNotification` of each version's schema, and SEP-2663.
#[test]
fn the_method_table_is_that_of_the_schemas() {
    let all = "completion/complete prompts/get prompts/list resources/list resources/read resources/templates/list \
        tools/call tools/list notifications/cancelled";
    let sessions = "initialize ping logging/setLevel resources/subscribe resources/unsubscribe \
        notifications/initialized notifications/progress notifications/roots/list_changed";
    for (version, rest) in [
        (Version::V2025_03_26, sessions.to_string()),
        (Version::V2025_06_18, sessions.to_string()),
        (
            Version::V2025_11_25,
            format!("{sessions} tasks/get tasks/result tasks/list tasks/cancel notifications/tasks/status"),
        ),
        (
            Version::V2026_07_28,
            "server/discover subscriptions/listen tasks/get tasks/update tasks/cancel".to_string(),
        ),
    ] {
        let mut expected: Vec<_> = all.split_whitespace().chain(rest.split_whitespace()).collect();
        let names = METHODS.iter().map(|entry| entry.name);
        let mut actual: Vec<_> = names.filter(|name| method(name.as_bytes(), version).is_some()).collect();
        expected.sort_unstable();
        actual.sort_unstable();
        assert_eq!(actual, expected, "in {version:?}");
    }
    for entry in METHODS {
        assert_eq!(entry.is_notification, entry.name.starts_with("notifications/"));
        assert!(METHODS.iter().filter(|other| other.name == entry.name).count() == 1);
    }
}

proptest! {
    /// What is said about a body before its end never differs from what is said at its end.
    #[test]
    fn early_keys_are_final(
        method in prop::sample::select(&["tools/call", "resources/read", "tools/list", "tasks/get", "x"][..]),
        order in Just(["\"jsonrpc\":\"2.0\"", "\"id\":1", "METHOD", "PARAMS"]).prop_shuffle(),
        name in prop::sample::select(&["query", "a:/b/%41", "", "\\n"][..]),
    ) {
        let params = format!(r#""params":{{"arguments":{{}},"name":"{name}","uri":"{name}","taskId":"{name}"}}"#);
        let members = order.map(|member| member.replace("METHOD", &format!("\"method\":\"{method}\"")).replace("PARAMS", &params));
        let body = format!("{{{}}}", members.join(","));
        let mirror = legacy(Version::V2025_11_25);
        let end = keys(&body, &mirror);

        let (selection, fields) = selection();
        let mut extractor = Extractor::new(&selection);
        let mut known = false;
        for byte in body.bytes() {
            extractor.push(&[byte]).unwrap();
            let Some(document) = extractor.facts().document(0) else { continue };
            let mut key = Vec::new();
            match fields.write_early_key(&document, mirror.version(), &mut key) {
                Ok(false) => prop_assert!(!known, "what was known is forgotten"),
                Ok(true) => {
                    known = true;
                    prop_assert_eq!(end.as_ref().map(|keys| keys[0].as_bytes()), Ok(&key[..]));
                }
                Err(error) => prop_assert_eq!(&end, &Err(error)),
            }
        }
        prop_assert_eq!(known, end.is_ok());
    }
}
