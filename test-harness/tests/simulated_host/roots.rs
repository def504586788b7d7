//! Root contexts: configuration, canary, updates without a gap.

use ambit_harness::host::{Cause, Downstream, Effect, Fault, Outcome, Place, Proxy, When};

use crate::guest::{GET, OK, module, peer, proxy, said, said_at};

/// Says each life event with its context; a request says its stream and its root, which is where policy lives.
/// A configuration that begins with `b` is refused.
const LIVES: &str = r#"
  (func $root_of (param i32) (result i32) (i32.load (i32.add (i32.const 2048) (i32.mul (local.get 0) (i32.const 4)))))
  (func (export "proxy_on_context_create") (param i32 i32)
    (i32.store (i32.add (i32.const 2048) (i32.mul (local.get 0) (i32.const 4))) (local.get 1))
    (call $note 'c' (local.get 0)))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $note 'v' (local.get 1)) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $note 'g' (call $get_buffer (i32.const 7) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
    (call $said)
    (if (result i32) (i32.eqz (i32.load (i32.const 4))) (then (i32.const 1))
      (else (i32.ne (i32.load8_u (i32.load (i32.const 0))) (i32.const 98)))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $note 's' (local.get 0)) (call $note 'r' (call $root_of (local.get 0)))
    (call $note 'g' (call $get_buffer (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 4)))
    (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (call $note 'd' (local.get 0)) (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $note 'x' (local.get 0)))
"#;

#[test]
fn the_canary_tries_first_then_the_main_thread_and_each_worker() {
    let mut proxy = Proxy::new(&module(LIVES));
    proxy.add_worker();
    proxy.add_worker();
    assert!(proxy.configure(b"one").accepted);
    let places: Vec<(Place, String)> =
        proxy.take_logs().iter().map(|line| (line.place, line.text())).collect();
    let mut expected = Vec::new();
    for place in [Place::Canary, Place::Main, Place::Worker(0), Place::Worker(1)] {
        expected.extend(["c1", "v0", "g0", "one"].map(|word| (place, word.to_owned())));
    }
    assert_eq!(places, expected);
    assert!(proxy.configure(b"one").accepted);
    assert_eq!(said(&mut proxy), [""; 0], "the same bytes change nothing");
    proxy.add_worker();
    assert_eq!(said(&mut proxy), ["c1", "v0", "g0", "one"], "a late worker needs no canary");
    assert!(proxy.configure(b"").accepted);
    assert_eq!(
        said_at(&mut proxy, Place::Canary),
        ["c1", "v0", "g0", ""],
        "no configuration is one of size zero"
    );
}

#[test]
fn nothing_passes_before_the_first_good_configuration() {
    let mut proxy = Proxy::new(&module(LIVES));
    proxy.add_worker();
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&GET, true), Outcome::Refused, "the listener waits");
    assert_eq!((stream.outcome(), stream.downstream().headers), (Outcome::Refused, None));

    assert!(!proxy.configure(b"bad").accepted);
    let mut stream = proxy.worker(0).open_stream(peer());
    let outcome = stream.request_headers(&GET, true);
    assert_eq!(outcome.reply().map(|reply| (reply.cause, reply.status)), Some((Cause::Unconfigured, 500)));
    assert_eq!((stream.outcome(), stream.downstream().status()), (outcome, Some(500)));
    assert!(stream.upstream().headers.is_none());
    assert!(proxy.configure(b"good").accepted);
    assert_eq!(proxy.worker(0).open_stream(peer()).request_headers(&GET, true), Outcome::Continue);
}

#[test]
fn a_refused_configuration_leaves_the_previous_in_force() {
    let mut proxy = proxy(LIVES);
    assert!(!proxy.configure(b"bad").accepted);
    assert_eq!(said_at(&mut proxy, Place::Canary), ["c1", "v0", "g0", "bad"]);
    assert!(!proxy.configure(b"bad").accepted);
    assert_eq!(proxy.take_logs(), [], "the verdict is remembered; nobody else has seen it");
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    assert_eq!(
        said(&mut proxy),
        ["c2", "s2", "r1", "g1"],
        "under the old root; the configuration is gone by now"
    );
}

#[test]
fn streams_keep_the_root_that_they_began_under() {
    let mut proxy = proxy(LIVES);
    let mut old = proxy.worker(0).open_stream(peer());
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(said(&mut proxy), ["c3", "v0", "g0", "second"], "the old root still has a stream");
    assert_eq!(proxy.worker(0).root_contexts(), 2);
    let mut new = proxy.worker(0).open_stream(peer());
    new.request_headers(&GET, true);
    old.request_headers(&GET, true);
    assert_eq!(said(&mut proxy), ["c4", "s4", "r3", "g1", "c2", "s2", "r1", "g1"]);
    new.response_headers(&OK, true);
    assert_eq!(said(&mut proxy), ["d4", "x4"]);
    old.response_headers(&OK, true);
    assert_eq!(said(&mut proxy), ["d2", "x2", "d1", "x1"], "the old root goes with its last stream");
    assert_eq!(proxy.worker(0).root_contexts(), 1);
}

#[test]
fn an_idle_root_goes_at_once_and_going_back_revives_a_busy_one() {
    let mut proxy = proxy(LIVES);
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(said(&mut proxy), ["c2", "v0", "g0", "second", "d1", "x1"]);
    let stream = proxy.worker(0).open_stream(peer());
    assert!(proxy.configure(b"third").accepted);
    said(&mut proxy);
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(said(&mut proxy), ["d4", "x4"], "root 2 lived on for its stream and is in force again");
    drop(stream);
    assert_eq!(proxy.worker(0).root_contexts(), 1);
    proxy.shut_down();
    assert_eq!(said(&mut proxy), ["c3", "d3", "x3", "d2", "x2"], "the stream was created only to be logged");
}

#[test]
fn a_root_that_is_not_done_lives_until_it_says_so() {
    let mut proxy = proxy(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (drop (call $set_tick (i32.const 10))) (i32.const 1))
           (func (export "proxy_on_tick") (param i32)
             (call $note 't' (local.get 0)) (call $note 'o' (call $done)))
           (func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))
           (func (export "proxy_on_delete") (param i32) (call $note 'x' (local.get 0)))"#,
    );
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(proxy.worker(0).root_contexts(), 2);
    proxy.tick();
    assert_eq!(
        said(&mut proxy),
        ["t1", "o0", "x1", "t2", "o1"],
        "only one of them has something to be done with"
    );
    assert_eq!(proxy.worker(0).root_contexts(), 1);
}

#[test]
fn a_worker_that_refuses_what_the_canary_took_is_left_open() {
    let guest = r#"
      (data (i32.const 1024) "seen")
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (local $first i32)
        (local.set $first (call $get_shared
          (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 8)))
        (drop (call $set_shared (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4) (i32.const 0)))
        (local.get $first))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#;
    let mut proxy = Proxy::new(&module(guest));
    proxy.add_worker();
    assert!(proxy.configure(b"x").accepted);
    let mut stream = proxy.worker(0).open_stream(Downstream::plaintext());
    assert_eq!(stream.request_headers(&GET, true), Outcome::Continue, "the filter is not in the chain");
    assert!(stream.upstream().ended);
    assert_eq!(stream.total_usage().calls, 0);
}

#[test]
fn a_configuration_that_traps_is_refused() {
    let guest = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (if (local.get 1) (then (unreachable))) (i32.const 1))"#;
    let mut proxy = Proxy::new(&module(guest));
    proxy.add_worker();
    assert!(proxy.configure(b"").accepted);
    assert!(!proxy.configure(b"x").accepted);
    assert_eq!(proxy.worker(0).failure(), None);
    assert!(said_at(&mut proxy, Place::Canary)[0].starts_with("Wasm VM failed Function: proxy_on_configure"));
}

#[test]
fn a_fault_can_strike_a_worker_and_spare_the_canary() {
    let mut proxy = Proxy::new(&module(LIVES));
    proxy.add_worker();
    let cut = Fault::of("proxy_get_buffer_bytes", Effect::Replace(b"bad".to_vec())).when(When::Nth(3));
    let cut = proxy.inject(cut);
    assert!(proxy.configure(b"good").accepted);
    assert_eq!(proxy.struck(cut), 1);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    assert_eq!(stream.total_usage().calls, 0, "left out of the chain");
}
