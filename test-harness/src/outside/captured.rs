//! The part of a sidecar's bootstrap that leads outside, as istiod makes it of `ServiceEntry` objects.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::envoy::config::Filter;

/// Where a route leads.
#[derive(Clone, Debug)]
pub enum Leads {
    /// To this address, whatever the application chose: `resolution: DNS` or `STATIC`.
    To(SocketAddr),
    /// To this address within TLS that the sidecar begins, for a server of this name.
    Tls(SocketAddr, String),
    /// To the address that the application chose: `resolution: NONE`, or what passes through.
    Chosen,
}

/// A name or an address outside, as routes of requests have it.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name of the cluster, such as `outbound|443||api.example.com`.
    pub cluster: String,
    /// Hosts of requests, such as `api.example.com` or `*.example.com`.
    pub domains: Vec<String>,
    /// Where it leads.
    pub leads: Leads,
}

/// A filter chain for connections.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The name of the cluster.
    pub cluster: String,
    /// Server names that it is for; any, or none, if there are none.
    pub server_names: Vec<String>,
    /// The original destination that it is for; any if none is given.
    pub address: Option<(IpAddr, u16)>,
    /// Where it leads.
    pub leads: Leads,
}

/// Adds a listener that connections of the application are captured by, with the filter before what they are led by.
pub fn captured(
    bootstrap: &mut Value,
    name: &str,
    at: SocketAddr,
    filter: Option<&Filter>,
    chains: &[Chain],
) {
    let filter = filter.map(|filter| network_filter(name, filter));
    // A chain that is for anything is the default, which Envoy comes to also where an address matches a chain in part.
    let (rest, chosen): (Vec<&Chain>, Vec<&Chain>) =
        chains.iter().partition(|chain| chain.server_names.is_empty() && chain.address.is_none());
    let build = |chain: &&Chain| filter_chain(chain, filter.as_ref());
    let inspector = type_url("extensions.filters.listener.tls_inspector.v3.TlsInspector");
    let mut listener = json!({
        "name": name,
        "traffic_direction": "OUTBOUND",
        "address": socket_address(at),
        "enable_reuse_port": true,
        "listener_filters": [original_destination(), {
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {"@type": inspector},
        }],
        // What says nothing is no TLS: servers that speak first are not kept waiting for long.
        "listener_filters_timeout": "0.2s",
        "continue_on_listener_filters_timeout": true,
        "filter_chains": chosen.iter().map(build).collect::<Vec<_>>(),
    });
    if let Some(chain) = rest.first() {
        listener["default_filter_chain"] = build(chain);
    }
    push(bootstrap, "listeners", listener);
    for chain in chains {
        add_cluster(bootstrap, &chain.cluster, &chain.leads);
    }
}

/// Gives the listener of the application's requests routes to the outside, in the place of none. Whatever no other route
/// is for takes the last, if its domain is `*`.
pub fn http_routes(bootstrap: &mut Value, routes: &[Route]) {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut().expect("listeners");
    let listener = listeners.iter_mut().find(|listener| listener["name"] == "virtualOutbound");
    let listener = listener.expect("the listener of requests");
    listener["listener_filters"] = json!([original_destination()]);
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    // As istiod has it: whatever port an authority has.
    manager["route_config"]["ignore_port_in_host_matching"] = json!(true);
    let hosts = manager["route_config"]["virtual_hosts"].as_array_mut().expect("virtual hosts");
    for host in hosts.iter_mut() {
        let domains = host["domains"].as_array_mut().expect("domains");
        domains.retain(|domain| !domain.as_str().is_some_and(|domain| domain.contains(':')));
    }
    if routes.iter().any(|route| route.domains.iter().any(|domain| domain == "*")) {
        hosts.retain(|host| host["name"] != "block_all");
    }
    hosts.extend(routes.iter().map(|route| {
        json!({
            "name": route.cluster,
            "domains": route.domains,
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": route.cluster, "timeout": "0s"}}],
        })
    }));
    for route in routes {
        add_cluster(bootstrap, &route.cluster, &route.leads);
    }
}

fn filter_chain(chain: &Chain, filter: Option<&Value>) -> Value {
    let mut filters: Vec<Value> = filter.into_iter().cloned().collect();
    filters.push(json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": type_url("extensions.filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": chain.cluster,
            "cluster": chain.cluster,
        },
    }));
    let mut matched = json!({});
    if !chain.server_names.is_empty() {
        matched["server_names"] = json!(chain.server_names);
    }
    if let Some((ip, port)) = chain.address {
        let length = if ip.is_ipv4() { 32 } else { 128 };
        matched["prefix_ranges"] = json!([{"address_prefix": ip.to_string(), "prefix_len": length}]);
        matched["destination_port"] = json!(port);
    }
    let mut built = json!({"name": chain.cluster, "filters": filters});
    if matched != json!({}) {
        built["filter_chain_match"] = matched;
    }
    built
}

fn network_filter(name: &str, filter: &Filter) -> Value {
    let mut config = json!({
        "name": name,
        "root_id": filter.root_id,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": filter.module}},
        },
    });
    if let Some(text) = &filter.config {
        config["configuration"] =
            json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    }
    json!({
        "name": "envoy.filters.network.wasm",
        "typed_config": {"@type": type_url("extensions.filters.network.wasm.v3.Wasm"), "config": config},
    })
}

/// Takes the PROXY line of a connection for where it was to go, where it has one.
fn original_destination() -> Value {
    json!({
        "name": "envoy.filters.listener.proxy_protocol",
        "typed_config": {
            "@type": type_url("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"),
            "allow_requests_without_proxy_protocol": true,
        },
    })
}

/// Adds a cluster, unless there is one of that name.
fn add_cluster(bootstrap: &mut Value, name: &str, leads: &Leads) {
    let clusters = bootstrap["static_resources"]["clusters"].as_array();
    if clusters.is_some_and(|clusters| clusters.iter().any(|cluster| cluster["name"] == name)) {
        return;
    }
    let mut cluster = json!({"name": name, "connect_timeout": "10s"});
    match leads {
        Leads::Chosen => {
            cluster["type"] = json!("ORIGINAL_DST");
            cluster["lb_policy"] = json!("CLUSTER_PROVIDED");
        }
        Leads::To(address) | Leads::Tls(address, _) => {
            cluster["type"] = json!("STATIC");
            cluster["load_assignment"] = json!({"cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": socket_address(*address)}},
            ]}]});
        }
    }
    if let Leads::Tls(_, server) = leads {
        let authority = authority_file(bootstrap);
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": type_url("extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
                "sni": server,
                "common_tls_context": {"validation_context": {
                    "trusted_ca": {"filename": authority},
                    "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": server}}],
                }},
            },
        });
    }
    push(bootstrap, "clusters", cluster);
}

/// The authority that the inbound listener trusts; servers outside have certificates of the same.
fn authority_file(bootstrap: &Value) -> Value {
    let inbound = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    inbound["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"]["filename"]
        .clone()
}

fn push(bootstrap: &mut Value, list: &str, value: Value) {
    bootstrap["static_resources"][list].as_array_mut().expect("a list of the bootstrap").push(value);
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.{name}")
}
