//! The way through an egress gateway: all calls to hosts leave the mesh by its pods, so that a `NetworkPolicy` can close
//! every other way.
//!
//! The proxy and the gateway speak mutual TLS with each other where the application speaks HTTP, and the gateway makes
//! HTTPS of it; TLS of the application's own passes through both.

use std::collections::BTreeMap;

use ambit_compiler::model::HostPattern;
use serde_json::{Value, json};

use super::registry::{digest, name, named, outside, tls};
use super::{Speech, Target, upstream};
use crate::render::delivery::Gateway;
use crate::render::object::Object;

/// Whether calls to a destination go through the gateway: those to single hosts do. A wildcard's addresses are found by the
/// proxy, and an address is called as it is.
pub(super) const fn leads(target: &Target) -> bool {
    matches!(target, Target::Host(HostPattern::Exact(_)))
}

/// The objects that lead calls to a host through the gateway.
pub(super) fn objects(
    namespace: &str,
    target: &Target,
    ports: &BTreeMap<u16, Speech>,
    is_upgraded: bool,
    gateway: &Gateway,
) -> Vec<Object> {
    let host = target.host();
    let subset = format!("ambit-{}", digest(&host));
    let own = format!("{namespace}/{}", name(target, ""));
    let mut servers = Vec::new();
    let (mut requests, mut connections) = (Vec::new(), Vec::new());
    let mut inside = Vec::new();
    for (port, speech) in ports {
        let to_gateway = json!({ "destination": { "host": gateway.host(), "subset": subset, "port": { "number": port } } });
        let to_host = |port: u16| json!({ "destination": { "host": host, "port": { "number": port } } });
        match speech {
            Speech::Http => {
                servers.push(json!({
                    "port": { "number": port, "name": format!("https-{port}"), "protocol": "HTTPS" },
                    "hosts": [host],
                    "tls": { "mode": "ISTIO_MUTUAL" },
                }));
                inside.push(json!({
                    "port": { "number": port },
                    "tls": { "mode": "ISTIO_MUTUAL", "sni": host },
                }));
                requests.push(
                    json!({ "match": [{ "gateways": ["mesh"], "port": port }], "route": [to_gateway] }),
                );
                requests.push(
                    json!({ "match": [{ "gateways": [own], "port": port }], "route": [to_host(*port)] }),
                );
            }
            Speech::Tls | Speech::Tcp => {
                servers.push(json!({
                    "port": { "number": port, "name": format!("tls-{port}"), "protocol": "TLS" },
                    "hosts": [host],
                    "tls": { "mode": "PASSTHROUGH" },
                }));
                for (of, route) in
                    [("mesh", to_gateway.clone()), (own.as_str(), to_host(upstream(*port, *speech)))]
                {
                    connections.push(json!({
                        "match": [{ "gateways": [of], "port": port, "sniHosts": [host] }],
                        "route": [route],
                    }));
                }
            }
        }
    }
    let mut routes =
        json!({ "hosts": [host], "gateways": ["mesh", own], "exportTo": [".", gateway.namespace] });
    if let Some(fields) = routes.as_object_mut() {
        for (key, list) in [("http", requests), ("tls", connections)] {
            if !list.is_empty() {
                fields.insert(key.to_owned(), Value::from(list));
            }
        }
    }
    let mut rule = json!({ "name": subset });
    if let Some(fields) = rule.as_object_mut().filter(|_| !inside.is_empty()) {
        fields.insert(String::from("trafficPolicy"), json!({ "portLevelSettings": inside }));
    }
    let mut objects = vec![
        outside("Gateway", namespace, target, json!({ "selector": gateway.pods, "servers": servers })),
        named(
            "DestinationRule",
            namespace,
            target,
            &name(target, "gateway-"),
            json!({ "host": gateway.host(), "exportTo": ["."], "subsets": [rule] }),
        ),
    ];
    let of_http: Vec<Value> = ports
        .iter()
        .filter(|(_, speech)| **speech == Speech::Http && is_upgraded)
        .map(|(port, _)| json!({ "port": { "number": port }, "tls": tls(target) }))
        .collect();
    if !of_http.is_empty() {
        // For the gateway alone: the proxies speak to that, and not to the host.
        objects.push(outside(
            "DestinationRule",
            namespace,
            target,
            json!({
                "host": host,
                "exportTo": [gateway.namespace],
                "trafficPolicy": { "portLevelSettings": of_http },
            }),
        ));
    }
    objects.push(outside("VirtualService", namespace, target, routes));
    objects
}
