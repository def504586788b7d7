//! The blobs in manifests of an earlier render.

use std::collections::BTreeMap;

use ambit_compiler::model::Workload;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::object::DOMAIN;

/// What a blob of a workload judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// What is asked of it.
    Inbound,
    /// What it asks of the outside.
    Egress,
}

/// The blobs that are delivered.
pub type Blobs = BTreeMap<(Workload, Way), Vec<u8>>;

/// The blobs of each workload in the text of a manifest, as far as it can be read: whatever is not understood is made anew.
#[must_use]
pub fn blobs(text: &str) -> Blobs {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    documents.iter().filter_map(blob).chain(documents.iter().flat_map(in_values)).collect()
}

/// Of values of the Helm chart.
fn in_values(values: &Value) -> Vec<((Workload, Way), Vec<u8>)> {
    let workloads = values.get("workloads").and_then(Value::as_array).into_iter().flatten();
    workloads
        .flat_map(|one| {
            let blob = |(way, place): (Way, &str)| {
                let text = |key: &str| Some(one.get(key)?.as_str()?.to_owned());
                let workload =
                    Workload { namespace: text("namespace")?, service_account: text("serviceAccount")? };
                let blob = STANDARD.decode(one.pointer(place)?.as_str()?).ok()?;
                Some(((workload, way), blob))
            };
            [(Way::Inbound, "/policy/blob"), (Way::Egress, "/egress/policy/blob")]
                .into_iter()
                .filter_map(blob)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn blob(object: &Value) -> Option<((Workload, Way), Vec<u8>)> {
    let workload = object.get("metadata")?.get("annotations")?.get(format!("{DOMAIN}/workload"))?.as_str()?;
    let (namespace, service_account) = workload.split_once('/')?;
    let workload = Workload { namespace: namespace.to_owned(), service_account: service_account.to_owned() };
    let spec = object.get("spec")?;
    let config = spec.pointer("/pluginConfig").or_else(|| spec.pointer("/wasm/pluginConfig"));
    let (way, policy) = match config {
        Some(config) => {
            let way = match config.get("role").and_then(Value::as_str) {
                None | Some("inbound") => Way::Inbound,
                // The role of connections has the same.
                Some(_) => Way::Egress,
            };
            (way, config.get("policy")?.as_str()?.to_owned())
        }
        None => (Way::Inbound, in_envoy_filter(spec)?),
    };
    Some(((workload, way), STANDARD.decode(policy).ok()?))
}

fn in_envoy_filter(spec: &Value) -> Option<String> {
    let patches = spec.get("configPatches")?.as_array()?;
    let config = patches.iter().find_map(|patch| {
        patch.pointer("/patch/value/typed_config/config/configuration/value").and_then(Value::as_str)
    })?;
    let config: Value = serde_json::from_str(config).ok()?;
    Some(config.get("policy")?.as_str()?.to_owned())
}
