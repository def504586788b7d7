//! VMs that die, and what becomes of the streams they had.

use std::time::Duration;

use ambit_harness::host::{
    Cause, FUEL_PER_CALL, FailStrategy, Options, Outcome, Proxy, RELOAD_BACKOFF, Stream,
};

use crate::guest::{GET, OK, POST, module, peer, proxy, proxy_with, said};

/// Traps on a request body of one byte; reads out of bounds on two; loops on three.
const FRAGILE: &str = r#"
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $note 'h' (local.get 0)) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (if (i32.eq (local.get 1) (i32.const 1)) (then (unreachable)))
    (if (i32.eq (local.get 1) (i32.const 2)) (then (drop (i32.load (i32.const -1)))))
    (if (i32.eq (local.get 1) (i32.const 3)) (then (loop $for_ever (br $for_ever))))
    (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $note 'r' (local.get 0)) (i32.const 0))
  (func (export "proxy_on_log") (param i32) (call $note 'l' (local.get 0)))
  (func (export "proxy_on_delete") (param i32) (call $note 'x' (local.get 0)))
"#;

fn is_failed(outcome: &Outcome) -> bool {
    outcome.reply().is_some_and(|reply| {
        reply.cause == Cause::VmFailure && reply.status == 503 && reply.details == b"wasm_fail_stream"
    })
}

fn begin(proxy: &Proxy, worker: usize) -> Stream {
    let mut stream = proxy.worker(worker).open_stream(peer());
    stream.request_headers(&POST, false);
    stream
}

#[test]
fn a_trap_takes_every_stream_of_the_worker_and_no_other() {
    let mut proxy = Proxy::new(&module(FRAGILE));
    proxy.add_worker();
    proxy.add_worker();
    assert!(proxy.configure(b"").accepted);
    let (mut first, mut second, mut elsewhere) = (begin(&proxy, 0), begin(&proxy, 0), begin(&proxy, 1));
    let mut third = begin(&proxy, 0);
    proxy.take_logs();
    let outcome = first.request_body("x", false);
    assert!(is_failed(&outcome), "{outcome:?}");
    assert_eq!(said(&mut proxy).len(), 1, "the guest sees neither the reply nor the end");
    assert_eq!(proxy.worker(0).failure().as_deref(), Some("proxy_on_request_body: unreachable"));
    assert!(first.is_complete() && first.upstream().reset);
    assert_eq!(first.downstream().status(), Some(503));
    assert_eq!(first.details(), Some(b"wasm_fail_stream".to_vec()));

    assert!(is_failed(&second.request_body("long", true)));
    third.response_headers(&OK, true);
    assert!(is_failed(&third.outcome()), "on the way back, too");
    assert_eq!(elsewhere.request_body("long", true), Outcome::Continue);
    assert!(is_failed(&begin(&proxy, 0).outcome()), "a new stream fails closed");
    assert_eq!(begin(&proxy, 1).outcome(), Outcome::Continue);
}

#[test]
fn grpc_callers_are_told_that_the_service_is_unavailable() {
    let proxy = proxy(FRAGILE);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&[(":path", "/a"), ("content-type", "application/grpc")], false);
    stream.request_body("x", false);
    assert_eq!(stream.downstream().header("grpc-status"), Some(&b"14"[..]));
}

#[test]
fn every_kind_of_death_is_told() {
    for (body, reason) in [("x", "unreachable"), ("xx", "out of bounds"), ("xxx", "fuel is spent")] {
        let proxy = proxy(FRAGILE);
        let mut stream = begin(&proxy, 0);
        assert!(is_failed(&stream.request_body(body, true)));
        let failure = proxy.worker(0).failure().expect("a reason");
        assert!(failure.contains(reason), "`{failure}` should say `{reason}`");
    }
    assert_eq!(FUEL_PER_CALL, 2_000_000_000);
}

#[test]
fn a_reply_asked_for_before_the_trap_comes_too_late() {
    let proxy = proxy(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (drop (call $reply (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const -1)))
             (unreachable))"#,
    );
    assert!(is_failed(&begin(&proxy, 0).outcome()));
}

#[test]
fn reloading_waits_for_the_back_off_since_the_last_load() {
    let mut proxy = proxy(FRAGILE);
    begin(&proxy, 0).request_body("x", true);
    assert!(is_failed(&begin(&proxy, 0).outcome()), "the VM is younger than the back-off");
    proxy.advance(RELOAD_BACKOFF - Duration::from_millis(1));
    assert!(is_failed(&begin(&proxy, 0).outcome()));
    proxy.advance(Duration::from_millis(1));
    assert_eq!(begin(&proxy, 0).outcome(), Outcome::Continue);
    assert_eq!((proxy.worker(0).reloads(), proxy.worker(0).failure()), (1, None));

    proxy.advance(RELOAD_BACKOFF);
    let mut victim = begin(&proxy, 0);
    let mut bystander = begin(&proxy, 0);
    victim.request_body("x", true);
    assert_eq!(begin(&proxy, 0).outcome(), Outcome::Continue, "an old VM that dies is replaced at once");
    assert_eq!(proxy.worker(0).reloads(), 2);
    assert!(is_failed(&bystander.request_body("long", true)), "streams of the dead VM are not saved");
}

#[test]
fn without_reload_the_worker_stays_dead_until_a_new_configuration() {
    let options = Options { fail_strategy: FailStrategy::Close, ..Options::default() };
    let mut proxy = proxy_with(FRAGILE, options);
    begin(&proxy, 0).request_body("x", true);
    proxy.advance(Duration::from_secs(3600));
    assert!(is_failed(&begin(&proxy, 0).outcome()));
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(begin(&proxy, 0).outcome(), Outcome::Continue);
}

#[test]
fn pointers_out_of_bounds_are_refused_not_followed() {
    let mut proxy = proxy(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $note 'a' (call $get_property (i32.const -8) (i32.const 99) (i32.const 0) (i32.const 4)))
             (call $note 'b' (call $get_pairs (i32.const 0) (i32.const -2) (i32.const 4)))
             (call $note 'c' (call $get_time (i32.const 131070)))
             (call $note 'd' (call $log (i32.const 2) (i32.const 131071) (i32.const 2)))
             (call $note 'e' (call $log (i32.const 6) (i32.const 0) (i32.const 0)))
             (call $note 'f' (call $reply (i32.const 200) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 9)
               (i32.const 0) (i32.const 0) (i32.const -1)))
             (i32.const 0))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&GET, true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["a6", "b6", "c6", "d6", "e2", "f6"]);
}

#[test]
fn the_allocator_may_only_log_and_dies_with_the_vm() {
    let swap = |allocator: &str, body: &str| {
        let source = crate::guest::source(body).replace(r#"$malloc (export "malloc")"#, "$malloc");
        let source = source.replacen("(func $said", &format!("{allocator} (func $said"), 1);
        let module =
            ambit_harness::host::Module::from_bytes(&wat::parse_str(source).expect("text")).expect("module");
        let mut proxy = Proxy::new(&module);
        proxy.add_worker();
        assert!(proxy.configure(b"").accepted);
        proxy
    };
    let asks = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 'p' (call $get_pairs (i32.const 0) (i32.const 0) (i32.const 4))) (i32.const 0))"#;
    let logging = r#"(func (export "malloc") (param i32) (result i32) (call $note (i32.const 109) (local.get 0)) (i32.const 70000))"#;
    let mut proxy = swap(logging, asks);
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&[("a", "b")], true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["m16", "p0"]);

    let none = r#"(func (export "malloc") (param i32) (result i32) (i32.const 0))"#;
    let mut proxy = swap(none, asks);
    let mut stream = proxy.worker(0).open_stream(peer());
    assert_eq!(stream.request_headers(&[("a", "b")], true), Outcome::Continue);
    assert_eq!(said(&mut proxy), ["p6"]);

    let calling = r#"(func (export "malloc") (param i32) (result i32) (drop (call $get_time (i32.const 0))) (i32.const 70000))"#;
    let mut proxy = swap(calling, asks);
    let mut stream = proxy.worker(0).open_stream(peer());
    assert!(is_failed(&stream.request_headers(&[("a", "b")], true)));
    assert!(proxy.worker(0).failure().expect("a reason").contains("restricted_callback"));
    assert_eq!(said(&mut proxy).last().map(String::as_str), Some("p6"), "the callback itself ran on");
}

#[test]
fn starting_modules_may_only_log() {
    let guest =
        |call: &str| format!(r#"(func (export "_initialize") (call $note 'i' (i32.const 0)) {call})"#);
    let mut proxy = Proxy::new(&module(&guest("")));
    proxy.add_worker();
    assert!(proxy.configure(b"").accepted);
    assert_eq!(said(&mut proxy), ["i0"]);
    let mut proxy = Proxy::new(&module(&guest("(drop (call $get_time (i32.const 0)))")));
    proxy.add_worker();
    assert!(!proxy.configure(b"").accepted);
}
