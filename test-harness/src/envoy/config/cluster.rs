//! Where a sidecar sends requests: to its application, and to the other sidecars.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Destination, Sidecar, socket_address, tls_context, type_url};

pub(super) fn app(sidecar: &Sidecar<'_>) -> Value {
    cluster(&app_name(sidecar), sidecar.app)
}

pub(super) fn app_name(sidecar: &Sidecar<'_>) -> String {
    sidecar.lane.named("app")
}

pub(super) fn mesh(sidecar: &Sidecar<'_>, destination: &Destination) -> Value {
    let mut cluster = cluster(&mesh_name(sidecar, destination), destination.address);
    if let Some(spiffe) = &destination.spiffe {
        let peer =
            json!({"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": spiffe}}]});
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": type_url("extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
                "sni": format!("outbound_.80_._.{}.local", destination.name),
                "common_tls_context": tls_context(sidecar, &peer, &[]),
            },
        });
    }
    cluster
}

pub(super) fn mesh_name(sidecar: &Sidecar<'_>, destination: &Destination) -> String {
    sidecar.lane.named(&format!("outbound|80||{}.local", destination.name))
}

/// A cluster of one address, which is spoken to in the HTTP that the request came in.
fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": socket_address(address)}},
        ]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": type_url("extensions.upstreams.http.v3.HttpProtocolOptions"),
            "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
        }},
        // Envoy's default lets 1,024 requests through at once, fewer than a bench may send; Istio's is no limit.
        "circuit_breakers": {"thresholds": [{
            "max_connections": u32::MAX, "max_pending_requests": u32::MAX,
            "max_requests": u32::MAX, "max_retries": u32::MAX,
        }]},
    })
}
