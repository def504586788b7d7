//! Keeping lineage: the inbound role that remembers each request for the calls it causes, and the outbound role that
//! stamps a call. Nothing is live in the pod that calls, so that what it stamps is a root.

use crate::client::Request;
use crate::envoy::config::{Direction, Filter};
use crate::policy_directory::LineageSettings;

use super::plan::{self, Plan, Variant};
use super::policy;

/// Agents of the policy.
const AGENTS: usize = 1_000;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let filter = plan.filter().to_path_buf();
    let lineage = LineageSettings { secret: *b"only for a bench", window_ms: None, strict: false };

    let config = policy::config_with(&policy::http(AGENTS), Some(&lineage))?;
    plan.site("ambit-lineage", plan::inbound(&filter, Some(config)));
    let get = Request::get(&policy::path(3)).header("x-ambit-lineage", policy::lineage(3));
    let variant = Variant::inbound("ambit-lineage-inbound", "ambit-lineage", &policy::principal(9), get);
    plan.variant(variant.over("none").about("allow, and remember the lineage: 4 hops, 1000 agents"));

    let get = Request::get(&policy::path(3));
    plan.site("calls", |site| site);
    let none = Variant::outbound("none-outbound", "calls", "no-filter", get.clone());
    plan.variant(none.about("no filter, outbound"));
    let outbound = Filter {
        module: filter,
        root_id: "ambit-outbound".to_owned(),
        config: Some(lineage.outbound_config()),
    };
    plan.site("ambit-calls", |site| site.filter(Direction::Outbound, outbound));
    let stamped = Variant::outbound("ambit-outbound", "ambit-calls", "no-filter", get);
    plan.variant(stamped.over("none-outbound").about("stamp a call, outbound"));
    Ok(())
}
