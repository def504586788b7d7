//! The filter: allows and denies, by the number of hops and by the number of agents.

use crate::client::Request;

use super::plan::{self, Plan, Variant};
use super::policy;

/// The agents of the policies, and of the one that hops are varied under.
const AGENTS: [usize; 3] = [10, 1_000, 10_000];
const MOST_COMMON: usize = 1_000;

/// Agents in the lineage, the caller included.
const HOPS: [usize; 3] = [1, 4, 8];

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
    Ok(())
}
