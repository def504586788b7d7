use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::extract::{Facts, Root, Selection, extract};
use crate::path::{PathBuffer, canonicalize};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn facts<T>(body: &str, select: impl Fn(&mut SelectionBuilder) -> Result<T, SelectionError>) -> (Facts, T) {
    let mut builder = Selection::builder(Root::Document);
    let fields = select(&mut builder).unwrap();
    (extract(&builder.build(), body.as_bytes()).unwrap(), fields)
}

fn call(body: &str) -> Result<&'static str, A2aError> {
    let (facts, fields) = facts(body, Fields::select);
    let document = facts.document(0).unwrap();
    let read = Call::read(&document, &fields).map(|call| call.operation.key());
    match fields.early_operation(&document) {
        Ok(Some(operation)) if read.is_ok() => assert_eq!(Ok(operation.key()), read),
        Ok(_) => {}
        Err(_) => assert!(read.is_err()),
    }
    read
}

/// Section 3.5.6 of the 0.3 specification and section 5.3 of the 1.0 one, with the names of both bindings.
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("message.send", "message/send", "SendMessage", "POST /message:send"),
    ("message.stream", "message/stream", "SendStreamingMessage", "POST /message:stream"),
    ("tasks.get", "tasks/get", "GetTask", "GET /tasks/T"),
    ("tasks.list", "tasks/list", "ListTasks", "GET /tasks"),
    ("tasks.cancel", "tasks/cancel", "CancelTask", "POST /tasks/T:cancel"),
    ("tasks.subscribe", "tasks/resubscribe", "SubscribeToTask", "GET /tasks/T:subscribe"),
    (
        "push.create",
        "tasks/pushNotificationConfig/set",
        "CreateTaskPushNotificationConfig",
        "POST /tasks/T/pushNotificationConfigs",
    ),
    (
        "push.get",
        "tasks/pushNotificationConfig/get",
        "GetTaskPushNotificationConfig",
        "GET /tasks/T/pushNotificationConfigs/P",
    ),
    (
        "push.list",
        "tasks/pushNotificationConfig/list",
        "ListTaskPushNotificationConfigs",
        "GET /tasks/T/pushNotificationConfigs",
    ),
    (
        "push.delete",
        "tasks/pushNotificationConfig/delete",
        "DeleteTaskPushNotificationConfig",
        "DELETE /tasks/T/pushNotificationConfigs/P",
    ),
    ("card.extended", "agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard", "GET /extendedAgentCard"),
];

/// Key, tenant, task, configuration.
type Read<'t> = (&'t str, Option<&'t str>, Option<&'t str>, Option<&'t str>);

#[track_caller]
fn check_rest(request: &str, base: &str, expected: Result<Read<'_>, A2aError>) {
    let (method, target) = request.split_once(' ').unwrap();
    let mut buffer = PathBuffer::new();
    let path = canonicalize(target.as_bytes(), &mut buffer).unwrap();
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    let actual = Rest::read(method.as_bytes(), &path, base.as_bytes())
        .map(|rest| (rest.operation.key(), text(rest.tenant), text(rest.task), text(rest.push)));
    let owned = |text: Option<&str>| text.map(str::to_string);
    let expected = expected.map(|(key, tenant, task, push)| (key, owned(tenant), owned(task), owned(push)));
    assert_eq!(actual, expected, "for `{request}` at `{base}`");
}

#[test]
fn one_operation_has_one_key_under_all_its_names() {
    for (key, v0_3, v1_0, rest) in TABLE {
        for name in [v0_3, v1_0] {
            assert_eq!(call(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{name}"}}"#)), Ok(*key));
        }
        let grpc = |service: &[u8]| Operation::of_grpc(service, v1_0.as_bytes()).map(Operation::key);
        assert_eq!(grpc(b"lf.a2a.v1.A2AService"), Some(*key));
        assert_eq!(grpc(b"a2a.v1.A2AService"), Some(*key));
        assert_eq!(grpc(b"other.A2AService"), None);

        let (method, path) = rest.split_once(' ').unwrap();
        let task = path.contains("/T").then_some("T");
        let push = path.ends_with("/P").then_some("P");
        check_rest(rest, "", Ok((key, None, task, push)));
        check_rest(&format!("{method} /v1{path}?A2A-Version=0.3"), "", Ok((key, None, task, push)));
        check_rest(&format!("{method} /acme{path}"), "", Ok((key, Some("acme"), task, push)));
        check_rest(&format!("{method} /a/b{path}"), "/a/b", Ok((key, None, task, push)));
        check_rest(&format!("{method} /a/acme{path}"), "/a", Ok((key, Some("acme"), task, push)));
        for base in ["", "/a", "/v1", "/a/b/c/d/e/f/g/h/i/j", "/tasks"] {
            let mut buffer = PathBuffer::new();
            let target = format!("{base}{path}");
            let path = canonicalize(target.as_bytes(), &mut buffer).unwrap();
            let found = Rest::read_anywhere(method.as_bytes(), &path).map(|rest| rest.operation.key());
            let is_task = base == "/tasks" && matches!(*rest, "GET /tasks" | "GET /extendedAgentCard");
            let expected = if is_task { Err(A2aError::Ambiguous) } else { Ok(*key) };
            assert_eq!(found, expected, "for `{method} {target}`");
        }
        for other in ["PUT", "PATCH", "HEAD", "OPTIONS", "post"] {
            check_rest(&format!("{other} {path}"), "", Err(A2aError::UnknownMethod));
        }
        check_rest(&format!("{rest}/"), "", Err(A2aError::UnknownMethod));
        check_rest(&format!("{method} /a/b/c/d{path}"), "", Err(A2aError::UnknownMethod));
        check_rest(rest, "/a", Err(A2aError::UnknownMethod));
    }
    for (name, key) in [
        ("ListTask", "tasks.list"),
        ("TaskSubscription", "tasks.subscribe"),
        ("GetAgentCard", "card.extended"),
        ("ListTaskPushNotificationConfig", "push.list"),
    ] {
        assert_eq!(Operation::of_grpc(b"a2a.v1.A2AService", name.as_bytes()).map(Operation::key), Some(key));
        assert_eq!(Operation::of_grpc(b"lf.a2a.v1.A2AService", name.as_bytes()), None);
    }
}

#[test]
fn rest_paths_at_the_edges() {
    let card = Ok(("card.get", None, None, None));
    check_rest("GET /.well-known/agent-card.json", "", card);
    check_rest("GET /.well-known/agent-card.json", "/a2a", card);
    check_rest("GET /a2a/.well-known/agent-card.json", "/a2a", card);
    check_rest("POST /.well-known/agent-card.json", "", Err(A2aError::UnknownMethod));
    check_rest("GET /v1/card", "", Ok(("card.extended", None, None, None)));
    check_rest("GET /card", "", Err(A2aError::UnknownMethod));
    check_rest("GET /tasks/urn:uuid:1", "", Ok(("tasks.get", None, Some("urn:uuid:1"), None)));
    check_rest("POST /tasks/urn:uuid:1:cancel", "", Ok(("tasks.cancel", None, Some("urn:uuid:1"), None)));
    check_rest("POST /tasks/1%3Acancel", "", Ok(("tasks.cancel", None, Some("1"), None)));
    check_rest("POST /tasks/1:subscribe", "", Ok(("tasks.subscribe", None, Some("1"), None)));
    check_rest("POST /tasks/1", "", Err(A2aError::UnknownMethod));
    check_rest("POST /tasks/:cancel", "", Err(A2aError::UnknownMethod));
    check_rest("GET /tasks/1:cancel", "", Ok(("tasks.get", None, Some("1:cancel"), None)));
    check_rest("DELETE /v1/acme/tasks/1/pushNotificationConfigs/2/3", "", Err(A2aError::UnknownMethod));
    check_rest("GET /tasks/tasks", "", Err(A2aError::Ambiguous));
    check_rest("GET /tasks/tasks/pushNotificationConfigs", "", Err(A2aError::Ambiguous));
    check_rest("GET /a2ab/tasks", "/a2a", Err(A2aError::UnknownMethod));
    check_rest("GET /", "", Err(A2aError::UnknownMethod));
}

#[test]
fn only_requests_with_known_methods_are_calls() {
    for (body, error) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/Get"}"#, A2aError::UnknownMethod),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#, A2aError::UnknownMethod),
        (r#"{"jsonrpc":"2.0","method":"GetTask"}"#, A2aError::NoRequest),
        (r#"{"jsonrpc":"2.0","id":1,"result":1}"#, A2aError::NoRequest),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"GetTask"}]"#, A2aError::Envelope(EnvelopeError::Version)),
    ] {
        assert_eq!(call(body), Err(error), "for `{body}`");
    }
}

#[test]
fn a_version_may_refuse_and_does_nothing_else() {
    let no = Err(A2aError::UnsupportedVersion);
    for (header, query, expected) in [
        (None, None, Ok(())),
        (Some(""), None, Ok(())),
        (Some("0.3"), None, Ok(())),
        (Some(" 1.0 "), None, Ok(())),
        (Some("1.0.7"), Some("1.0"), Ok(())),
        (None, Some("0.3.0"), Ok(())),
        (Some(""), Some("0.3"), Ok(())),
        (Some("1.0"), Some("0.3"), no),
        (Some("1.1"), None, no),
        (Some("0.30"), None, no),
        (Some("1.0."), None, no),
        (Some("1.0.x"), None, no),
        (Some("1"), None, no),
        (None, Some("2.0"), no),
        (Some("9"), Some("9"), no),
    ] {
        let claimed = check_version(header.map(str::as_bytes), query.map(str::as_bytes));
        assert_eq!(claimed, expected, "for {header:?} and {query:?}");
    }
}

#[test]
fn push_urls_are_found_wherever_a_version_puts_them() {
    let url = r#"{"url":"https://x/"}"#;
    let nested = |key: &str| format!(r#"{{"{key}":{url}}}"#);
    for params in [
        url.to_string(),
        nested("pushNotificationConfig"),
        nested("pushNotification"),
        nested("config"),
        format!(r#"{{"config":{}}}"#, nested("pushNotificationConfig")),
        format!(r#"{{"configuration":{}}}"#, nested("taskPushNotificationConfig")),
        format!(r#"{{"configuration":{}}}"#, nested("pushNotificationConfig")),
        format!(r#"{{"configuration":{}}}"#, nested("pushNotification")),
    ] {
        for (binding, body) in
            [(Binding::JsonRpc, format!(r#"{{"params":{params}}}"#)), (Binding::Rest, params.clone())]
        {
            let urls = |body: &str| {
                let (facts, fields) = facts(body, |selection| PushFields::select(selection, binding));
                let document = facts.document(0).unwrap();
                fields.urls(&document).map(|url| url.map(<[u8]>::to_vec)).collect::<Vec<_>>()
            };
            assert_eq!(urls(&body), [Ok(b"https://x/".to_vec())], "for `{body}`");
            assert_eq!(urls(&body.replace("\"https://x/\"", "[1]")), [Err(A2aError::PushUrl)]);
            assert_eq!(urls(&body.replace("\"https://x/\"", "null")), vec![]);
        }
    }
    // Protobuf also reads the names of the schema; that spelling is refused before it could hide a URL.
    let mut builder = Selection::builder(Root::Document);
    PushFields::select(&mut builder, Binding::Rest).unwrap();
    let hidden = br#"{"configuration":{"task_push_notification_config":{"url":"https://x/"}}}"#;
    assert!(extract(&builder.build(), hidden).is_err());
}

proptest! {
    /// No path is read as an operation that the table does not give its shape.
    #[test]
    fn rest_reads_nothing_else(
        method in prop::sample::select(&["GET", "POST", "DELETE", "PUT"][..]),
        segments in prop::collection::vec(prop::sample::select(&[
            "v1", "tasks", "message:send", "message:stream", "acme", "1", "1:cancel", "1:subscribe",
            "pushNotificationConfigs", "extendedAgentCard", "card", "",
        ][..]), 0..7),
    ) {
        let target = format!("/{}", segments.join("/"));
        let mut buffer = PathBuffer::new();
        let path = canonicalize(target.as_bytes(), &mut buffer).unwrap();
        // Every base that `read` could be given counts, and no more than one operation comes of them.
        let whole = path.as_bytes();
        let bases = (0..whole.len()).filter(|at| whole[*at] == b'/').map(|at| &whole[..at]);
        let each = bases.map(|base| Rest::read(method.as_bytes(), &path, base));
        let mut found: Vec<_> = each.filter(|one| *one != Err(A2aError::UnknownMethod)).map(|one| one.map(|rest| rest.operation.key())).collect();
        found.dedup();
        let expected = match found.as_slice() {
            [] => Err(A2aError::UnknownMethod),
            [one] => *one,
            _ => Err(A2aError::Ambiguous),
        };
        prop_assert_eq!(Rest::read_anywhere(method.as_bytes(), &path).map(|rest| rest.operation.key()), expected);
        if let Ok(rest) = Rest::read(method.as_bytes(), &path, b"") {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let template = TABLE.iter().find(|row| row.0 == rest.operation.key()).unwrap().3;
            let (_, template) = template.split_once(' ').unwrap();
            let mut written = template.replace("/T", &format!("/{}", rest.task.map(text).unwrap_or_default()));
            written = written.replace("/P", &format!("/{}", rest.push.map(text).unwrap_or_default()));
            if let Some(tenant) = rest.tenant {
                written = format!("/{}{written}", text(tenant));
            }
            let read = text(path.as_bytes());
            let below_v1 = ["/v1", &written].concat();
            prop_assert!(read == written || read == below_v1 || written.ends_with("/extendedAgentCard"));
        }
    }
}
