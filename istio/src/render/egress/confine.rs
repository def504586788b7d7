//! What closes every other way out: a `Sidecar`, by which the proxy knows nothing else, and a `NetworkPolicy`, for what
//! goes around the proxy.

use std::collections::BTreeSet;

use ambit_compiler::model::{Denied, Policy, Workload};
use serde_json::{Map, Value, json};

use super::registry::is_plain;
use super::{Network, Reach, gateway};
use crate::render::delivery::{Egress, Labels};
use crate::render::object::{Component, Object, Scope};
use crate::render::plan::Attachment;

/// Names of services in the cluster.
const CLUSTER: &str = "svc.cluster.local";
/// Where control planes take proxies: xDS and certificates.
const CONTROL_PLANE_PORT: u16 = 15_012;
const DNS_PORT: u16 = 53;
/// By which a namespace is found: the API server labels each with its name.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// What a workload may reach, and what else there is.
pub(in crate::render) struct Bounds<'a> {
    pub(in crate::render) policy: &'a Policy,
    pub(in crate::render) settings: &'a Egress,
    pub(in crate::render) reach: &'a Reach,
    /// Suffixes of names of the mesh, besides those of the cluster.
    pub(in crate::render) mesh: &'a [String],
}

/// The registry that the proxy sees: the destinations, and the services of the mesh.
pub(in crate::render) fn sidecar(scope: &Scope<'_>, bounds: &Bounds<'_>) -> Object {
    let mut hosts: BTreeSet<String> =
        bounds.reach.0.keys().map(|target| format!("./{}", target.host())).collect();
    let suffixes =
        || [CLUSTER].into_iter().chain(bounds.mesh.iter().map(|suffix| suffix.trim_start_matches('.')));
    let control_plane = [bounds.settings.control_plane.clone()];
    for namespace in namespaces(bounds, scope.workload).into_iter().chain(control_plane) {
        hosts.extend(suffixes().map(|suffix| format!("{namespace}/*.{suffix}")));
    }
    if let Some(gateway) = &bounds.settings.gateway {
        hosts.insert(format!("{}/{}", gateway.namespace, gateway.host()));
    }
    let mut spec = Map::new();
    if let Some(labels) = labels(scope).filter(|labels| !labels.is_empty()) {
        spec.insert(String::from("workloadSelector"), json!({ "labels": labels }));
    }
    spec.insert(String::from("egress"), json!([{ "hosts": hosts }]));
    spec.insert(String::from("outboundTrafficPolicy"), json!({ "mode": "REGISTRY_ONLY" }));
    Object::new(("networking.istio.io/v1", "Sidecar"), Component::Egress, scope, "-egress", Value::from(spec))
}

/// What the pods may reach at all.
pub(in crate::render) fn network_policy(scope: &Scope<'_>, bounds: &Bounds<'_>) -> Object {
    let Bounds { settings, reach, .. } = bounds;
    let namespace = |name: &str| json!({ "matchLabels": { NAMESPACE_LABEL: name } });
    let tcp = |ports: &BTreeSet<u16>| -> Vec<Value> {
        ports.iter().map(|port| json!({ "protocol": "TCP", "port": port })).collect()
    };
    let dns = &settings.dns;
    let mut servers = vec![json!({
        "namespaceSelector": namespace(&dns.namespace),
        "podSelector": { "matchLabels": dns.pods },
    })];
    servers.extend(dns.addresses.iter().map(|address| json!({ "ipBlock": { "cidr": block(address) } })));
    let mut rules = vec![
        json!({
            "to": servers,
            "ports": [{ "protocol": "UDP", "port": DNS_PORT }, { "protocol": "TCP", "port": DNS_PORT }],
        }),
        json!({
            "to": [{ "namespaceSelector": namespace(&settings.control_plane) }],
            "ports": [{ "protocol": "TCP", "port": CONTROL_PLANE_PORT }],
        }),
        json!({
            "to": [{ "namespaceSelector": {
                "matchExpressions": [{
                    "key": NAMESPACE_LABEL,
                    "operator": "In",
                    "values": namespaces(bounds, scope.workload),
                }],
            } }],
        }),
    ];
    if let Some(gateway) = &settings.gateway {
        rules.push(json!({
            "to": [{
                "namespaceSelector": namespace(&gateway.namespace),
                "podSelector": { "matchLabels": gateway.pods },
            }],
        }));
    }
    let direct = Reach(
        reach
            .0
            .iter()
            .filter(|(target, _)| settings.gateway.is_none() || !gateway::leads(target))
            .map(|(target, known)| (target.clone(), known.clone()))
            .collect(),
    );
    let names = direct.upstream_ports(|target| is_plain(target, settings));
    if !names.is_empty() {
        // A name is nothing that this object could know. The gateway would.
        let anywhere = anywhere(bounds);
        if !anywhere.is_empty() {
            rules.push(json!({ "to": anywhere, "ports": tcp(&names) }));
        }
    }
    for known in direct.0.values().filter(|known| !known.networks.is_empty()) {
        let blocks =
            known.networks.iter().map(|network| json!({ "ipBlock": { "cidr": network.to_string() } }));
        let ports = known.ports.keys().copied().collect();
        rules.push(json!({ "to": blocks.collect::<Vec<_>>(), "ports": tcp(&ports) }));
    }
    let spec = json!({
        "podSelector": labels(scope).filter(|labels| !labels.is_empty()).map_or_else(
            || json!({}),
            |labels| json!({ "matchLabels": labels }),
        ),
        "policyTypes": ["Egress"],
        "egress": rules,
    });
    Object::new(("networking.k8s.io/v1", "NetworkPolicy"), Component::Egress, scope, "-egress", spec)
}

/// All addresses but those that the mesh denies, and those of the mesh itself, which are reached by namespace.
fn anywhere(bounds: &Bounds<'_>) -> Vec<Value> {
    let egress = &bounds.policy.mesh.egress;
    let denied = egress.deny.iter().filter_map(|denied| match denied {
        Denied::Network(network) => Some(Network::new(*network)),
        Denied::Host(_) => None,
    });
    let closed: BTreeSet<Network> = denied.chain(egress.internal.iter().copied().map(Network::new)).collect();
    let block = |all: Network| {
        if closed.iter().any(|network| network.contains(all)) {
            return None;
        }
        let except = closed.iter().filter(|network| network.is_v4() == all.is_v4());
        let except: Vec<String> = except.map(Network::to_string).collect();
        Some(match except.is_empty() {
            true => json!({ "ipBlock": { "cidr": all.to_string() } }),
            false => json!({ "ipBlock": { "cidr": all.to_string(), "except": except } }),
        })
    };
    [Network::V4, Network::V6].into_iter().filter_map(block).collect()
}

/// Whose services the workload may call: those of the policy, its own, and what the delivery adds.
fn namespaces(bounds: &Bounds<'_>, workload: &Workload) -> BTreeSet<String> {
    let services = bounds.policy.services.iter().map(|service| service.workload.namespace.clone());
    let own = [workload.namespace.clone()];
    services.chain(own).chain(bounds.settings.namespaces.iter().cloned()).collect()
}

fn labels<'a>(scope: &Scope<'a>) -> Option<&'a Labels> {
    match scope.attachment {
        Attachment::Pods(labels) => Some(labels),
        Attachment::Waypoint(..) => None,
    }
}

/// An address as a network.
fn block(address: &core::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}
