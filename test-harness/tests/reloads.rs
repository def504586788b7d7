//! What reloads leave behind in a worker's VM: nothing. The memory of a VM never shrinks, so that what it has at the
//! end is the most that it ever took.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::generate::large;
use ambit_harness::host::{Downstream, Proxy};
use ambit_harness::policy_directory::inbound_config;
use ambit_harness::runner::wasm;

const RELOADS: usize = 10_000;

/// After so many everything has happened once.
const SETTLED: usize = 200;

/// How often a policy of another size comes.
const LARGE_EVERY: usize = 50;

/// How often a request outlives the policy that it began under.
const HELD_EVERY: usize = 7;

fn config(agents: u32) -> String {
    let size = large::Size { agents, grants: 10, services: 1, actions: 40, conditions: 0 };
    let blob = compile(&large::large(size), &large::workload(0), &Options::default()).unwrap().blob;
    inbound_config(&blob, None)
}

#[test]
fn memory_is_flat_over_reloads() {
    // Two that differ, since what is in force already is not loaded again.
    let (small, other, large) = (config(3), config(4), config(1_000));
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    let mut held = Vec::new();
    let mut settled = 0;
    for reload in 0..RELOADS {
        let config = match reload {
            _ if reload % LARGE_EVERY == 0 => &large,
            _ if reload % 2 == 0 => &small,
            _ => &other,
        };
        assert!(proxy.configure(config.as_bytes()).accepted, "reload {reload}");
        held.clear();
        if reload % HELD_EVERY == 0 {
            let mut stream =
                proxy.worker(0).open_stream(Downstream::mtls("spiffe://cluster.local/ns/a/sa/b"));
            let _ = stream.request_headers(&[(":method", "GET"), (":path", "/"), (":authority", "a")], true);
            held.push(stream);
        }
        proxy.take_logs();
        assert!(proxy.worker(0).root_contexts() <= 2, "reload {reload}");
        if reload == SETTLED {
            settled = proxy.worker(0).memory_bytes();
        }
    }
    assert_eq!(proxy.worker(0).memory_bytes(), settled, "over {RELOADS} reloads");
    assert_eq!(proxy.worker(0).failure(), None);
}
