//! Clocks and ticks.

use std::time::Duration;

use ambit_harness::host::{LogLevel, Place, Proxy};

use crate::guest::{module, peer, proxy, said};

/// Ticks with the configuration's length times 100 ms, says its root at each, and the tenths of a second since start.
const TICKS: &str = r#"
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $set_tick (i32.mul (local.get 1) (i32.const 100)))) (i32.const 1))
  (func (export "proxy_on_tick") (param i32)
    (call $note 't' (local.get 0))
    (drop (call $get_time (i32.const 0)))
    (call $note 'n' (i32.wrap_i64 (i64.div_s
      (i64.sub (i64.load (i32.const 0)) (i64.const 1767225600000000000)) (i64.const 100000000)))))
"#;

#[test]
fn ticks_are_armed_again_and_time_passes_between() {
    let mut proxy = proxy(TICKS);
    proxy.advance(Duration::from_millis(499));
    assert_eq!(said(&mut proxy), [""; 0]);
    proxy.advance(Duration::from_millis(1001));
    assert_eq!(said(&mut proxy), ["t1", "n5", "t1", "n10", "t1", "n15"]);
    assert!(proxy.tick());
    assert_eq!(said(&mut proxy), ["t1", "n20"]);
}

#[test]
fn every_thread_and_every_live_root_ticks_but_not_the_canary() {
    let mut proxy = Proxy::new(&module(TICKS));
    proxy.add_worker();
    proxy.add_worker();
    assert!(proxy.configure(b"12345").accepted);
    let old = proxy.worker(0).open_stream(peer());
    assert!(proxy.configure(b"1234567890").accepted);
    proxy.advance(Duration::from_secs(1));
    let ticks = |proxy: &mut Proxy| -> Vec<(Place, String)> {
        let logs = proxy.take_logs();
        logs.iter().map(|line| (line.place, line.text())).filter(|(_, word)| word.starts_with('t')).collect()
    };
    let (main, first, second) = (Place::Main, Place::Worker(0), Place::Worker(1));
    let expected = [(first, "t1"), (main, "t2"), (first, "t1"), (first, "t3"), (second, "t2")];
    assert_eq!(ticks(&mut proxy), expected.map(|(place, word)| (place, word.to_owned())));
    drop(old);
    proxy.advance(Duration::from_millis(600));
    assert_eq!(ticks(&mut proxy), [], "the retired root is gone with its stream, and its timer with it");
}

#[test]
fn no_period_no_tick_and_a_wall_clock_may_jump() {
    let mut idle = Proxy::new(&module(TICKS));
    idle.add_worker();
    assert!(idle.configure(b"").accepted);
    assert!(!idle.tick());

    let mut proxy = proxy(TICKS);
    proxy.set_wall_clock_ns(1_767_225_600_000_000_000 - 400_000_000);
    proxy.advance(Duration::from_millis(500));
    assert_eq!(said(&mut proxy), ["t1", "n1"], "ticks do not care; what guests read went back");
    assert_eq!(proxy.wall_clock_ns(), 1_767_225_600_100_000_000);
}

#[test]
fn lines_below_the_log_level_are_dropped() {
    let guest = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $log (i32.const 1) (i32.const 0) (i32.const 1)))
        (drop (call $log (i32.const 5) (i32.const 0) (i32.const 1))) (i32.const 1))"#;
    let mut proxy = Proxy::new(&module(guest));
    assert!(proxy.configure(b"").accepted);
    let logs = proxy.take_logs();
    assert!(!logs.is_empty() && logs.iter().all(|line| line.level == LogLevel::Critical), "{logs:?}");
}
