//! What configures one sidecar: a static bootstrap with the settings that istiod sends, and the Wasm filter,
//! which comes apart from it so that it can change while Envoy runs, as it does under Istio.
//!
//! Nothing here does I/O, and nothing is checked: Envoy's own validation says what is wrong.

mod cluster;
mod listener;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::pki::IdentityFiles;

/// What an inbound listener accepts, in the terms of Istio's `PeerAuthentication`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// mTLS only.
    #[default]
    Strict,
    /// mTLS and plaintext, told apart by the first bytes.
    Permissive,
    /// Plaintext only.
    Plaintext,
}

/// The two listeners of a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the mesh to the application.
    Inbound,
    /// From the application to the mesh.
    Outbound,
}

/// One of the pairs of listeners that a sidecar may have. Each has an application of its own behind it, and calls from
/// one lane stay in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Guarded by the workload's Wasm filters, where it has any.
    Wasm,
    /// Guarded by Envoy's own RBAC filter, to compare with.
    Rbac,
}

/// A Wasm HTTP filter, as a `WasmPlugin` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The module.
    pub module: PathBuf,
    /// Root id, which istiod takes from `pluginName`.
    pub root_id: String,
    /// `pluginConfig` as text; `None` when there is none, which the module sees as a configuration of size 0.
    pub config: Option<String>,
}

/// All that one lane of a bootstrap depends on.
pub(crate) struct Sidecar<'a> {
    pub(crate) lane: Lane,
    pub(crate) tls: Tls,
    pub(crate) inbound: SocketAddr,
    pub(crate) outbound: SocketAddr,
    pub(crate) app: SocketAddr,
    /// Where the extension configuration of a direction comes from, if that direction has a filter.
    pub(crate) inbound_filter: Option<&'a Path>,
    pub(crate) outbound_filter: Option<&'a Path>,
    /// Configuration of the RBAC filter of the inbound listener, if it has one.
    pub(crate) rbac: Option<&'a Value>,
    pub(crate) access_log: &'a Path,
    pub(crate) authority: &'a Path,
    pub(crate) identity: &'a IdentityFiles,
    pub(crate) destinations: &'a [Destination],
}

/// A workload that an outbound listener routes to: `name.local`.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// The URI SAN its certificate must have; `None` when it takes plaintext.
    pub(crate) spiffe: Option<String>,
}

impl Direction {
    /// Name of the filter, and so of its counters.
    #[must_use]
    pub fn filter_name(self) -> &'static str {
        match self {
            Self::Inbound => "ambit-inbound",
            Self::Outbound => "ambit-outbound",
        }
    }

    /// Prefix of the counters of this direction's connection manager.
    fn stat_prefix(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }

    /// Prefix of the counters that tell how a filter update went.
    pub(crate) fn update_counters(self) -> String {
        format!("extension_config_discovery.http_filter.{}.", self.filter_name())
    }
}

impl Lane {
    /// A name within a bootstrap, that no other lane has.
    fn named(self, name: &str) -> String {
        match self {
            Self::Wasm => name.to_owned(),
            Self::Rbac => format!("rbac-{name}"),
        }
    }
}

/// The bootstrap of a sidecar called `name`, with all its lanes.
pub(crate) fn bootstrap(name: &str, lanes: &[Sidecar<'_>]) -> Value {
    let listeners: Vec<Value> =
        lanes.iter().flat_map(|lane| [listener::inbound(lane), listener::outbound(lane)]).collect();
    let clusters: Vec<Value> = lanes
        .iter()
        .flat_map(|lane| {
            let mesh = lane.destinations.iter().map(|destination| cluster::mesh(lane, destination));
            std::iter::once(cluster::app(lane)).chain(mesh)
        })
        .collect();
    json!({
        "node": {"id": format!("sidecar~127.0.0.1~{name}.default~default.svc.cluster.local"), "cluster": name},
        "admin": {"address": socket_address(SocketAddr::from(([127, 0, 0, 1], 0)))},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// The discovery response that carries a filter, for the file a sidecar watches.
pub(crate) fn extension(direction: Direction, filter: &Filter, version: u64) -> Value {
    let mut config = json!({
        "name": direction.filter_name(),
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
    if holds_headers(filter) {
        config["allow_on_headers_stop_iteration"] = json!(true);
    }
    json!({
        "version_info": version.to_string(),
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": direction.filter_name(),
            "typed_config": {"@type": type_url("extensions.filters.http.wasm.v3.Wasm"), "config": config},
        }],
    })
}

/// Whether the filter is to hold headers back: `ambit render` then asks Envoy to show it the body all the same.
fn holds_headers(filter: &Filter) -> bool {
    let config = filter.config.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    config.is_some_and(|config| config["holdHeaders"] == true)
}

/// The part of a TLS context that both ends share: our certificate, the authority of theirs, and `peer`.
fn tls_context(sidecar: &Sidecar<'_>, peer: &Value, protocols: &[&str]) -> Value {
    let mut validation = peer.clone();
    validation["trusted_ca"] = json!({"filename": sidecar.authority});
    json!({
        "alpn_protocols": protocols,
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [{
            "certificate_chain": {"filename": sidecar.identity.certificate},
            "private_key": {"filename": sidecar.identity.key},
        }],
        "validation_context": validation,
    })
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.{name}")
}
