//! Bodies: what is held, what is shown, what is let go.

use ambit_harness::host::{Cause, Options, Outcome};

use crate::guest::{OK, POST, peer, proxy, proxy_with, said};

/// Says the size and the end of each body callback and what the buffer holds; continues at the end of the stream.
const BUFFERS: &str = r#"
  (func (export "proxy_on_request_body") (param $id i32) (param $size i32) (param $end i32) (result i32)
    (call $note 'b' (local.get $size))
    (call $note 'e' (local.get $end))
    (drop (call $get_buffer (i32.const 0) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    (call $said)
    (i32.eqz (local.get $end)))
"#;

#[test]
fn a_paused_body_accumulates_and_is_released_whole() {
    let mut proxy = proxy(BUFFERS);
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&POST, false), Outcome::Continue);
    assert!(stream.upstream().headers.is_some(), "headers are on their way before the verdict on the body");
    assert_eq!(stream.request_body("ab", false), Outcome::Paused);
    assert_eq!(stream.request_body("cd", false), Outcome::Paused);
    assert_eq!(stream.upstream().body, b"");
    assert_eq!(stream.request_body("", true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["b2", "e0", "ab", "b4", "e0", "abcd", "b4", "e1", "abcd"]);
    assert_eq!(stream.upstream().body, b"abcd");
    assert!(stream.upstream().ended);
}

#[test]
fn an_empty_last_piece_is_a_callback_of_size_zero_and_no_body_is_none() {
    let mut proxy = proxy(BUFFERS);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    assert_eq!(stream.request_body("", true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["b0", "e1", ""]);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, true);
    assert_eq!(said(&mut proxy), [""; 0]);
    assert!(stream.upstream().ended);
}

#[test]
fn trailers_end_the_stream_in_the_place_of_the_last_data() {
    let guest = |on_trailers: u32| {
        format!(
            r#"{BUFFERS} (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
              (call $note 't' (local.get 1))
              (call $note 'g' (call $get_buffer (i32.const 0) (i32.const 1) (i32.const 99) (i32.const 0) (i32.const 4)))
              (call $said) (i32.const {on_trailers}))"#
        )
    };
    let mut passing = proxy(&guest(0));
    let mut stream = passing.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    assert_eq!(stream.request_body("abc", false), Outcome::Paused);
    assert_eq!(stream.request_trailers(&[("x-sum", "1"), ("x-len", "3")]), Outcome::Continue);
    assert_eq!(
        said(&mut passing),
        ["b3", "e0", "abc", "t2", "g0", "bc"],
        "no body callback says that it is the last"
    );
    let upstream = stream.upstream();
    assert_eq!(
        (upstream.body.as_slice(), upstream.trailer("x-sum"), upstream.ended),
        (&b"abc"[..], Some(&b"1"[..]), true)
    );

    let holding = proxy(&guest(1));
    let mut stream = holding.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    stream.request_body("abc", false);
    assert_eq!(stream.request_trailers(&[("x-sum", "1")]), Outcome::Paused);
    assert!(stream.upstream().body.is_empty() && !stream.upstream().ended, "the request hangs");
}

/// Pauses on headers, and lets stream 2 go on at the first tick.
const PAUSES_ON_HEADERS: &str = r#"
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $set_tick (i32.const 100))) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_tick") (param i32)
    (drop (call $set_context (i32.const 2)))
    (drop (call $continue (i32.const 0))))
"#;

#[test]
fn pausing_on_headers_keeps_the_body_from_the_guest_until_it_resumes() {
    let mut proxy = proxy(&format!("{PAUSES_ON_HEADERS} {BUFFERS}"));
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&POST, false), Outcome::Paused);
    assert_eq!(stream.request_body("ab", false), Outcome::Paused);
    assert_eq!(stream.request_body("cd", true), Outcome::Paused);
    assert_eq!(said(&mut proxy), [""; 0], "no body callback: whoever waits for the body here waits for ever");
    assert_eq!(stream.upstream().headers, None);
    assert!(proxy.tick());
    assert_eq!(said(&mut proxy), ["b4", "e1", "abcd"], "what was held comes in one piece");
    assert_eq!(stream.outcome(), Outcome::Continue);
    assert!(stream.upstream().headers.is_some() && stream.upstream().ended);
    assert_eq!(stream.upstream().body, b"abcd");
}

#[test]
fn what_is_held_under_a_paused_header_has_no_limit() {
    let mut proxy = proxy(&format!("{PAUSES_ON_HEADERS} {BUFFERS}"));
    let mut stream = proxy.worker(0).open_stream(peer().buffer_limit(3));
    stream.request_headers(&POST, false);
    assert_eq!(stream.request_body("abcdef", true), Outcome::Paused);
    proxy.tick();
    assert_eq!(stream.upstream().body, b"abcdef");
}

#[test]
fn with_the_flag_body_callbacks_run_while_headers_are_held() {
    let options = Options { allow_on_headers_stop_iteration: true, ..Options::default() };
    let mut proxy = proxy_with(&format!("{PAUSES_ON_HEADERS} {BUFFERS}"), options);
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&POST, false), Outcome::Paused);
    assert_eq!(stream.request_body("ab", false), Outcome::Paused);
    assert_eq!(stream.upstream().headers, None, "nothing leaves before the verdict");
    assert_eq!(stream.request_body("cd", true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["b2", "e0", "ab", "b4", "e1", "abcd"]);
    assert!(stream.upstream().headers.is_some());
    assert_eq!(stream.upstream().body, b"abcd");
}

#[test]
fn resuming_a_held_body_does_not_show_it_again() {
    let mut proxy = proxy(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick (i32.const 100))) (i32.const 1))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (call $note 'b' (local.get 1)) (i32.const 1))
           (func (export "proxy_on_tick") (param i32)
             (call $note 'c' (call $set_context (i32.const 2)))
             (drop (call $continue (i32.const 0))))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    stream.request_body("ab", false);
    proxy.tick();
    assert_eq!(stream.upstream().body, b"ab");
    assert_eq!(stream.outcome(), Outcome::Continue);
    assert_eq!(stream.request_body("cd", true), Outcome::Paused, "a new piece is a new question");
    assert_eq!(said(&mut proxy), ["b2", "c0", "b2"]);
    drop(stream);
    proxy.tick();
    assert_eq!(said(&mut proxy), ["c2"], "a context that is gone cannot be chosen");
}

#[test]
fn the_proxy_answers_413_beyond_its_buffer_and_asks_no_more() {
    let mut proxy = proxy(BUFFERS);
    let mut stream = proxy.worker(0).open_stream(peer().buffer_limit(3));
    stream.request_headers(&POST, false);
    assert_eq!(stream.request_body("abc", false), Outcome::Paused, "the limit itself still fits");
    let outcome = stream.request_body("d", false);
    let reply = outcome.reply().expect("a reply");
    assert_eq!(
        (reply.cause, reply.status, reply.details.as_slice()),
        (Cause::TooLarge, 413, &b"request_payload_too_large"[..])
    );
    assert!(stream.upstream().reset && stream.upstream().body.is_empty());
    assert_eq!(said(&mut proxy), ["b3", "e0", "abc"]);
    assert_eq!(stream.request_body("e", true).status(), Some(413));
    assert_eq!(said(&mut proxy), [""; 0]);
}

#[test]
fn an_edited_body_is_what_the_application_gets() {
    let proxy = proxy(
        r#"(data (i32.const 1024) "XY")
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (call $note 'm' (call $set_buffer
               (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 1024) (i32.const 1)))
             (call $note 'f' (call $set_buffer
               (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 1024) (i32.const 1)))
             (call $note 'l' (call $set_buffer
               (i32.const 0) (i32.const 99) (i32.const 0) (i32.const 1025) (i32.const 1)))
             (call $note 'c' (call $set_buffer
               (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 1)))
             (i32.const 0))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    stream.request_body("abc", true);
    assert_eq!(stream.upstream().body, b"XcY");
    let logs: Vec<String> = proxy.logs().iter().map(ambit_harness::host::LogLine::text).collect();
    assert_eq!(logs, ["m2", "f0", "l0", "c1"], "only the front and the end can be changed");
}

#[test]
fn responses_are_held_by_the_same_rules() {
    let guest = BUFFERS
        .replace("request", "response")
        .replace("(call $get_buffer (i32.const 0)", "(call $get_buffer (i32.const 1)");
    let mut proxy = proxy(&guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, true);
    stream.response_headers(&OK, false);
    assert_eq!(stream.response_body("ab", false), Outcome::Paused);
    assert_eq!(stream.downstream().body, b"");
    assert_eq!(stream.response_body("cd", true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["b2", "e0", "ab", "b4", "e1", "abcd"]);
    assert_eq!(stream.downstream().body, b"abcd");
    assert!(stream.is_complete());

    let mut stream = proxy.worker(0).open_stream(peer().buffer_limit(1));
    stream.request_headers(&POST, true);
    stream.response_headers(&OK, false);
    assert_eq!(stream.response_body("ab", false), Outcome::Reset, "headers are out: too late for a 500");
    assert!(stream.downstream().reset);
}

#[test]
fn asking_for_trailers_in_the_last_body_callback_makes_them() {
    let mut proxy = proxy(
        r#"(data (i32.const 1024) "x-sum") (data (i32.const 1032) "7")
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
             (call $note 'a' (call $add_header
               (i32.const 1) (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 1))) (i32.const 0))
           (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (call $note 't' (i32.const 0)) (i32.const 0))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&POST, false);
    stream.request_body("a", false);
    stream.request_body("b", true);
    assert_eq!(said(&mut proxy), ["a2", "a0"], "only in the last; the guest is not called about its own");
    let upstream = stream.upstream();
    assert_eq!((upstream.body.as_slice(), upstream.trailer("x-sum")), (&b"ab"[..], Some(&b"7"[..])));
    assert!(upstream.ended);
}
