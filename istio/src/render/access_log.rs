//! Access logs that say what the filter decided: the object that turns them on, and what they look like.

use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{Component, Object, Scope};

/// The provider that [`MESH_CONFIG`] defines.
pub const PROVIDER: &str = "ambit-access-log";

/// What Istio's mesh configuration has to say, as values for istiod's chart: no object of the workload can say it.
pub const MESH_CONFIG: &str = include_str!("../../observability/mesh-config.yaml");

/// Where access logs go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLogs {
    /// Providers of the mesh configuration. They take the place of those that the workload's proxies log to otherwise.
    pub providers: Vec<String>,
}

impl Default for AccessLogs {
    fn default() -> Self {
        Self { providers: vec![String::from(PROVIDER)] }
    }
}

impl AccessLogs {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.providers.is_empty() || self.providers.iter().any(String::is_empty) {
            return Err(String::from("`accessLogs.providers` lists at least one name of a provider"));
        }
        Ok(())
    }

    /// What turns them on for the proxies of a workload.
    pub(super) fn telemetry(&self, scope: &Scope<'_>) -> Object {
        let mut spec = scope.spec();
        let providers: Vec<Value> = self.providers.iter().map(|name| json!({ "name": name })).collect();
        spec.insert(String::from("accessLogging"), json!([{ "providers": providers }]));
        Object::new(
            ("telemetry.istio.io/v1", "Telemetry"),
            Component::AccessLog,
            scope,
            "",
            Value::from(spec),
        )
    }
}
