//! Cost: deterministic counts of fuel, hostcalls and allocations.

use ambit_harness::host::Usage;

use crate::guest::{GET, OK, peer, proxy};

const WORKS: &str = r#"
  (data (i32.const 1024) "connection\00mtls")
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $get_property (i32.const 1024) (i32.const 15) (i32.const 0) (i32.const 4)))
    (drop (call $get_pairs (i32.const 0) (i32.const 0) (i32.const 4)))
    (drop (call $get_pairs (i32.const 2) (i32.const 0) (i32.const 4)))
    (i32.const 0))
"#;

#[test]
fn the_same_request_costs_the_same() {
    let cost = || -> Vec<Usage> {
        let proxy = proxy(WORKS);
        let ask = || {
            let mut stream = proxy.worker(0).open_stream(peer());
            stream.request_headers(&GET, true);
            stream.response_headers(&OK, true);
            stream.request_headers_usage()
        };
        vec![ask(), ask()]
    };
    let costs = cost();
    assert_eq!(costs, cost(), "in another VM");
    assert_eq!(costs[0], costs[1], "in the same VM");
    let usage = &costs[0];
    assert_eq!((usage.calls, usage.hostcall_total()), (1, 3));
    assert_eq!((usage.hostcall("proxy_get_property"), usage.hostcall("proxy_get_header_map_pairs")), (1, 2));
    assert_eq!(usage.allocations, 2, "an empty list needs no room");
    let pairs: usize = GET.iter().map(|(name, value)| 8 + name.len() + 1 + value.len() + 1).sum();
    assert_eq!(usage.allocated_bytes, 1 + 4 + pairs as u64);
    assert!(usage.fuel > 0);
}

#[test]
fn usage_is_kept_by_callback_for_stream_and_worker() {
    let proxy = proxy(WORKS);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    assert_eq!(
        stream.usage("proxy_on_request_headers"),
        stream.total_usage(),
        "no other callback is exported"
    );
    assert_eq!(stream.usage("proxy_on_log").calls, 0);
    let once = proxy.worker(0).usage("proxy_on_request_headers");
    assert_eq!(once, stream.total_usage());
    proxy.worker(0).open_stream(peer()).request_headers(&GET, true);
    let twice = proxy.worker(0).usage("proxy_on_request_headers");
    assert_eq!((twice.calls, twice.fuel, twice.allocations), (2, 2 * once.fuel, 2 * once.allocations));
    assert_eq!(proxy.worker(0).total_usage(), twice);
    assert_eq!(proxy.worker(0).memory_bytes(), 2 * 65536);
}

#[test]
fn ended_streams_leave_nothing_behind() {
    let proxy = proxy(WORKS);
    for _ in 0..1000 {
        let mut stream = proxy.worker(0).open_stream(peer());
        stream.request_headers(&GET, true);
        stream.response_headers(&OK, true);
    }
    assert_eq!(proxy.worker(0).root_contexts(), 1);
    assert_eq!(proxy.worker(0).open_contexts(), 0);
}
