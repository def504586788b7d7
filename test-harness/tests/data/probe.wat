;; A filter that does what the first byte of its configuration says: `a` allows, `d` denies with 403, `t` traps on
;; a request of more than twenty headers, `b` waits for the body and then denies, and `r` refuses the configuration
;; itself. Without configuration it denies.
;; It remembers the byte by root context, so that two configurations can be in force in one VM.
(module
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 16) "probe_deny")
  (data (i32.const 32) "denied by the probe")
  (data (i32.const 64) "ambit")
  ;; 0x10000: root of each context, 2 bytes by context; 0x20000: mode of each context, 1 byte; 0x30000: heap.
  (global $heap (mut i32) (i32.const 0x30000))

  (func (export "proxy_abi_version_0_2_1"))
  ;; Nothing is freed: what the host asks for is small, and starts over when the page is full.
  (func (export "malloc") (param $size i32) (result i32)
    (local $at i32)
    (if (i32.gt_u (i32.add (global.get $heap) (local.get $size)) (i32.const 0x40000))
      (then (global.set $heap (i32.const 0x30000))))
    (local.set $at (global.get $heap))
    (global.set $heap
      (i32.and (i32.add (i32.add (global.get $heap) (local.get $size)) (i32.const 7)) (i32.const -8)))
    (local.get $at))

  (func $slot (param $context i32) (result i32)
    (i32.and (local.get $context) (i32.const 0x7fff)))
  (func $mode (param $context i32) (result i32)
    (i32.load8_u offset=0x20000
      (i32.load16_u offset=0x10000 (i32.mul (call $slot (local.get $context)) (i32.const 2)))))

  (func (export "proxy_on_context_create") (param $context i32) (param $root i32)
    (i32.store16 offset=0x10000 (i32.mul (call $slot (local.get $context)) (i32.const 2)) (call $slot (local.get $root))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (local $mode i32)
    (local.set $mode (i32.const 100))
    (if (local.get $size)
      (then
        (drop (call $get_buffer (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4)))
        (local.set $mode (i32.load8_u (i32.load (i32.const 0))))))
    (i32.store8 offset=0x20000 (call $slot (local.get $context)) (local.get $mode))
    (i32.ne (local.get $mode) (i32.const 114)))

  (func $deny
    (drop (call $respond (i32.const 403) (i32.const 16) (i32.const 10) (i32.const 32) (i32.const 19)
      (i32.const 0) (i32.const 0) (i32.const -1))))
  ;; Tells the access log which mode judged the request.
  (func (export "proxy_on_request_headers") (param $context i32) (param $headers i32) (param i32) (result i32)
    (local $mode i32)
    (local.set $mode (call $mode (local.get $context)))
    (i32.store8 (i32.const 8) (local.get $mode))
    (drop (call $set_property (i32.const 64) (i32.const 5) (i32.const 8) (i32.const 1)))
    (if (i32.and (i32.eq (local.get $mode) (i32.const 116)) (i32.gt_u (local.get $headers) (i32.const 20)))
      (then unreachable))
    (if (result i32) (i32.eq (local.get $mode) (i32.const 100))
      (then (call $deny) (i32.const 1))
      (else (i32.const 0))))
  (func (export "proxy_on_request_body") (param $context i32) (param i32) (param $end i32) (result i32)
    (if (i32.ne (call $mode (local.get $context)) (i32.const 98)) (then (return (i32.const 0))))
    (if (local.get $end) (then (call $deny)))
    (i32.const 1))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))
