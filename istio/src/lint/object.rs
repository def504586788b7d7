//! Objects as they lie in files, and what is asked of them again and again.

use std::collections::BTreeMap;

use ambit_compiler::agents::Agents;
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::{Entry, Meaning, Node, Value};

use super::Settings;
use super::plugin::Plugin;
use crate::render::DOMAIN;

/// A value in an object, by the keys on the way to it.
pub(super) fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| node.entry(key).map(|entry| &entry.value))
}

/// A text, or a number or truth value as it is written.
pub(super) fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    match &at(node, path)?.value {
        Value::Scalar(scalar) if scalar.meaning() != Meaning::Null => Some(&scalar.text),
        _ => None,
    }
}

/// The elements of a list; of anything else none.
pub(super) fn list<'n>(node: &'n Node, path: &[&str]) -> &'n [Node] {
    match at(node, path).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The entries of a mapping; of anything else none.
pub(super) fn map<'n>(node: &'n Node, path: &[&str]) -> &'n [Entry] {
    match at(node, path).map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

/// Labels by key.
pub(super) type Labels<'n> = BTreeMap<&'n str, &'n str>;

pub(super) fn labels<'n>(node: &'n Node, path: &[&str]) -> Labels<'n> {
    let entry = |entry: &'n Entry| match &entry.value.value {
        Value::Scalar(scalar) => Some((entry.key.value.as_str(), scalar.text.as_str())),
        _ => None,
    };
    map(node, path).iter().filter_map(entry).collect()
}

/// One object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'n> {
    pub(super) kind: &'n str,
    pub(super) namespace: &'n str,
    pub(super) name: &'n str,
    /// Where its name is written.
    pub(super) span: Span,
    pub(super) node: &'n Node,
}

impl<'n> Object<'n> {
    pub(super) fn annotation(&self, key: &str) -> Option<&'n Entry> {
        at(self.node, &["metadata", "annotations"])?.entry(key)
    }

    /// The workload that one of our objects says it is for.
    pub(super) fn workload(&self) -> Option<Workload> {
        let entry = self.annotation(&format!("{DOMAIN}/workload"))?;
        let Value::Scalar(scalar) = &entry.value.value else { return None };
        let (namespace, service_account) = scalar.text.split_once('/')?;
        Some(Workload { namespace: namespace.to_owned(), service_account: service_account.to_owned() })
    }

    /// `Deployment data/orders-db`
    pub(super) fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// All objects of some files, with those in lists.
pub(super) struct Objects<'n> {
    objects: Vec<Object<'n>>,
}

impl<'n> Objects<'n> {
    pub(super) fn read(documents: &'n [Node]) -> Self {
        let mut objects = Vec::new();
        let mut waiting: Vec<&Node> = documents.iter().rev().collect();
        while let Some(node) = waiting.pop() {
            let Some(kind) = text(node, &["kind"]) else { continue };
            if kind.ends_with("List") && at(node, &["items"]).is_some() {
                waiting.extend(list(node, &["items"]).iter().rev());
                continue;
            }
            let Some(name) = at(node, &["metadata", "name"]) else { continue };
            objects.push(Object {
                kind,
                namespace: text(node, &["metadata", "namespace"]).unwrap_or("default"),
                name: text(node, &["metadata", "name"]).unwrap_or_default(),
                span: name.span,
                node,
            });
        }
        Self { objects }
    }

    fn of<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = Object<'n>> + 'a {
        self.objects.iter().copied().filter(move |object| kinds.contains(&object.kind))
    }
}

/// Pods, or what makes them.
#[derive(Clone, Debug)]
pub(super) struct Pods<'n> {
    pub(super) object: Object<'n>,
    pub(super) workload: Workload,
    pub(super) labels: Labels<'n>,
    /// The pods' own metadata and spec.
    pub(super) template: &'n Node,
}

impl<'n> Pods<'n> {
    fn read(object: Object<'n>) -> Option<Self> {
        let path: &[&str] = match object.kind {
            "Pod" => &[],
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            _ => &["spec", "template"],
        };
        let template = at(object.node, path)?;
        let account = text(template, &["spec", "serviceAccountName"])
            .or_else(|| text(template, &["spec", "serviceAccount"]))
            .unwrap_or("default");
        Some(Self {
            object,
            workload: Workload {
                namespace: object.namespace.to_owned(),
                service_account: account.to_owned(),
            },
            labels: labels(template, &["metadata", "labels"]),
            template,
        })
    }

    /// The containers of the application: not those of the sidecar.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'n Node> {
        let all = list(self.template, &["spec", "containers"]).iter();
        all.filter(|container| text(container, &["name"]) != Some("istio-proxy"))
    }

    /// The container of the sidecar, which may be one that starts before the others.
    pub(super) fn proxy(&self) -> Option<&'n Node> {
        let of = |path: &[&str]| list(self.template, path).iter();
        of(&["spec", "containers"])
            .chain(of(&["spec", "initContainers"]))
            .find(|container| text(container, &["name"]) == Some("istio-proxy"))
    }

    pub(super) fn annotations(&self) -> &'n [Entry] {
        map(self.template, &["metadata", "annotations"])
    }
}

/// What a finding may need to know of the whole.
pub(super) struct Cluster<'n> {
    objects: &'n Objects<'n>,
    pub(super) root_namespace: &'n str,
    pub(super) policy: Option<&'n Policy>,
    pub(super) agents: Option<&'n Agents<'n>>,
    served: Vec<&'n Workload>,
    pub(super) plugins: Vec<Plugin<'n>>,
    /// Each kind of pods once: of a running pod that something makes, what makes it.
    pub(super) pods: Vec<Pods<'n>>,
    /// Everything that runs.
    pub(super) running: Vec<Pods<'n>>,
}

impl<'n> Cluster<'n> {
    pub(super) fn new(
        objects: &'n Objects<'n>,
        settings: &'n Settings<'_>,
        agents: Option<&'n Agents<'n>>,
    ) -> Self {
        let makers = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"];
        let is_own = |object: &Object<'_>| list(object.node, &["metadata", "ownerReferences"]).is_empty();
        let mut pods: Vec<Pods<'n>> = objects.of(&makers).filter(is_own).filter_map(Pods::read).collect();
        let running: Vec<Pods<'n>> = objects.of(&["Pod"]).filter_map(Pods::read).collect();
        for one in &running {
            // A pod has all labels of its template, and more.
            let is_known = pods.iter().any(|known| {
                known.workload == one.workload
                    && known.labels.iter().all(|(key, value)| one.labels.get(key) == Some(value))
            });
            if !is_known {
                pods.push(one.clone());
            }
        }
        let kinds = ["WasmPlugin", "TrafficExtension", "EnvoyFilter"];
        let plugins = objects.of(&kinds).filter_map(Plugin::read).collect();
        let served = settings.policy.map_or_else(Vec::new, |policy| {
            policy.services.iter().map(|service| &service.workload).collect()
        });
        let policy = settings.policy;
        Self {
            objects,
            root_namespace: settings.root_namespace,
            policy,
            agents,
            served,
            plugins,
            pods,
            running,
        }
    }

    pub(super) fn of<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = Object<'n>> + 'a {
        self.objects.of(kinds)
    }

    /// Whether requests to a workload are meant to be judged.
    pub(super) fn serves(&self, workload: &Workload) -> bool {
        self.served.contains(&workload)
            || self
                .plugins
                .iter()
                .any(|plugin| plugin.is_inbound() && plugin.workload.as_ref() == Some(workload))
    }

    /// Whether calls of a workload are meant to be stamped.
    pub(super) fn stamps(&self, workload: &Workload) -> bool {
        match self.agents.map(|agents| agents.of(workload)) {
            // Policy knows best.
            Some(agent) => agent.is_some_and(|agent| agent.stamping),
            None => {
                let of_workload = |plugin: &&Plugin<'_>| plugin.workload.as_ref() == Some(workload);
                let mut plugins = self.plugins.iter().filter(of_workload);
                plugins
                    .any(|plugin| !plugin.is_inbound() || (plugin.lineage.is_some() && !plugin.is_waypoint()))
            }
        }
    }

    pub(super) fn is_governed(&self, pods: &Pods<'_>) -> bool {
        self.serves(&pods.workload)
            || self.stamps(&pods.workload)
            || self.plugins.iter().any(|plugin| plugin.selects(pods))
    }

    pub(super) fn governed(&self) -> impl Iterator<Item = &Pods<'n>> {
        self.pods.iter().filter(|pods| self.is_governed(pods))
    }

    /// Whether an object with a `spec.selector` counts for pods: by its labels, or for its whole namespace, or, from the
    /// root namespace, for the whole mesh.
    pub(super) fn counts(&self, object: &Object<'n>, pods: &Pods<'_>) -> Option<Reach> {
        let selector = labels(object.node, &["spec", "selector", "matchLabels"]);
        let is_here = object.namespace == pods.object.namespace;
        if at(object.node, &["spec", "targetRefs"]).is_some()
            || at(object.node, &["spec", "targetRef"]).is_some()
        {
            return None;
        }
        if selector.is_empty() {
            return match (is_here, object.namespace == self.root_namespace) {
                (true, _) => Some(Reach::Namespace),
                (false, true) => Some(Reach::Mesh),
                (false, false) => None,
            };
        }
        let is_known = is_here || object.namespace == self.root_namespace;
        (is_known && within(&selector, &pods.labels)).then_some(Reach::Workload)
    }
}

/// How far an object reaches that counts for some pods; the nearest counts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Workload,
    Namespace,
    Mesh,
}

/// Whether all labels of `small` are in `large`.
pub(super) fn within(small: &Labels<'_>, large: &Labels<'_>) -> bool {
    small.iter().all(|(key, value)| large.get(key) == Some(value))
}
