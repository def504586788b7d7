//! What Envoy brings along: its RBAC filter with a policy of equal effect on one caller, and Lua that reads what we
//! read.

use serde_json::{Value, json};

use crate::client::Request;

use super::bootstrap::with_inbound_filter;
use super::plan::{Plan, Variant};
use super::policy;

/// Reads the peer and all headers, and lets pass.
const LUA: &str = "\
function envoy_on_request(handle)
  local peer = handle:streamInfo():downstreamSslConnection():uriSanPeerCertificate()[1]
  local length = 0
  for name, value in pairs(handle:headers()) do
    length = length + #name + #value
  end
end";

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let caller = policy::principal(9);
    let rbac = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"row.read": {
                "permissions": [{"and_rules": {"rules": [
                    {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                    {"url_path": {"path": {"prefix": "/tables/orders/kind-3/"}}},
                ]}}],
                "principals": [{"authenticated": {"principal_name": {"exact": caller}}}],
            }}},
        },
    });
    let lua = json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": LUA},
        },
    });
    add_one(plan, "rbac", "Envoy's RBAC: one principal, method and path", rbac);
    add_one(plan, "lua", "Envoy's Lua: reads the peer and all headers", lua);
    Ok(())
}

fn add_one(plan: &mut Plan, name: &str, about: &str, filter: Value) {
    plan.site(name, |site| site.amend(move |bootstrap| with_inbound_filter(bootstrap, &filter)));
    let get = Request::get(&policy::path(3));
    plan.variant(Variant::inbound(name, name, &policy::principal(9), get).about(about).over("none"));
}
