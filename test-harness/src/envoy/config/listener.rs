//! The two listeners, with the settings that istiod gives them.

use std::path::Path;

use serde_json::{Value, json};

use super::{Direction, Sidecar, Tls, cluster, socket_address, tls_context, type_url};

pub(super) fn inbound(sidecar: &Sidecar<'_>) -> Value {
    let route = json!({
        "name": "inbound",
        "virtual_hosts": [{"name": "inbound|http|app", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": cluster::app_name(sidecar), "timeout": "0s"}},
        ]}],
    });
    let mut manager = connection_manager(sidecar, Direction::Inbound, &route, sidecar.inbound_filter);
    manager["forward_client_cert_details"] = json!("APPEND_FORWARD");
    manager["set_current_client_cert_details"] = json!({"subject": true, "dns": true, "uri": true});
    let filters = json!([network_filter(&manager)]);
    let tls = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": type_url("extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
            "require_client_certificate": true,
            // No SAN is matched here, so that a peer of another trust domain reaches the filter.
            "common_tls_context": tls_context(sidecar, &json!({}), &["h2", "http/1.1"]),
        },
    });
    let (chains, listener_filters) = match sidecar.tls {
        Tls::Strict => (json!([{"filters": filters, "transport_socket": tls}]), json!([])),
        Tls::Plaintext => (json!([{"filters": filters}]), json!([])),
        Tls::Permissive => (
            json!([
                {"name": "tls", "filter_chain_match": {"transport_protocol": "tls"}, "filters": filters, "transport_socket": tls},
                {"name": "plaintext", "filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": filters},
            ]),
            json!([{
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": {"@type": type_url("extensions.filters.listener.tls_inspector.v3.TlsInspector")},
            }]),
        ),
    };
    json!({
        "name": sidecar.lane.named("virtualInbound"),
        "traffic_direction": "INBOUND",
        "address": socket_address(sidecar.inbound),
        "enable_reuse_port": true,
        "listener_filters": listener_filters,
        "filter_chains": chains,
    })
}

pub(super) fn outbound(sidecar: &Sidecar<'_>) -> Value {
    let mut hosts: Vec<Value> = sidecar
        .destinations
        .iter()
        .map(|destination| {
            let domain = format!("{}.local", destination.name);
            json!({
                "name": domain,
                "domains": [domain, format!("{domain}:*")],
                "routes": [{"match": {"prefix": "/"}, "route": {
                    "cluster": cluster::mesh_name(sidecar, destination),
                    "timeout": "0s",
                    "retry_policy": {
                        "retry_on": "connect-failure,refused-stream,unavailable,cancelled",
                        "num_retries": 2,
                    },
                }}],
            })
        })
        .collect();
    // What the mesh does not know goes nowhere, as with Istio's REGISTRY_ONLY.
    hosts.push(json!({
        "name": "block_all",
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 502}}],
    }));
    let route = json!({"name": "outbound", "virtual_hosts": hosts});
    let manager = connection_manager(sidecar, Direction::Outbound, &route, sidecar.outbound_filter);
    json!({
        "name": sidecar.lane.named("virtualOutbound"),
        "traffic_direction": "OUTBOUND",
        "address": socket_address(sidecar.outbound),
        "enable_reuse_port": true,
        "filter_chains": [{"filters": [network_filter(&manager)]}],
    })
}

fn connection_manager(
    sidecar: &Sidecar<'_>,
    direction: Direction,
    route: &Value,
    filter: Option<&Path>,
) -> Value {
    let mut filters = Vec::new();
    if let Some(source) = filter {
        filters.push(json!({
            "name": direction.filter_name(),
            "config_discovery": {
                "config_source": {
                    "path_config_source": {"path": source, "watched_directory": {"path": source.parent()}},
                    "initial_fetch_timeout": "0s",
                    "resource_api_version": "V3",
                },
                "type_urls": [type_url("extensions.filters.http.wasm.v3.Wasm")],
            },
        }));
    }
    if let (Some(rbac), Direction::Inbound) = (sidecar.rbac, direction) {
        filters.push(json!({"name": "envoy.filters.http.rbac", "typed_config": rbac}));
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": type_url("extensions.filters.http.router.v3.Router")},
    }));
    json!({
        "@type": type_url("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": sidecar.lane.named(direction.stat_prefix()),
        "server_name": "istio-envoy",
        "codec_type": "AUTO",
        "use_remote_address": false,
        "normalize_path": true,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": "0s",
        "proxy_100_continue": true,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": route,
        "http_filters": filters,
        "access_log": [access_log(sidecar, direction)],
    })
}

fn access_log(sidecar: &Sidecar<'_>, direction: Direction) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": type_url("extensions.access_loggers.file.v3.FileAccessLog"),
            "path": sidecar.access_log,
            "log_format": {"json_format": {
                "direction": sidecar.lane.named(direction.stat_prefix()),
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "flags": "%RESPONSE_FLAGS%",
                "ambit": "%FILTER_STATE(wasm.ambit:PLAIN)%",
                "lineage": "%REQ(X-AMBIT-LINEAGE)%",
                "method": "%REQ(:METHOD)%",
                "authority": "%REQ(:AUTHORITY)%",
                "path": "%REQ(:PATH)%",
                "original_path": "%REQ(X-ENVOY-ORIGINAL-PATH)%",
                "peer": "%DOWNSTREAM_PEER_URI_SAN%",
                "connection": "%CONNECTION_ID%",
                "request_id": "%REQ(X-REQUEST-ID)%",
                "traceparent": "%REQ(TRACEPARENT)%",
                "grpc_status": "%GRPC_STATUS_NUMBER%",
            }},
        },
    })
}

fn network_filter(manager: &Value) -> Value {
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager})
}
