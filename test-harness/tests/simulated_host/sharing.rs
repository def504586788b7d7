//! Shared data, queues and metrics: what the workers of one process have in common.

use std::time::Duration;

use ambit_harness::host::{Metric, Place, Proxy};

use crate::guest::{GET, module, peer, proxy, said};

/// Reads key `k`, says value and version, and writes `v` with that version, or with the one in the header count.
const SHARES: &str = r#"
  (data (i32.const 1024) "k") (data (i32.const 1032) "mine")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $found i32)
    (i32.store (i32.const 8) (i32.const 0))
    (local.set $found (call $get_shared
      (i32.const 1024) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 8)))
    (call $note 'g' (local.get $found))
    (if (i32.eqz (local.get $found)) (then (call $said)))
    (call $note 'v' (i32.load (i32.const 8)))
    (call $note 'w' (call $set_shared (i32.const 1024) (i32.const 1) (i32.const 1032) (i32.const 4)
      (i32.sub (i32.load (i32.const 8)) (i32.sub (local.get 1) (i32.const 4)))))
    (i32.const 0))
"#;

#[test]
fn shared_data_is_versioned_and_seen_by_every_worker_and_plugin() {
    let mut proxy = Proxy::new(&module(SHARES));
    proxy.add_worker();
    proxy.add_worker();
    assert!(proxy.configure(b"").accepted);
    let ask = |proxy: &mut Proxy, worker: usize, extra: usize| {
        let mut headers = GET.to_vec();
        headers.extend(vec![("x", "y"); extra]);
        proxy.worker(worker).open_stream(peer()).request_headers(&headers, true);
        said(proxy)
    };
    assert_eq!(ask(&mut proxy, 0, 0), ["g1", "v0", "w0"], "not there; version zero writes whatever is there");
    assert_eq!(ask(&mut proxy, 1, 0), ["g0", "mine", "v1", "w0"], "the other worker sees it");
    proxy.set_shared_data("k", "another plugin's");
    assert_eq!(
        ask(&mut proxy, 0, 1),
        ["g0", "another plugin's", "v3", "w8"],
        "an outdated version does not write"
    );
    assert_eq!(proxy.shared_data("k"), Some(b"another plugin's".to_vec()));
}

#[test]
fn queues_tell_the_last_registrant() {
    let guest = r#"
      (data (i32.const 1024) "q") (data (i32.const 1032) "item")
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $note 'r' (call $register_queue (i32.const 1024) (i32.const 1) (i32.const 0))) (i32.const 1))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 'f' (call $resolve_queue
          (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 0)))
        (call $note 'm' (call $resolve_queue
          (i32.const 0) (i32.const 0) (i32.const 1032) (i32.const 4) (i32.const 16)))
        (call $note 'p' (call $enqueue (i32.load (i32.const 0)) (i32.const 1032) (i32.const 4)))
        (call $note 'n' (call $enqueue (i32.const 99) (i32.const 1032) (i32.const 4)))
        (i32.const 0))
      (func (export "proxy_on_queue_ready") (param i32 i32)
        (call $note 'y' (local.get 1))
        (call $note 'd' (call $dequeue (local.get 1) (i32.const 0) (i32.const 4))) (call $said)
        (call $note 'd' (call $dequeue (local.get 1) (i32.const 0) (i32.const 4))))"#;
    let mut proxy = Proxy::new(&module(guest));
    proxy.add_worker();
    proxy.add_worker();
    assert!(proxy.configure(b"").accepted);
    proxy.take_logs();
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(said(&mut proxy), ["f0", "m1", "p0", "n1"], "told later, as if on another thread");
    proxy.advance(Duration::ZERO);
    let ready = proxy.take_logs();
    assert!(ready.iter().all(|line| line.place == Place::Worker(1)), "{ready:?}");
    let words: Vec<String> = ready.iter().map(ambit_harness::host::LogLine::text).collect();
    assert_eq!(words, ["y1", "d0", "item", "d7"]);
}

#[test]
fn metrics_share_names_but_not_ids() {
    let guest = r#"
      (data (i32.const 1024) "denials") (data (i32.const 1040) "generation") (data (i32.const 1056) "cost")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note 'd' (call $define_metric (i32.const 0) (i32.const 1024) (i32.const 7) (i32.const 0)))
        (call $note 'c' (i32.load (i32.const 0)))
        (call $note 'i' (call $increment_metric (i32.load (i32.const 0)) (i64.const 2)))
        (call $note 'z' (call $increment_metric (i32.load (i32.const 0)) (i64.const 0)))
        (call $note 'z' (call $increment_metric (i32.load (i32.const 0)) (i64.const -1)))
        (call $note 'r' (call $record_metric (i32.load (i32.const 0)) (i64.const 5)))
        (call $note 'g' (call $get_metric (i32.load (i32.const 0)) (i32.const 16)))
        (call $note 'v' (i32.load (i32.const 16)))
        (drop (call $define_metric (i32.const 1) (i32.const 1040) (i32.const 10) (i32.const 4)))
        (call $note 'e' (i32.load (i32.const 4)))
        (drop (call $record_metric (i32.load (i32.const 4)) (i64.const 9)))
        (call $note 'i' (call $increment_metric (i32.load (i32.const 4)) (i64.const -2)))
        (drop (call $define_metric (i32.const 2) (i32.const 1056) (i32.const 4) (i32.const 8)))
        (call $note 'h' (i32.load (i32.const 8)))
        (drop (call $record_metric (i32.load (i32.const 8)) (i64.const 3)))
        (call $note 'i' (call $increment_metric (i32.load (i32.const 8)) (i64.const 1)))
        (call $note 'g' (call $get_metric (i32.load (i32.const 8)) (i32.const 16)))
        (call $note 'n' (call $increment_metric (i32.const 400) (i64.const 1)))
        (call $note 'k' (call $define_metric (i32.const 3) (i32.const 1024) (i32.const 7) (i32.const 12)))
        (i32.const 0))"#;
    let mut proxy = proxy(guest);
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(
        said(&mut proxy),
        ["d0", "c4", "i0", "z2", "z2", "r0", "g0", "v7", "e5", "i0", "h6", "i2", "g2", "n1", "k2"]
    );
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(said(&mut proxy)[1], "c8", "defining again makes a new id for the same metric");
    proxy.add_worker();
    proxy.worker(1).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(said(&mut proxy)[1], "c4", "ids belong to the VM");
    assert_eq!(proxy.counter("denials"), 21, "values to the process");
    assert_eq!(proxy.metric("generation"), Some(Metric::Gauge(7)));
    assert_eq!(proxy.metric("cost"), Some(Metric::Histogram(vec![3, 3, 3])));
    assert_eq!(proxy.worker(0).metric_definitions(), 6);
}

#[test]
fn call_outs_and_foreign_functions_have_nobody_to_call() {
    let mut proxy = proxy(
        r#"(data (i32.const 1024) "verify_signature")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $note 'f' (call $call_foreign (i32.const 1024) (i32.const 16) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 4)))
             (call $note 'h' (call $http_call (i32.const 1024) (i32.const 16) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 500) (i32.const 0)))
             (call $note 'g' (call $grpc_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
             (call $note 's' (call $get_status (i32.const 0) (i32.const 4) (i32.const 8)))
             (call $note 'u' (call $continue (i32.const 3)))
             (call $note 'l' (call $get_log_level (i32.const 0)))
             (call $note 'v' (i32.load (i32.const 0)))
             (call $note 'b' (call $get_buffer_status (i32.const 4) (i32.const 0) (i32.const 4)))
             (call $note 'b' (call $get_buffer_status (i32.const 9) (i32.const 0) (i32.const 4)))
             (call $note 'b' (call $get_buffer_status (i32.const 0) (i32.const 0) (i32.const 4)))
             (i32.const 0))"#,
    );
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(said(&mut proxy), ["f1", "h2", "g12", "s0", "u12", "l0", "v2", "b1", "b2", "b0"]);
}
