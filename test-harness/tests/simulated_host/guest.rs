//! Guests for the tests: a prelude that every guest has, and a body in Wasm text.

use ambit_harness::host::{Downstream, LogLine, Module, Options, Place, Proxy};

/// Imports of all hostcalls, an allocator that never frees, and words to say what was seen:
///
/// - `$say` logs bytes at an address; `$said` logs the value that a hostcall put at [0] and [4];
/// - `$note` logs a letter and a number, which is how statuses and sizes are told: `a12`.
///
/// Addresses 0 to 63 are for results; data of a guest begins at 1024; values come from 65536 on.
const PRELUDE: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_log_level" (func $get_log_level (param i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $get_time (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $set_context (param i32) (result i32)))
  (import "env" "proxy_done" (func $done (result i32)))
  (import "env" "proxy_get_status" (func $get_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function"
    (func $call_foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call"
    (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_call"
    (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $get_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_size" (func $get_map_size (param i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value"
    (func $replace_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove_header (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_status" (func $get_buffer_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_register_shared_queue" (func $register_queue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_resolve_shared_queue"
    (func $resolve_queue (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment_metric (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record_metric (param i32 i64) (result i32)))
  (import "env" "proxy_get_metric" (func $get_metric (param i32 i32) (result i32)))

  (memory (export "memory") 2)
  (func (export "proxy_abi_version_0_2_1"))

  (global $heap (mut i32) (i32.const 65536))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (block $enough
      (br_if $enough (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))))

  (func $say (param $address i32) (param $length i32)
    (drop (call $log (i32.const 2) (local.get $address) (local.get $length))))
  (func $said (call $say (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (func $note (param $letter i32) (param $number i32)
    (local $at i32)
    (local.set $at (i32.const 96))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $digits (local.get $number)))
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (local.get $letter))
    (call $say (local.get $at) (i32.sub (i32.const 96) (local.get $at))))
"#;

/// A guest's source. In `body`, `'x'` stands for the number of that letter.
pub(crate) fn source(body: &str) -> String {
    let mut source = format!("(module {PRELUDE} {body})");
    for letter in 'a'..='z' {
        source = source.replace(&format!("'{letter}'"), &format!("(i32.const {})", u32::from(letter)));
    }
    source
}

pub(crate) fn module(body: &str) -> Module {
    let bytes = wat::parse_str(source(body)).expect("valid Wasm text");
    Module::from_bytes(&bytes).expect("a module that links")
}

/// A configured proxy with one worker that runs this guest.
pub(crate) fn proxy(body: &str) -> Proxy {
    proxy_with(body, Options::default())
}

pub(crate) fn proxy_with(body: &str, options: Options) -> Proxy {
    let mut proxy = Proxy::with_options(&module(body), options);
    proxy.add_worker();
    assert!(proxy.configure(b"first").accepted, "{:?}", proxy.logs());
    proxy.take_logs();
    proxy
}

/// What guests said on workers since the last time, in order.
pub(crate) fn said(proxy: &mut Proxy) -> Vec<String> {
    let on_worker = |line: &&LogLine| matches!(line.place, Place::Worker(_));
    proxy.take_logs().iter().filter(on_worker).map(LogLine::text).collect()
}

/// What the guest at one place said since the last time, in order. What others said is lost.
pub(crate) fn said_at(proxy: &mut Proxy, place: Place) -> Vec<String> {
    proxy.take_logs().iter().filter(|line| line.place == place).map(LogLine::text).collect()
}

pub(crate) const PEER: &str = "spiffe://cluster.local/ns/shop/sa/support";

pub(crate) fn peer() -> Downstream {
    Downstream::mtls(PEER)
}

pub(crate) const GET: [(&str, &str); 4] =
    [(":authority", "orders"), (":path", "/v1/orders?id=7"), (":method", "GET"), (":scheme", "http")];

pub(crate) const POST: [(&str, &str); 3] = [(":authority", "orders"), (":path", "/mcp"), (":method", "POST")];

pub(crate) const OK: [(&str, &str); 1] = [(":status", "200")];
