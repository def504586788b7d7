//! The same for the Helm chart: what its templates need to write the same objects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::delivery::{Lineage, Waypoint};
use super::plan::{Attachment, Governed};
use super::{Api, Component, Delivered, Options, Rendered, Rendering, Secrets, written};

/// The chart's values. Without `embed`, policies are left out: they come as files beside the chart's templates.
#[must_use]
pub fn values(rendering: &Rendering, options: &Options, embed: bool) -> Value {
    let rendered = &rendering.workloads;
    let api = match options.api {
        Api::WasmPlugin => "WasmPlugin",
        Api::TrafficExtension => "TrafficExtension",
    };
    let image = options.image.url();
    let mut values = json!({
        "image": image.strip_prefix("oci://").unwrap_or(&image),
        "api": api,
        "workloads": rendered.iter().map(|one| workload(one, embed)).collect::<Vec<_>>(),
    });
    if let Some(values) = values.as_object_mut() {
        if let Some(secret) = &options.image_pull_secret {
            values.insert(String::from("imagePullSecret"), Value::from(secret.as_str()));
        }
        if !rendering.outside.is_empty() {
            let objects = rendering.outside.iter().flat_map(|one| &one.objects).map(|object| &object.value);
            values.insert(String::from("outside"), objects.map(alone).collect());
        }
        if let Some(logs) = &rendering.access_logs {
            values.insert(String::from("accessLogs"), json!({ "providers": logs.providers }));
        }
        if !options.trusted_keys.is_empty() {
            values.insert(String::from("keys"), json!(options.trusted_keys));
        }
        if matches!(options.secrets, Secrets::Derived(_)) {
            let secrets: Map<String, Value> = rendered
                .iter()
                .filter_map(|one| {
                    Some((written(&one.governed.workload), Value::from(one.secret.as_deref()?)))
                })
                .collect();
            values.insert(String::from("lineage"), json!({ "secrets": secrets }));
        }
    }
    values
}

fn workload(one: &Rendered, embed: bool) -> Value {
    let Governed { workload, attachment, ports, baseline, .. } = &one.governed;
    let (pods, waypoint) = match attachment {
        Attachment::Pods(labels) => (Some(labels), None),
        Attachment::Waypoint(waypoint, labels) => (labels.as_ref(), Some(waypoint)),
    };
    let listed =
        |principals: &[String], wanted: bool| (wanted && !principals.is_empty()).then(|| json!(principals));
    let truth = |truth: bool| truth.then_some(Value::Bool(true));
    let said = [
        ("namespace", Some(json!(workload.namespace))),
        ("serviceAccount", Some(json!(workload.service_account))),
        ("pods", pods.map(|labels| json!(labels))),
        ("waypoint", waypoint.map(target)),
        ("strict", truth(one.governed.enforces)),
        ("dryRun", truth(baseline.is_dry_run)),
        ("holdHeaders", truth(one.governed.hold_headers)),
        ("ports", ports.as_ref().map(|ports| json!(ports))),
        ("callers", listed(&baseline.principals, one.governed.serves)),
        ("refused", listed(&baseline.principals, !one.governed.serves)),
        ("gateways", listed(&baseline.gateways, one.governed.serves)),
        ("lineage", one.governed.lineage.as_ref().map(lineage)),
        ("policy", one.policy.as_ref().map(|policy| delivered(policy, embed))),
        ("egress", egress(one, embed)),
    ];
    Value::from_iter(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))))
}

fn target(waypoint: &Waypoint) -> Value {
    match &waypoint.service {
        Some(service) => json!({ "gateway": waypoint.gateway, "service": service }),
        None => json!({ "gateway": waypoint.gateway }),
    }
}

/// Lineage settings without the secret; what is absent is as the filter has it.
pub(super) fn lineage(lineage: &Lineage) -> Value {
    let Lineage { window_ms, strict, mesh, hide, policy } = lineage;
    let said = [
        ("windowMs", window_ms.map(Value::from)),
        ("strict", strict.map(Value::from)),
        ("mesh", mesh.clone().map(Value::from)),
        ("hide", hide.map(Value::from)),
    ];
    let said = said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::from_iter(said.chain(policy.clone()))
}

/// What judges and closes calls to the outside.
fn egress(one: &Rendered, embed: bool) -> Option<Value> {
    let (bounded, policy) = one.governed.egress.as_ref().zip(one.egress.as_ref())?;
    let closing = one.objects.iter().filter(|object| object.component == Component::Egress);
    let said = [
        ("agent", Some(json!(bounded.principal))),
        ("mode", Some(json!(bounded.mode()))),
        ("internal", (!bounded.internal.is_empty()).then(|| json!(bounded.internal))),
        ("ports", Some(json!(bounded.reach.connection_ports()))),
        ("policy", Some(delivered(policy, embed))),
        ("objects", Some(closing.map(|object| alone(&object.value)).collect())),
    ];
    Some(Value::from_iter(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)))))
}

/// An object without what the chart adds: the labels that all of ours have.
fn alone(object: &Value) -> Value {
    let at = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    json!({
        "apiVersion": at("/apiVersion"),
        "kind": at("/kind"),
        "name": at("/metadata/name"),
        "namespace": at("/metadata/namespace"),
        "annotations": at("/metadata/annotations"),
        "spec": at("/spec"),
    })
}

fn delivered(policy: &Delivered, embed: bool) -> Value {
    let digest: String = policy.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut value = json!({
        // As text: Helm reads numbers as floating point.
        "generation": policy.generation.to_string(),
        "source": format!("sha256:{digest}"),
    });
    if let Some(fields) = value.as_object_mut().filter(|_| embed) {
        fields.insert(String::from("blob"), Value::from(STANDARD.encode(&policy.compiled.blob)));
    }
    value
}
