//! Bodies: calls of an MCP tool that a condition on an argument allows, by size, beside no filter and beside a module
//! that holds the body until its end and does nothing else; and a reply that lists tools.

use crate::client::Request;
use crate::upstream::Reply;

use super::plan::{self, Plan, Variant};
use super::policy;

/// Sizes in KiB. The last is what is read at most: Envoy itself holds 1,024, and refuses more.
const SIZES: [usize; 4] = [1, 4, 64, 960];

const AGENTS: usize = 1_000;

/// Tools of the reply that is cut down; the policy has 40, of which the caller holds ten.
const TOOLS: usize = 40;

/// Holds the body until its end.
const BUFFERS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.eqz (local.get 2))))"#;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let caller = policy::principal(9);
    let filter = plan.filter().to_path_buf();
    let buffers = filter.with_file_name("buffers.wat.wasm");
    let bytes = wat::parse_str(BUFFERS).map_err(|error| error.to_string())?;
    std::fs::write(&buffers, bytes).map_err(|error| error.to_string())?;
    let config = policy::config(&policy::mcp(AGENTS))?;
    plan.site("body-none", |site| site);
    plan.site("body-buffers", plan::inbound(&buffers, None));
    plan.site("body-ambit", plan::inbound(&filter, Some(config.clone())));
    for kib in SIZES {
        let call = Request::post_json("/mcp", mcp_call(kib * 1024));
        let none = format!("body-none-{kib}");
        let mut variant = |name: &str, site: &str, about: &str, over: Option<&str>| {
            let about = format!("{about}, {kib} KiB body");
            let variant = Variant::inbound(name, site, &caller, call.clone()).about(&about);
            let variant = over.map_or(variant.clone(), |over| variant.over(over));
            plan.variant(variant.one_of(kib.div_ceil(32)));
        };
        variant(&none, "body-none", "no filter", None);
        variant(&format!("body-buffers-{kib}"), "body-buffers", "a module that only buffers", Some(&none));
        variant(&format!("body-ambit-{kib}"), "body-ambit", "allow by an argument, 1000 agents", Some(&none));
    }

    let reply = || Reply::new(200, tools()).header("content-type", "application/json");
    plan.site("list-none", |site| site.fixed_app(reply()));
    let inbound = plan::inbound(&filter, Some(config));
    plan.site("list-ambit", |site| inbound(site.fixed_app(reply())));
    let list = Request::post_json("/mcp", r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#);
    let none = Variant::inbound("list-none", "list-none", &caller, list.clone());
    plan.variant(none.about("no filter, a reply of 16 KiB that lists 40 tools"));
    let cut = Variant::inbound("list-ambit", "list-ambit", &caller, list);
    plan.variant(cut.over("list-none").about("the same reply, cut down to ten tools"));
    Ok(())
}

/// A call of a tool whose arguments make it this long.
fn mcp_call(bytes: usize) -> String {
    let call = |text: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{{\"name\":\"act-3\",\
             \"arguments\":{{\"query\":\"{text}\",\"limit\":50}}}}}}"
        )
    };
    let rest = bytes.saturating_sub(call("").len());
    let mut text = "select id, total from orders where day = '2026-02-01'; ".repeat(rest / 50 + 1);
    text.truncate(rest);
    call(&text)
}

/// What a server with these tools answers.
fn tools() -> String {
    let tool = |number: usize| {
        format!(
            "{{\"name\":\"act-{number}\",\"description\":\"{}\",\"inputSchema\":{{\"type\":\"object\",\
             \"properties\":{{\"limit\":{{\"type\":\"integer\"}},\"query\":{{\"type\":\"string\"}}}}}}}}",
            "Looks something up. ".repeat(13)
        )
    };
    let tools: Vec<String> = (0..TOOLS).map(tool).collect();
    format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{{\"tools\":[{}]}}}}", tools.join(","))
}
