//! Asking a service beside the sidecar: one that says yes at once, which is the least that asking can cost, and OPA
//! with a policy of equal effect on what is asked.

use std::path::Path;

use serde_json::json;

use crate::client::Request;
use crate::envoy::process::tied_to_parent;

use super::bootstrap::{with_grpc_service, with_inbound_filter};
use super::peers::{self, Peer};
use super::plan::{Plan, Variant};
use super::policy;

/// Agents of OPA's policy, and hops of what it is asked.
const AGENTS: usize = 1_000;
const HOPS: usize = 4;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    if plan.wants("ext-authz-yes") {
        let binary = peers::build_rust("ambit-peer-ext-authz")?;
        let peer = Peer::start(&binary).map_err(|error| error.to_string())?;
        add_one(plan, "ext-authz-yes", "ext_authz to a gRPC service that says yes at once", peer);
    }
    if plan.wants("ext-authz-opa") {
        match peers::build_go("opa", "github.com/open-policy-agent/opa-envoy-plugin/cmd/opa-envoy-plugin")? {
            None => plan.skip("ext_authz to OPA", "there is no Go to build it with"),
            Some(binary) => {
                let peer = start_opa(&binary)?;
                add_one(plan, "ext-authz-opa", "ext_authz to OPA: allow, 4 hops, 1000 agents", peer);
                let refused = Request::get(&policy::path(39)).header("x-ambit-lineage", policy::lineage(3));
                let deny =
                    Variant::inbound("ext-authz-opa-deny", "ext-authz-opa", &policy::principal(9), refused);
                plan.variant(deny.status(403).over("none").about("ext_authz to OPA: deny"));
            }
        }
    }
    Ok(())
}

fn add_one(plan: &mut Plan, name: &str, about: &str, peer: Peer) {
    let (address, process) = (peer.address(), peer.process());
    plan.keep(peer);
    let filter = json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "10s"},
        },
    });
    plan.site(name, |site| {
        site.amend(move |bootstrap| {
            with_inbound_filter(bootstrap, &filter);
            with_grpc_service(bootstrap, "authorizer", address);
        })
    });
    let get = Request::get(&policy::path(3)).header("x-ambit-lineage", policy::lineage(HOPS - 1));
    let variant = Variant::inbound(name, name, &policy::principal(9), get);
    plan.variant(variant.over("none").about(about).helper(process));
}

/// Runs OPA with the plugin, a policy, and what each agent holds as data.
fn start_opa(binary: &Path) -> Result<Peer, String> {
    let text = |error: std::io::Error| error.to_string();
    let directory = binary.with_file_name("opa");
    std::fs::create_dir_all(&directory).map_err(text)?;
    std::fs::write(directory.join("policy.rego"), REGO).map_err(text)?;
    std::fs::write(directory.join("data.json"), policy::grants(AGENTS).to_string()).map_err(text)?;
    let (port, admin) = (peers::free_port().map_err(text)?, peers::free_port().map_err(text)?);
    let mut command = tied_to_parent(binary);
    command.current_dir(&directory).args(["run", "--server", "--disable-telemetry", "--log-level", "error"]);
    command.arg("--addr").arg(format!("127.0.0.1:{admin}"));
    command.arg("--set").arg(format!("plugins.envoy_ext_authz_grpc.addr=127.0.0.1:{port}"));
    command.args(["--set", "plugins.envoy_ext_authz_grpc.path=bench/allow"]);
    command.args(["policy.rego", "data.json"]);
    Peer::start_at(port, command).map_err(|error| format!("OPA: {error}"))
}

/// Every agent of the lineage, and the caller, must hold the action. What they hold is data, by principal.
const REGO: &str = r#"package bench

default allow := false

request := input.attributes.request.http

segments := split(split(request.path, "?")[0], "/")

action := replace(segments[3], "kind-", "act-")

members := regex.find_n(`spiffe://[^"]+`, object.get(request.headers, "x-ambit-lineage", ""), -1)

chain := array.concat(members, [input.attributes.source.principal])

allow if {
	request.method == "GET"
	count(segments) == 5
	every member in chain {
		data.grants[member][action]
	}
}
"#;
