//! Header maps: who sees which value, and when.

use ambit_harness::host::{Options, Outcome};

use crate::guest::{GET, OK, POST, peer, proxy, proxy_with, said};

/// Looks up header `x-tag` singly, in bulk and as a property.
const LOOK: &str = r#"
  (data (i32.const 1024) "x-tag")
  (data (i32.const 1040) "request\00headers\00x-tag")
  (data (i32.const 1072) "request\00path")
  (func $look (param $map i32)
    (local $status i32)
    (local.set $status
      (call $get_header (local.get $map) (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 4)))
    (call $note 'v' (local.get $status))
    (if (i32.eqz (local.get $status)) (then (call $said)))
    (call $note 'l' (call $get_pairs (local.get $map) (i32.const 0) (i32.const 4)))
    (call $note 'n' (if (result i32) (i32.load (i32.const 4))
      (then (i32.load (i32.load (i32.const 0)))) (else (i32.const 0))))
    (local.set $status
      (call $get_property (i32.const 1040) (i32.const 21) (i32.const 0) (i32.const 4)))
    (call $note 'p' (local.get $status))
    (if (i32.eqz (local.get $status)) (then (call $said)))
    (call $note 'q' (call $get_property (i32.const 1072) (i32.const 12) (i32.const 0) (i32.const 4))))
"#;

fn tagged(tags: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    GET.into_iter().chain(tags.iter().map(|tag| ("X-Tag", *tag))).collect()
}

#[test]
fn one_get_shows_the_first_value_pairs_all_and_the_property_joins() {
    let guest = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 'h' (local.get 1)) (call $look (i32.const 0)) (i32.const 0))"#;
    let mut proxy = proxy(&format!("{LOOK} {guest}"));
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&tagged(&["one", "two"]), true);
    assert_eq!(said(&mut proxy), ["h6", "v0", "one", "l0", "n6", "p0", "one,two", "q0"]);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    assert_eq!(said(&mut proxy), ["h4", "v1", "l0", "n4", "p1", "q0"], "an absent header is NotFound");
}

#[test]
fn any_bytes_pass_through() {
    let guest = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $look (i32.const 0)) (i32.const 0))"#;
    let proxy = proxy(&format!("{LOOK} {guest}"));
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&[(&b"x-tag"[..], &b"\xff\xfe"[..])], true);
    assert!(proxy.logs().iter().any(|line| line.message == b"\xff\xfe"));
    assert_eq!(stream.upstream().header("x-tag"), Some(&b"\xff\xfe"[..]));
}

#[test]
fn the_window_closes_with_continue_and_stays_open_with_pause() {
    let guest = |on_headers: u32| {
        format!(
            r#"{LOOK}
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const {on_headers}))
            (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
              (call $look (i32.const 0)) (i32.const 0))"#
        )
    };
    let mut closed = proxy(&guest(0));
    let mut stream = closed.worker(0).open_stream(peer());
    stream.request_headers(&tagged(&["one"]), false);
    stream.request_body("x", true);
    assert_eq!(said(&mut closed), ["v2", "l0", "n0", "p1", "q1"], "BadArgument, but pairs are merely empty");

    let allowing = Options { allow_on_headers_stop_iteration: true, ..Options::default() };
    let mut open = proxy_with(&guest(1), allowing);
    let mut stream = open.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&tagged(&["one"]), false), Outcome::Paused);
    assert_eq!(stream.request_body("x", true), Outcome::Continue);
    assert_eq!(said(&mut open), ["v0", "one", "l0", "n5", "p0", "one", "q0"]);
}

#[test]
fn the_log_sees_headers_but_never_request_trailers() {
    let guest = format!(
        r#"{LOOK} (func (export "proxy_on_log") (param i32)
          (call $look (i32.const 0)) (call $look (i32.const 1)) (call $look (i32.const 2)) (call $look (i32.const 3))
          (call $note 'a' (call $add_header
            (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 1024) (i32.const 5))))"#
    );
    let mut proxy = proxy(&guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&tagged(&["rq"]), false);
    stream.request_trailers(&[("x-tag", "rq-trailer")]);
    stream.response_headers(&[(":status", "200"), ("x-tag", "rs")], false);
    stream.response_trailers(&[("x-tag", "rs-trailer")]);
    assert!(stream.is_complete());
    let seen = said(&mut proxy);
    let singles: Vec<&str> =
        seen.iter().map(String::as_str).filter(|word| !word.starts_with(['p', 'q'])).collect();
    assert_eq!(
        singles,
        [
            "v0",
            "rq",
            "l0",
            "n5",
            "rq",
            "v1",
            "l0",
            "n0",
            "rq",
            "v0",
            "rs",
            "l0",
            "n2",
            "rq",
            "v0",
            "rs-trailer",
            "l0",
            "n1",
            "rq",
            "a2"
        ]
    );
}

#[test]
fn edits_reach_the_application_and_size_is_in_bytes() {
    let guest = r#"
      (data (i32.const 1024) "x-tag") (data (i32.const 1032) "new") (data (i32.const 1040) "x-gone")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 's' (call $get_map_size (i32.const 0) (i32.const 0)))
        (call $note 'b' (i32.load (i32.const 0)))
        (call $note 'a' (call $add_header
          (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 3)))
        (call $note 'r' (call $remove_header (i32.const 0) (i32.const 1040) (i32.const 6)))
        (call $note 'w' (call $replace_header
          (i32.const 2) (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 3)))
        (call $note 'm' (call $get_map_size (i32.const 8) (i32.const 0)))
        (i32.const 0))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (call $note 'w' (call $replace_header
          (i32.const 2) (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 3)))
        (i32.const 0))"#;
    let mut proxy = proxy(guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&[(":path", "/"), ("x-tag", "old"), ("x-gone", "1")], true);
    stream.response_headers(&[(":status", "200"), ("x-tag", "1"), ("x-tag", "2")], true);
    let words = said(&mut proxy);
    assert_eq!(words[..6], ["s0", "b21", "a0", "r0", "w2", "m2"], "no response map yet; no map of number 8");
    let upstream = stream.upstream();
    let headers = upstream.headers.as_ref().expect("headers");
    assert_eq!(headers.all("x-tag").collect::<Vec<_>>(), [b"old", b"new"]);
    assert_eq!(upstream.header("x-gone"), None);
    let downstream = stream.downstream();
    let headers = downstream.headers.as_ref().expect("headers");
    assert_eq!(headers.all("x-tag").collect::<Vec<_>>(), [b"new"]);
}

#[test]
fn a_malformed_list_of_pairs_is_an_empty_one() {
    let guest = r#"
      (data (i32.const 1024) "\01\00\00\00\05\00\00\00\01\00\00\00x-new\001\00")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 's' (call $set_pairs (i32.const 0) (i32.const 1024)
          (i32.sub (i32.const 20) (local.get 2)))) (i32.const 0))"#;
    let mut proxy = proxy(guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, false);
    let whole = stream.upstream().headers.expect("headers");
    assert_eq!(whole.iter().collect::<Vec<_>>(), [(&b"x-new"[..], &b"1"[..])]);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    assert_eq!(stream.upstream().headers.expect("headers").len(), 0, "one byte short");
    assert_eq!(said(&mut proxy), ["s0", "s0"]);
}

#[test]
fn a_guest_without_callbacks_lets_everything_pass() {
    let proxy = proxy("");
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&POST, false), Outcome::Continue);
    assert_eq!(stream.request_body("a", false), Outcome::Continue);
    assert_eq!(stream.request_trailers(&[("t", "1")]), Outcome::Continue);
    assert_eq!(stream.response_headers(&OK, false), Outcome::Continue);
    assert_eq!(stream.response_body("b", true), Outcome::Continue);
    let (up, down) = (stream.upstream(), stream.downstream());
    assert!(up.ended && down.ended && stream.is_complete());
    assert_eq!(
        (up.body.as_slice(), up.trailer("t"), down.body.as_slice()),
        (&b"a"[..], Some(&b"1"[..]), &b"b"[..])
    );
}
