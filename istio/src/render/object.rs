//! One Kubernetes object.

use ambit_compiler::model::Workload;
use serde_json::{Map, Value, json};

use super::delivery::{Labels, Waypoint};
use super::plan::Attachment;
use crate::limits::{MAX_ANNOTATION_BYTES, MAX_NAME_BYTES, MAX_OBJECT_BYTES};

/// The prefix of our labels and annotations.
pub const DOMAIN: &str = "ambit.dev";

/// What an object is there for: its label `app.kubernetes.io/component`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// Strict mTLS.
    Mtls,
    /// The layer behind the filter.
    Baseline,
    /// What stamps calls.
    Outbound,
    /// What judges requests.
    Inbound,
    /// What judges connections to the outside.
    Network,
    /// What closes every other way to the outside.
    Egress,
    /// What turns access logs on.
    AccessLog,
    /// What is known of destinations outside, for a whole namespace.
    Outside,
}

/// One Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is there for.
    pub component: Component,
    /// All of it.
    pub value: Value,
}

/// Where an object counts.
pub(super) struct Scope<'a> {
    pub(super) workload: &'a Workload,
    pub(super) attachment: &'a Attachment,
}

impl Component {
    /// As labels have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Baseline => "baseline",
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Network => "network",
            Self::Egress => "egress",
            Self::AccessLog => "access-log",
            Self::Outside => "outside",
        }
    }
}

impl Object {
    /// An object of a workload. `suffix` tells it from others of its kind.
    ///
    /// The labels are those that Kubernetes recommends, without `managed-by` and `instance`: these belong to Helm, Argo
    /// CD or whoever else owns the object.
    pub(super) fn new(
        kind: (&str, &str),
        component: Component,
        scope: &Scope<'_>,
        suffix: &str,
        spec: Value,
    ) -> Self {
        let (api_version, kind) = kind;
        let Workload { namespace, service_account } = scope.workload;
        let value = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": format!("ambit-{service_account}{suffix}"),
                "namespace": namespace,
                "labels": labels(component),
                "annotations": { format!("{DOMAIN}/workload"): format!("{namespace}/{service_account}") },
            },
            "spec": spec,
        });
        Self { component, value }
    }

    /// An object of a namespace, about a destination outside.
    pub(super) fn of_namespace(
        (api_version, kind): (&str, &str),
        namespace: &str,
        name: &str,
        destination: &str,
        spec: Value,
    ) -> Self {
        let component = Component::Outside;
        let value = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": labels(component),
                "annotations": { format!("{DOMAIN}/destination"): destination },
            },
            "spec": spec,
        });
        Self { component, value }
    }

    /// Adds an annotation.
    pub(super) fn annotate(mut self, key: &str, text: impl Into<String>) -> Self {
        let annotations = self.value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            annotations.insert(key.to_owned(), Value::from(text.into()));
        }
        self
    }

    /// Asks Argo CD for server-side apply, if it has to be that.
    pub(super) fn mark_if_large(&mut self) {
        if self.needs_server_side_apply() {
            let marked = self.clone().annotate("argocd.argoproj.io/sync-options", "ServerSideApply=true");
            *self = marked;
        }
    }

    /// `WasmPlugin data/ambit-orders-db-inbound`
    #[must_use]
    pub fn title(&self) -> String {
        let text = |pointer: &str| self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    }

    /// How large the API server is to find it, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.value.to_string().len()
    }

    /// Whether the API server takes it at all.
    #[must_use]
    pub fn fits(&self) -> bool {
        let name = self.value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        self.bytes() <= MAX_OBJECT_BYTES && name.len() <= MAX_NAME_BYTES
    }

    /// Whether client-side `kubectl apply` cannot take it: that puts the whole object into an annotation of it.
    #[must_use]
    pub fn needs_server_side_apply(&self) -> bool {
        let annotations =
            self.value.pointer("/metadata/annotations").map(Value::to_string).unwrap_or_default();
        self.bytes().saturating_add(annotations.len()) > MAX_ANNOTATION_BYTES
    }
}

/// Those that Kubernetes recommends.
fn labels(component: Component) -> Value {
    json!({
        "app.kubernetes.io/name": "ambit",
        "app.kubernetes.io/part-of": "ambit",
        "app.kubernetes.io/component": component.word(),
    })
}

impl Scope<'_> {
    /// The fields of a `spec` that say where it counts: `selector`, or `targetRefs` for a waypoint.
    pub(super) fn spec(&self) -> Map<String, Value> {
        match self.attachment {
            Attachment::Pods(labels) => selector(labels),
            Attachment::Waypoint(waypoint, _) => {
                Map::from_iter([(String::from("targetRefs"), json!([target(waypoint)]))])
            }
        }
    }

    /// The same for what counts at the pods themselves, if they are known.
    pub(super) fn pods(&self) -> Option<Map<String, Value>> {
        match self.attachment {
            Attachment::Pods(labels) | Attachment::Waypoint(_, Some(labels)) => Some(selector(labels)),
            Attachment::Waypoint(_, None) => None,
        }
    }
}

/// A `spec` without a selector counts in the whole namespace.
fn selector(labels: &Labels) -> Map<String, Value> {
    if labels.is_empty() {
        return Map::new();
    }
    Map::from_iter([(String::from("selector"), json!({ "matchLabels": labels }))])
}

fn target(waypoint: &Waypoint) -> Value {
    match &waypoint.service {
        Some(service) => json!({ "group": "", "kind": "Service", "name": service }),
        None => json!({
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": waypoint.gateway,
        }),
    }
}
