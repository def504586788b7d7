//! What all else is compared with: no filter, a module that does nothing, and the floor: a module that makes only the
//! host calls that a decision needs.

use crate::client::Request;

use super::plan::{self, Plan, Variant};
use super::policy;

/// Every callback left out that may be: what Envoy's Wasm machinery costs by itself.
const NOTHING: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;

/// One property and all headers, in memory that is used again for each value, and nothing is done with them.
const FLOOR: &str = r#"(module
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "connection\00uri_san_peer_certificate")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $property (i32.const 16) (i32.const 35) (i32.const 0) (i32.const 4)))
    (drop (call $pairs (i32.const 0) (i32.const 0) (i32.const 4)))
    (i32.const 0)))"#;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let caller = policy::principal(9);
    plan.site("no-filter", |site| site);
    let get = Request::get(&policy::path(3));
    plan.variant(Variant::inbound("none", "no-filter", &caller, get.clone()).about("no filter"));
    for (name, text, about) in [
        ("wasm-nothing", NOTHING, "a Wasm module that does nothing"),
        ("floor", FLOOR, "a Wasm module that makes the two host calls, and nothing else"),
    ] {
        let module = plan.filter().with_file_name(format!("{name}.wat.wasm"));
        let bytes = wat::parse_str(text).map_err(|error| error.to_string())?;
        std::fs::write(&module, bytes).map_err(|error| error.to_string())?;
        plan.site(name, plan::inbound(&module, None));
        plan.variant(Variant::inbound(name, name, &caller, get.clone()).about(about).over("none"));
    }
    Ok(())
}
