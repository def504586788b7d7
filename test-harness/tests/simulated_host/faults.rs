//! Planned faults strike where and when they are planned.

use ambit_harness::host::{Effect, Fault, Status, When};

use crate::guest::{GET, peer, proxy, said};

/// Reads the time in tenths of a second since start, the headers `:path` and `:method`, and all pairs.
const READS: &str = r#"
  (data (i32.const 1024) ":path:method")
  (func $header (param i32 i32)
    (i64.store (i32.const 0) (i64.const 0))
    (call $note 'h' (call $get_header (i32.const 0) (local.get 0) (local.get 1) (i32.const 0) (i32.const 4)))
    (call $said))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $get_time (i32.const 0)))
    (call $note 'n' (i32.wrap_i64 (i64.div_s
      (i64.sub (i64.load (i32.const 0)) (i64.const 1767225600000000000)) (i64.const 100000000))))
    (call $header (i32.const 1024) (i32.const 5))
    (call $header (i32.const 1029) (i32.const 7))
    (i32.const 0))
"#;

fn words(faults: &[Fault], requests: usize) -> Vec<String> {
    let mut proxy = proxy(READS);
    for fault in faults {
        proxy.inject(fault.clone());
    }
    for _ in 0..requests {
        proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    }
    said(&mut proxy)
}

#[test]
fn faults_strike_by_call_by_key_and_by_count() {
    let sound = ["n0", "h0", "/v1/orders?id=7", "h0", "GET"];
    assert_eq!(words(&[], 1), sound);

    let odd = Fault::of("proxy_get_header_map_value", Effect::Return(Status(99)));
    assert_eq!(words(std::slice::from_ref(&odd), 1), ["n0", "h99", "", "h99", ""]);
    assert_eq!(words(&[odd.clone().when(When::Nth(2))], 1), ["n0", "h0", "/v1/orders?id=7", "h99", ""]);
    assert_eq!(words(&[odd.clone().key(":path")], 1), ["n0", "h99", "", "h0", "GET"]);
    assert_eq!(
        words(&[odd.clone().key(":path").when(When::From(2))], 2)[5..],
        ["n0", "h99", "", "h0", "GET"]
    );

    let short = Fault::of("proxy_get_header_map_value", Effect::Truncate(2));
    assert_eq!(words(&[short], 1), ["n0", "h0", "/v", "h0", "GE"]);
    let other = Fault::of("proxy_get_header_map_value", Effect::Replace(b"PUT".to_vec())).key(":method");
    assert_eq!(words(&[other], 1), ["n0", "h0", "/v1/orders?id=7", "h0", "PUT"]);

    let back =
        Fault::of("proxy_get_current_time_nanoseconds", Effect::JumpClock(300_000_000)).when(When::Nth(1));
    let forth =
        Fault::of("proxy_get_current_time_nanoseconds", Effect::JumpClock(-100_000_000)).when(When::Nth(2));
    let seen = words(&[back, forth], 2);
    assert_eq!((seen[0].as_str(), seen[5].as_str()), ("n3", "n2"), "time went back between two requests");
}

#[test]
fn faults_end_and_are_counted() {
    let mut proxy = proxy(READS);
    let id = proxy.inject(Fault::of("proxy_get_header_map_value", Effect::Return(Status::NOT_FOUND)));
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(proxy.struck(id), 2);
    proxy.end_faults();
    said(&mut proxy);
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    assert_eq!(said(&mut proxy)[1], "h0");
    assert_eq!(proxy.struck(id), 2);
}

#[test]
fn a_fault_of_an_unknown_hostcall_is_a_mistake_of_the_test() {
    let mistake = std::panic::catch_unwind(|| Fault::of("proxy_get_propety", Effect::Return(Status::OK)));
    assert!(mistake.is_err());
}
