//! What leaves the mesh: a call that is judged by its host, and a connection that is judged by the server name that its
//! client asks for. A connection is a new one each time, with the first message of a TLS client and an answer of a few
//! bytes; nothing of it is decrypted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::Request;
use crate::egress::Configs;
use crate::envoy::config::{Direction, Filter};
use crate::mesh::Port;
use crate::outside::{Chain, Leads, Outgoing, Server, Speaks, captured};
use crate::pki::Authority;
use crate::scenario::Destination;

use super::plan::{Connecting, Plan, Variant};
use super::policy;

/// The host that may be called.
const HOST: &str = "no-filter.local";

/// How many hosts the list has besides.
const OTHERS: usize = 100;

pub(super) fn add(plan: &mut Plan) -> Result<(), String> {
    let workload = Destination { namespace: "data".to_owned(), service_account: "orders-db".to_owned() };
    let configs = Configs::of(&policy_text(), &workload, &[])?;
    let filter = |plan: &Plan, root_id: &str, config: &str| Filter {
        module: plan.filter().to_path_buf(),
        root_id: root_id.to_owned(),
        config: Some(elsewhere(config)),
    };

    let outbound = filter(plan, "ambit-outbound", &configs.outbound);
    plan.site("ambit-leaving", |site| site.filter(Direction::Outbound, outbound));
    let get = Request::get(&policy::path(3));
    let judged = Variant::outbound("ambit-egress-call", "ambit-leaving", "no-filter", get);
    plan.variant(judged.over("none-outbound").about("judge a call outside by its host: 101 hosts"));

    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let server = Server::start(HOST, ip, Speaks::Http, &Authority::new("bench"));
    let server = Arc::new(server.map_err(|error| error.to_string())?);
    let network = filter(plan, "ambit-network", &configs.network);
    for (name, site, about, filter) in [
        ("none-connection", "connections", "no filter, a new connection outside", None),
        (
            "ambit-connection",
            "ambit-connections",
            "judge a new connection by its server name: 101 hosts",
            Some(network),
        ),
    ] {
        let port = Port::reserve().map_err(|error| error.to_string())?;
        let (at, leads) = (port.address(), Leads::To(server.address()));
        let chain = Chain {
            cluster: format!("outbound|443||{HOST}"),
            server_names: vec![HOST.to_owned()],
            address: None,
            leads,
        };
        let is_judged = filter.is_some();
        plan.site(site, |site| {
            site.amend(move |bootstrap| {
                captured(bootstrap, "connections", at, filter.as_ref(), std::slice::from_ref(&chain))
            })
        });
        let outgoing = Outgoing { listener: at, original: ([203, 0, 113, 7], 443).into() };
        let connecting = Connecting { outgoing, server_name: HOST.to_owned() };
        let variant = Variant::connection(name, site, connecting).about(about);
        plan.variant(if is_judged { variant.over("none-connection") } else { variant });
        plan.keep(port);
    }
    plan.keep(server);
    Ok(())
}

/// The configuration in a mesh that the host is not of.
fn elsewhere(config: &str) -> String {
    let mut config: Value = serde_json::from_str(config).expect("a plugin configuration is JSON");
    config["lineage"]["mesh"] = json!(["elsewhere"]);
    config.to_string()
}

fn policy_text() -> String {
    let others: String = (0..OTHERS).map(|place| format!(", host-{place}.partner.example")).collect();
    format!(
        "apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {{name: orders-db}}
spec:
  workload: {{namespace: data, serviceAccount: orders-db}}
  protocol: http
  actions: [{{name: read, methods: [GET], path: /}}]
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: orders-db}}
spec:
  identity: [{{namespace: data, serviceAccount: orders-db}}]
  originates: true
  egress: {{allow: [{HOST}{others}]}}
"
    )
}
