//! A `kustomization.yaml` beside the manifests.

use serde_json::{Value, json};

use super::object::Object;
use super::{Rendered, secret};

/// What kustomize calls the file with lineage secrets, as long as it builds.
const ENV: &str = "ambit-lineage";

/// A kustomization of the given files. If `env` names a file of lineage secrets in the same directory, they replace the
/// placeholders; what they come from is not among the objects that kustomize gives.
#[must_use]
pub fn kustomization(rendered: &[Rendered], files: &[String], env: Option<&str>) -> Value {
    let mut value = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files,
    });
    let Some((env, fields)) = env.zip(value.as_object_mut()) else { return value };
    let replacements: Vec<Value> = rendered.iter().filter_map(replacement).collect();
    let generator = json!({
        "name": ENV,
        "envs": [env],
        "options": {
            "annotations": { "config.kubernetes.io/local-config": "true" },
            "disableNameSuffixHash": true,
        },
    });
    fields.insert(String::from("configMapGenerator"), json!([generator]));
    fields.insert(String::from("replacements"), Value::from(replacements));
    value
}

/// Puts the secret of a workload where its placeholder is.
fn replacement(one: &Rendered) -> Option<Value> {
    one.secret.as_ref()?;
    let targets: Vec<Value> = one.objects.iter().filter_map(target).collect();
    let field = format!("data.{}", secret::placeholder(&one.governed.workload));
    Some(json!({ "source": { "kind": "ConfigMap", "name": ENV, "fieldPath": field }, "targets": targets }))
}

/// Where an object holds the placeholder. In an `EnvoyFilter` it is within a text, which kustomize does not look into.
fn target(object: &Object) -> Option<Value> {
    let spec = object.value.get("spec")?;
    let path = ["pluginConfig", "wasm.pluginConfig"]
        .into_iter()
        .find(|path| spec.pointer(&format!("/{}/lineage/secret", path.replace('.', "/"))).is_some())?;
    let text = |pointer: &str| object.value.pointer(pointer).cloned().unwrap_or_default();
    Some(json!({
        "select": {
            "kind": text("/kind"),
            "name": text("/metadata/name"),
            "namespace": text("/metadata/namespace"),
        },
        "fieldPaths": [format!("spec.{path}.lineage.secret")],
    }))
}
