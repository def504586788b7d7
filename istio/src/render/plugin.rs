//! The objects that bring the filter into a proxy, and its configuration there.

use std::collections::BTreeSet;

use ambit_compiler::model::Workload;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::delivery::Lineage;
use super::object::{Component, DOMAIN, Object, Scope};
use super::plan::{Attachment, Governed};
use super::{Api, ImageReference, Options, values};

/// What judges: the blob and what is said of it.
pub(super) struct Policy<'a> {
    pub(super) blob: &'a [u8],
    pub(super) generation: u64,
    pub(super) digest: &'a [u8; 32],
    /// What its records show.
    pub(super) records: Option<Value>,
}

/// The configuration of the inbound role.
pub(super) fn inbound_config(
    options: &Options,
    governed: &Governed,
    policy: &Policy<'_>,
    secret: Option<&str>,
) -> Value {
    let mut config = json!({ "role": "inbound", "policy": STANDARD.encode(policy.blob) });
    if let Some(config) = config.as_object_mut() {
        if !options.trusted_keys.is_empty() {
            config.insert(String::from("keys"), json!(options.trusted_keys));
        }
        if matches!(governed.attachment, Attachment::Waypoint(..)) {
            config.insert(String::from("identity"), Value::from("waypoint"));
        }
        if governed.hold_headers {
            config.insert(String::from("holdHeaders"), Value::from(true));
        }
        if let Some((lineage, secret)) = governed.lineage.as_ref().zip(secret) {
            config.insert(String::from("lineage"), lineage_config(lineage, secret));
        }
        if let Some(records) = &policy.records {
            config.insert(String::from("records"), records.clone());
        }
    }
    config
}

/// What judges calls outside: the blob, whose calls they are, and what is not outside.
pub(super) struct Outside<'a> {
    pub(super) policy: Policy<'a>,
    pub(super) principal: &'a str,
    pub(super) internal: &'a [String],
}

/// The configuration of the outbound role.
pub(super) fn outbound_config(
    options: &Options,
    lineage: &Lineage,
    secret: &str,
    outside: Option<&Outside<'_>>,
) -> Value {
    of_calls("outbound", options, lineage, secret, outside)
}

/// The configuration of the role of connections.
pub(super) fn network_config(
    options: &Options,
    lineage: &Lineage,
    secret: &str,
    outside: &Outside<'_>,
) -> Value {
    of_calls("network", options, lineage, secret, Some(outside))
}

fn of_calls(
    role: &str,
    options: &Options,
    lineage: &Lineage,
    secret: &str,
    outside: Option<&Outside<'_>>,
) -> Value {
    let mut config = json!({ "role": role, "lineage": lineage_config(lineage, secret) });
    if let Some((outside, fields)) = outside.zip(config.as_object_mut()) {
        fields.insert(String::from("policy"), Value::from(STANDARD.encode(outside.policy.blob)));
        fields.insert(String::from("agent"), Value::from(outside.principal));
        if !options.trusted_keys.is_empty() {
            fields.insert(String::from("keys"), json!(options.trusted_keys));
        }
        if !outside.internal.is_empty() {
            fields.insert(String::from("internal"), json!(outside.internal));
        }
    }
    config
}

/// What both roles of a proxy say in the same words.
fn lineage_config(lineage: &Lineage, secret: &str) -> Value {
    let mut config = values::lineage(lineage);
    if let Some(fields) = config.as_object_mut() {
        fields.insert(String::from("secret"), Value::from(secret));
    }
    config
}

/// The object of one role; on these ports only, if there are any.
pub(super) fn object(
    options: &Options,
    scope: &Scope<'_>,
    component: Component,
    config: &Value,
    policy: Option<&Policy<'_>>,
    ports: &BTreeSet<u16>,
) -> Object {
    let mode = match component {
        Component::Outbound | Component::Network => "CLIENT",
        _ => "SERVER",
    };
    let mut spec = scope.spec();
    // Of requests, no ports: the plugin would then be left out where no service declares the port (host facts, 1.5).
    let selected: Vec<Value> = ports.iter().map(|port| json!({ "number": port })).collect();
    let matched =
        if ports.is_empty() { json!({ "mode": mode }) } else { json!({ "mode": mode, "ports": selected }) };
    spec.insert(String::from("match"), json!([matched]));
    // Behind the checks of JWTs, and before Istio's own RBAC.
    spec.insert(String::from("phase"), Value::from("AUTHZ"));
    let wasm = wasm(options, component, config);
    let kind = match options.api {
        Api::WasmPlugin => {
            spec.extend(wasm);
            ("extensions.istio.io/v1alpha1", "WasmPlugin")
        }
        Api::TrafficExtension => {
            spec.insert(String::from("wasm"), Value::from(wasm));
            ("extensions.istio.io/v1alpha1", "TrafficExtension")
        }
    };
    let suffix = format!("-{}", component.word());
    stated(Object::new(kind, component, scope, &suffix, Value::from(spec)), policy)
}

/// Says in annotations which policy an object carries, for people: the filter reads it in the blob.
fn stated(object: Object, policy: Option<&Policy<'_>>) -> Object {
    let Some(policy) = policy else { return object };
    let digest: String = policy.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    object
        .annotate(&format!("{DOMAIN}/generation"), policy.generation.to_string())
        .annotate(&format!("{DOMAIN}/source"), format!("sha256:{digest}"))
}

fn wasm(options: &Options, component: Component, config: &Value) -> Map<String, Value> {
    let ImageReference { digest, .. } = &options.image;
    let mut wasm = Map::from_iter([
        (String::from("url"), Value::from(options.image.url())),
        // Of an `oci://` url it is the digest of the manifest (host facts, 3.3).
        (String::from("sha256"), Value::from(digest.as_str())),
        (String::from("type"), Value::from(if component == Component::Network { "NETWORK" } else { "HTTP" })),
        // Closed, and made anew after a trap (host facts, 5).
        (String::from("failStrategy"), Value::from("FAIL_RELOAD")),
        (String::from("pluginName"), Value::from(root_id(component))),
        (String::from("pluginConfig"), config.clone()),
    ]);
    if let Some(secret) = &options.image_pull_secret {
        wasm.insert(String::from("imagePullSecret"), Value::from(secret.as_str()));
    }
    wasm
}

fn root_id(component: Component) -> String {
    format!("ambit-{}", component.word())
}

/// The inbound role where headers wait for the body: Envoy's `allow_on_headers_stop_iteration`, which no plugin object
/// can set (host facts, 2.1 and 4.3), so that the filter is put in by an `EnvoyFilter`.
///
/// It comes right before the router, the one place that every chain has: behind Istio's RBAC, and behind all that could
/// still change what was judged. Its VM is that of the plugin objects, since neither sets an id, so that both roles share
/// the table of live requests.
pub(super) fn envoy_filter(
    options: &Options,
    scope: &Scope<'_>,
    config: &Value,
    policy: &Policy<'_>,
) -> Object {
    let Workload { namespace, service_account } = scope.workload;
    let name = format!("ambit.{namespace}.{service_account}.inbound");
    let mut spec = match scope.attachment {
        Attachment::Pods(labels) if !labels.is_empty() => {
            Map::from_iter([(String::from("workloadSelector"), json!({ "labels": labels }))])
        }
        _ => Map::new(),
    };
    let discovery = json!({
        "name": name,
        "config_discovery": {
            // As istiod writes it for plugins: the proxy waits for the filter, for ever if need be.
            "config_source": { "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" },
            // The agent puts a filter that denies everything in place of one that it cannot fetch.
            "type_urls": [WASM_TYPE, "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"],
        },
    });
    let extension = json!({
        "name": name,
        "typed_config": {
            "@type": WASM_TYPE,
            "config": {
                "name": name,
                "root_id": root_id(Component::Inbound),
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": config.to_string(),
                },
                "allow_on_headers_stop_iteration": true,
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "remote": {
                        // The agent fetches it, so that there is no cluster.
                        "http_uri": { "uri": options.image.url(), "timeout": "30s", "cluster": "_" },
                        "sha256": options.image.digest,
                    } },
                },
            },
        },
    });
    let router = json!({ "filterChain": { "filter": {
        "name": "envoy.filters.network.http_connection_manager",
        "subFilter": { "name": "envoy.filters.http.router" },
    } } });
    let patches = json!([
        {
            "applyTo": "HTTP_FILTER",
            "match": { "context": "SIDECAR_INBOUND", "listener": router },
            "patch": { "operation": "INSERT_BEFORE", "value": discovery },
        },
        {
            "applyTo": "EXTENSION_CONFIG",
            "match": { "context": "SIDECAR_INBOUND" },
            "patch": { "operation": "ADD", "value": extension },
        },
    ]);
    spec.insert(String::from("configPatches"), patches);
    let kind = ("networking.istio.io/v1alpha3", "EnvoyFilter");
    stated(Object::new(kind, Component::Inbound, scope, "-inbound", Value::from(spec)), Some(policy))
}

const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
