//! The filter: allows and denies, by the number of hops, by the number of agents, and with a body.

use crate::client::Request;

use super::plan::{self, Plan, Variant};
use super::policy;

/// The agents of the policies, and of the one that hops are varied under.
const AGENTS: [usize; 3] = [10, 1_000, 10_000];
const MOST_COMMON: usize = 1_000;

/// Agents in the lineage, the caller included.
const HOPS: [usize; 3] = [1, 4, 8];

/// The size of a body, in bytes.
const BODY_BYTES: usize = 4096;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let filter = plan.filter().to_path_buf();
    let caller = policy::principal(9);
    let with_hops = |hops: usize| {
        Request::get(&policy::path(3)).header("x-ambit-lineage", policy::lineage(hops.saturating_sub(1)))
    };
    for agents in AGENTS {
        let site = format!("ambit-{agents}");
        let config = policy::config(&policy::http(agents))?;
        plan.site(&site, plan::inbound(&filter, Some(config)));
        let hops: &[usize] = if agents == MOST_COMMON { &HOPS } else { &[4] };
        for hops in hops {
            let name = format!("ambit-allow-{hops}-hops-{agents}-agents");
            let about = format!("allow: {hops} hops, {agents} agents");
            plan.variant(
                Variant::inbound(&name, &site, &caller, with_hops(*hops)).about(&about).over("none"),
            );
        }
    }
    let site = format!("ambit-{MOST_COMMON}");
    let refused = Request::get(&policy::path(39)).header("x-ambit-lineage", policy::lineage(3));
    let deny = Variant::inbound("ambit-deny", &site, &caller, refused);
    plan.variant(deny.status(403).over("none").about("deny: 4 hops, 1000 agents; nothing goes upstream"));

    if let Some(module) = plan.against().map(std::path::Path::to_path_buf) {
        let config = policy::config(&policy::http(MOST_COMMON))?;
        plan.site("against", plan::inbound(&module, Some(config)));
        let variant = Variant::inbound("against-allow-4-hops-1000-agents", "against", &caller, with_hops(4));
        plan.variant(variant.over("none").about("the other build: allow, 4 hops, 1000 agents"));
        let refused = Request::get(&policy::path(39)).header("x-ambit-lineage", policy::lineage(3));
        let deny = Variant::inbound("against-deny", "against", &caller, refused);
        plan.variant(deny.status(403).over("none").about("the other build: deny"));
    }

    let call = Request::post_json("/mcp", mcp_call());
    plan.variant(
        Variant::inbound("none-body", "no-filter", &caller, call.clone()).about("no filter, 4 KiB body"),
    );
    plan.site("ambit-mcp", plan::inbound(&filter, Some(policy::config(&policy::mcp(MOST_COMMON))?)));
    let call = call.header("x-ambit-lineage", policy::lineage(3));
    let variant = Variant::inbound("ambit-mcp-body", "ambit-mcp", &caller, call);
    plan.variant(variant.over("none-body").about("allow by a 4 KiB MCP call: 4 hops, 1000 agents"));
    Ok(())
}

/// A call of a tool whose arguments make it as long as it should be.
fn mcp_call() -> String {
    let call = |text: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{{\"name\":\"act-3\",\
             \"arguments\":{{\"query\":\"{text}\",\"limit\":50}}}}}}"
        )
    };
    let rest = BODY_BYTES.saturating_sub(call("").len());
    let mut text = "select id, total from orders where day = '2026-02-01'; ".repeat(rest / 50 + 1);
    text.truncate(rest);
    call(&text)
}
