//! What a bench changes in a sidecar's bootstrap.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// Writing an access log costs as much as a filter, and is not what is measured.
pub(super) fn without_access_log(bootstrap: &mut Value) {
    for listener in ["0", "1"] {
        let manager =
            format!("/static_resources/listeners/{listener}/filter_chains/0/filters/0/typed_config");
        if let Some(manager) = bootstrap.pointer_mut(&manager).and_then(Value::as_object_mut) {
            manager.remove("access_log");
        }
    }
}

/// Puts an HTTP filter of Envoy's own in front of the others of the inbound listener.
pub(super) fn with_inbound_filter(bootstrap: &mut Value, filter: &Value) {
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = bootstrap.pointer_mut(filters).and_then(Value::as_array_mut);
    filters.expect("the inbound listener has filters").insert(0, filter.clone());
}

/// Adds a gRPC service that filters ask.
pub(super) fn with_grpc_service(bootstrap: &mut Value, name: &str, address: SocketAddr) {
    let clusters = bootstrap.pointer_mut("/static_resources/clusters").and_then(Value::as_array_mut);
    clusters.expect("a sidecar has clusters").push(json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
            "socket_address": {"address": address.ip().to_string(), "port_value": address.port()},
        }}}]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }},
    }));
}
