//! Local replies: what stops, what the caller gets, what the application notices.

use ambit_harness::host::{Cause, Outcome};

use crate::guest::{GET, OK, POST, peer, proxy, said};

/// `$deny` asks for 403 with details, a body, one header and a gRPC status. Every callback says its letter.
const DENIES: &str = r#"
  (data (i32.const 1024) "not granted\09here")
  (data (i32.const 1048) "no: 100%\0a")
  (data (i32.const 1072) "\01\00\00\00\06\00\00\00\02\00\00\00X-Code\0017\00")
  (func $deny (param $grpc i32)
    (call $note 'd' (call $reply (i32.const 403)
      (i32.const 1024) (i32.const 16) (i32.const 1048) (i32.const 9) (i32.const 1072) (i32.const 22)
      (local.get $grpc))))
  (func (export "proxy_on_log") (param i32) (call $note 'l' (i32.const 0)))
  (func (export "proxy_on_done") (param i32) (result i32) (call $note 'f' (i32.const 0)) (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $note 'x' (i32.const 0)))
"#;

const ON_HEADERS: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $deny (i32.const -1)) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $note 'b' (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (call $note 't' (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $note 'h' (local.get 1)) (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $note 'r' (local.get 1)) (call $note 'e' (local.get 2)) (i32.const 0))
"#;

#[test]
fn a_reply_stops_the_request_and_goes_back_through_the_filter() {
    let mut proxy = proxy(&format!("{DENIES} {ON_HEADERS}"));
    let mut stream = proxy.worker(0).open_stream(peer());
    let outcome = stream.request_headers(&POST, false);
    let reply = outcome.reply().expect("a reply, though the callback returned Continue");
    assert_eq!((reply.cause, reply.status, reply.grpc_status), (Cause::Filter, 403, None));
    assert_eq!(reply.details, b"not_granted_here", "white space would break the access log's columns");
    assert_eq!((reply.header("x-code"), reply.body.as_slice()), (Some(&b"17"[..]), &b"no: 100%\n"[..]));
    assert_eq!(stream.details(), Some(b"not_granted_here".to_vec()));
    assert_eq!(said(&mut proxy), ["d0", "h4", "r9", "e1", "l0", "f0", "x0"]);

    assert_eq!(stream.request_body("x", false), outcome);
    assert_eq!(stream.request_trailers(&[("a", "b")]), outcome);
    assert_eq!(stream.response_headers(&OK, true), outcome);
    assert_eq!(said(&mut proxy), [""; 0], "nobody is called any more");

    assert_eq!(stream.upstream().headers, None);
    let down = stream.downstream();
    assert_eq!((down.status(), down.ended, down.body.as_slice()), (Some(403), true, &b"no: 100%\n"[..]));
    assert_eq!(down.header("content-type"), Some(&b"text/plain"[..]));
    assert_eq!(down.header("content-length"), Some(&b"9"[..]));
}

#[test]
fn grpc_callers_get_trailers_only_and_head_gets_no_body() {
    let proxy = proxy(&format!("{DENIES} {ON_HEADERS}"));
    let grpc = [(":path", "/a.B/C"), (":method", "POST"), ("content-type", "application/grpc+proto")];
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&grpc, false);
    let down = stream.downstream();
    assert_eq!((down.status(), down.ended, down.body.as_slice()), (Some(200), true, &b""[..]));
    assert_eq!(down.header("grpc-status"), Some(&b"7"[..]), "derived from 403");
    assert_eq!(down.header("grpc-message"), Some(&b"no: 100%25%0A"[..]));
    assert_eq!(down.header("x-code"), Some(&b"17"[..]));

    let web = [(":path", "/a.B/C"), (":method", "POST"), ("content-type", "application/grpc-web")];
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&web, false);
    assert_eq!(stream.downstream().status(), Some(403), "gRPC-Web is not gRPC to Envoy");

    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&[(":path", "/"), (":method", "HEAD")], true);
    let down = stream.downstream();
    assert_eq!((down.header("content-length"), down.body.as_slice()), (Some(&b"9"[..]), &b""[..]));
}

#[test]
fn an_explicit_grpc_status_is_kept() {
    let guest = format!("{DENIES} {ON_HEADERS}").replace("(i32.const -1)", "(i32.const 16)");
    let proxy = proxy(&guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    let outcome = stream.request_headers(&[(":path", "/a"), ("content-type", "application/grpc")], false);
    assert_eq!(outcome.reply().expect("a reply").grpc_status, Some(16));
    assert_eq!(stream.downstream().header("grpc-status"), Some(&b"16"[..]));
}

#[test]
fn a_denied_body_resets_the_request_that_had_begun() {
    let mut proxy = proxy(&format!(
        r#"{DENIES} (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
          (call $note 'b' (local.get 1)) (if (local.get 2) (then (call $deny (i32.const -1)))) (i32.const 1))"#
    ));
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    assert!(!stream.upstream().reset);
    assert_eq!(stream.request_body("abc", true).status(), Some(403));
    let up = stream.upstream();
    assert!(up.headers.is_some() && up.reset && up.body.is_empty() && !up.ended);
    assert_eq!(said(&mut proxy), ["b3", "d0", "l0", "f0", "x0"]);
}

#[test]
fn a_reply_to_a_response_comes_in_its_place_or_too_late() {
    let guest = |callback: &str| {
        format!(
            r#"{DENIES} (func (export "proxy_on_response_{callback}") (param i32 i32 i32) (result i32)
              (call $note 'h' (local.get 1)) (call $deny (i32.const -1)) (i32.const 0))"#
        )
    };
    let mut early = proxy(&guest("headers"));
    let mut stream = early.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    let outcome = stream.response_headers(&[(":status", "200"), ("x-secret", "1")], false);
    assert_eq!(outcome.status(), Some(403));
    assert_eq!(stream.downstream().status(), Some(403));
    assert_eq!(stream.downstream().header("x-secret"), None);
    assert_eq!(said(&mut early), ["h2", "d0", "l0", "f0", "x0"], "such a reply does not pass the filter");

    let late = proxy(&guest("body"));
    let mut stream = late.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    stream.response_headers(&OK, false);
    assert_eq!(stream.response_body("secret", false), Outcome::Reset);
    let down = stream.downstream();
    assert!(down.reset && !down.ended && down.body.is_empty() && down.status() == Some(200));
}

#[test]
fn nobody_listens_in_the_log_or_outside_a_stream() {
    let mut proxy = proxy(
        r#"(func $reply_500 (call $note 'd' (call $reply (i32.const 500) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $reply_500) (i32.const 1))
           (func (export "proxy_on_log") (param i32) (call $reply_500))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    stream.response_headers(&OK, true);
    assert_eq!(said(&mut proxy), ["d0"]);
    assert_eq!(stream.downstream().status(), Some(200));
}

#[test]
fn a_guest_can_break_a_stream_off_and_a_caller_can_leave() {
    let mut proxy = proxy(&format!(
        r#"{DENIES} (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
          (call $note 'c' (call $close (i32.const 0))) (call $note 'c' (call $close (i32.const 4))) (i32.const 0))"#
    ));
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    assert_eq!(stream.request_body("x", false), Outcome::Reset);
    assert_eq!(stream.details(), Some(b"wasm_close_stream".to_vec()));
    assert!(stream.upstream().reset && stream.downstream().reset);
    assert_eq!(said(&mut proxy), ["c0", "c2", "l0", "f0", "x0"]);

    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    stream.finish();
    assert_eq!(said(&mut proxy), ["l0", "f0", "x0"]);
    assert!(stream.is_complete() && stream.upstream().reset);
    let mut dropped = proxy.worker(0).open_stream(peer());
    dropped.request_headers(&POST, false);
    drop(dropped);
    assert_eq!(said(&mut proxy), ["l0", "f0", "x0"]);
}
