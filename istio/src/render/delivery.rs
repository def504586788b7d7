//! The delivery document: what policy does not say, since it is about identities and not about pods.
//!
//! ```yaml
//! apiVersion: ambit.dev/v1alpha1
//! kind: Delivery
//! spec:
//!   selectorLabel: app
//!   workloads:
//!     - {namespace: data, serviceAccount: orders-db, pods: {app: orders}, ports: [8080]}
//! ```

use std::collections::BTreeMap;

use ambit_compiler::model::Workload;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::access_log::AccessLogs;
use crate::limits::{MAX_DELIVERY_BYTES, MAX_LABEL_BYTES, MAX_NAME_BYTES, MAX_SELECTOR_LABELS};

/// The version of policy documents and of this one.
pub(super) const API_VERSION: &str = "ambit.dev/v1alpha1";
/// The longest window that a filter takes, in milliseconds.
pub(super) const MAX_WINDOW_MS: u32 = 600_000;

/// Labels by key.
pub type Labels = BTreeMap<String, String>;

/// How policy reaches the proxies of its workloads.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Where a workload has no entry: its pods carry this label, with the name of their service account.
    pub selector_label: Option<String>,
    /// How lineage is kept, where a workload does not say otherwise.
    pub lineage: Lineage,
    /// What is said of calls outside.
    pub egress: Egress,
    /// Where access logs go that say what was decided; without it, they stay as they are.
    pub access_logs: Option<AccessLogs>,
    /// What is said of single workloads.
    pub workloads: BTreeMap<Workload, Entry>,
}

/// What has to stay open for agents whose calls outside are bounded, and how these calls are made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Egress {
    /// The namespace of the control plane.
    pub control_plane: String,
    /// Where names are resolved.
    pub dns: Dns,
    /// Namespaces whose services agents may call, besides those of the policy's services.
    pub namespaces: Vec<String>,
    /// Hosts to which HTTP goes as it is, without TLS.
    pub plaintext: Vec<String>,
    /// The gateway by which calls to hosts leave the mesh.
    pub gateway: Option<Gateway>,
}

/// Where names are resolved.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Dns {
    /// The namespace of the servers.
    pub namespace: String,
    /// The labels of their pods.
    pub pods: Labels,
    /// Addresses of others, such as a cache on each node.
    pub addresses: Vec<core::net::IpAddr>,
}

/// An egress gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Gateway {
    /// Its namespace.
    pub namespace: String,
    /// Its `Service`.
    pub service: String,
    /// The labels of its pods.
    #[serde(default = "gateway_pods")]
    pub pods: Labels,
}

/// What is said of one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The labels of its pods. Empty means every pod of the namespace.
    pub pods: Option<Labels>,
    /// The waypoint that its traffic goes through, in ambient mode.
    pub waypoint: Option<Waypoint>,
    /// The ports that are governed; all others are closed. `None` leaves open every port that speaks HTTP.
    pub ports: Option<Vec<u16>>,
    /// Whether the headers of a request wait for its body where policy needs the body.
    pub hold_headers: bool,
    /// Whether it is delivered by other means, such as another cluster's.
    pub skip: bool,
    /// How lineage is kept.
    pub lineage: Lineage,
}

/// A waypoint, which is in the workload's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waypoint {
    /// The `Gateway`; its proxies run as the service account of that name.
    pub gateway: String,
    /// The `Service` behind it; without one, all that goes through the gateway is meant.
    pub service: Option<String>,
}

/// How lineage is kept; what is absent is as the filter has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lineage {
    /// How long a request limits what its agent does after its response, in milliseconds.
    pub window_ms: Option<u32>,
    /// Never to trust the application's choice of correlation id.
    pub strict: Option<bool>,
    /// Suffixes of names that are of the mesh.
    pub mesh: Option<Vec<String>>,
    /// To keep the lineage from the application.
    pub hide: Option<bool>,
    /// What policy says of the agent's own calls, as the filter takes it. It counts before what is said here.
    #[serde(skip)]
    pub policy: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    api_version: String,
    kind: String,
    #[expect(dead_code, reason = "allowed, as in policy, and means nothing here")]
    metadata: Option<serde_json::Value>,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    selector_label: Option<String>,
    #[serde(default)]
    lineage: Lineage,
    #[serde(default)]
    egress: Egress,
    access_logs: Option<AccessLogs>,
    #[serde(default)]
    workloads: Vec<EntryDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EntryDocument {
    namespace: String,
    service_account: String,
    pods: Option<Labels>,
    waypoint: Option<Waypoint>,
    ports: Option<Vec<u16>>,
    #[serde(default)]
    hold_headers: bool,
    #[serde(default)]
    skip: bool,
    #[serde(default)]
    lineage: Lineage,
}

impl Delivery {
    /// Reads a delivery document.
    ///
    /// # Errors
    /// What is wrong with it, in words; of YAML with the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_DELIVERY_BYTES {
            return Err(format!("it is larger than {MAX_DELIVERY_BYTES} bytes"));
        }
        let document: Document = serde_saphyr::from_str(text).map_err(|error| worded(&error))?;
        if document.api_version != API_VERSION || document.kind != "Delivery" {
            return Err(format!(
                "it must say `apiVersion: {API_VERSION}` and `kind: Delivery`, and says `{}` and `{}`",
                document.api_version, document.kind
            ));
        }
        let Spec { selector_label, lineage, egress, access_logs, workloads } = document.spec;
        let mut delivery = Self { selector_label, lineage, egress, access_logs, workloads: BTreeMap::new() };
        for entry in workloads {
            let workload = Workload {
                namespace: entry.namespace.clone(),
                service_account: entry.service_account.clone(),
            };
            let name = format!("{}/{}", workload.namespace, workload.service_account);
            if delivery.workloads.insert(workload, entry.into()).is_some() {
                return Err(format!("`{name}` is listed twice"));
            }
        }
        delivery.check()?;
        Ok(delivery)
    }

    /// Says what no cluster would take.
    fn check(&self) -> Result<(), String> {
        if let Some(key) = &self.selector_label {
            check_label_key(key)?;
        }
        check_lineage(&self.lineage)?;
        self.egress.check()?;
        self.access_logs.as_ref().map_or(Ok(()), AccessLogs::check)?;
        self.workloads.iter().try_for_each(|(workload, entry)| {
            entry.check().map_err(|problem| {
                format!("`{}/{}`: {problem}", workload.namespace, workload.service_account)
            })
        })
    }

    /// The labels of a workload's pods, where only the label's key is given.
    ///
    /// # Errors
    /// If the service account's name is no value of a label.
    pub(super) fn labels_of(&self, workload: &Workload) -> Option<Result<Labels, String>> {
        let key = self.selector_label.as_ref()?;
        let value = workload.service_account.clone();
        let checked = check_label_value(&value);
        Some(checked.map(|()| Labels::from([(key.clone(), value)])))
    }
}

impl From<EntryDocument> for Entry {
    fn from(document: EntryDocument) -> Self {
        Self {
            pods: document.pods,
            waypoint: document.waypoint,
            ports: document.ports,
            hold_headers: document.hold_headers,
            skip: document.skip,
            lineage: document.lineage,
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            control_plane: String::from("istio-system"),
            dns: Dns::default(),
            namespaces: Vec::new(),
            plaintext: Vec::new(),
            gateway: None,
        }
    }
}

impl Default for Dns {
    /// As most clusters have it.
    fn default() -> Self {
        Self {
            namespace: String::from("kube-system"),
            pods: Labels::from([(String::from("k8s-app"), String::from("kube-dns"))]),
            addresses: Vec::new(),
        }
    }
}

/// As Istio's chart labels a gateway of that name.
fn gateway_pods() -> Labels {
    Labels::from([(String::from("istio"), String::from("egressgateway"))])
}

impl Egress {
    fn check(&self) -> Result<(), String> {
        let namespaces = [&self.control_plane, &self.dns.namespace].into_iter().chain(&self.namespaces);
        namespaces
            .chain(&self.plaintext)
            .try_for_each(|name| check_object_name(name.strip_prefix("*.").unwrap_or(name)))?;
        if self.dns.pods.is_empty() {
            return Err(String::from("`egress.dns.pods` lists at least one label"));
        }
        self.dns.pods.iter().try_for_each(check_label)?;
        self.gateway.as_ref().map_or(Ok(()), Gateway::check)
    }
}

impl Gateway {
    /// The gateway that is written `NAMESPACE/SERVICE`, whose pods are labelled as Istio's chart labels them.
    ///
    /// # Errors
    /// If it is not written so.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (namespace, service) =
            text.split_once('/').ok_or_else(|| format!("`{text}` is no `NAMESPACE/SERVICE`"))?;
        let gateway =
            Self { namespace: namespace.to_owned(), service: service.to_owned(), pods: gateway_pods() };
        gateway.check().map(|()| gateway)
    }

    fn check(&self) -> Result<(), String> {
        check_object_name(&self.namespace)?;
        check_object_name(&self.service)?;
        if self.pods.is_empty() {
            return Err(String::from("`egress.gateway.pods` lists at least one label"));
        }
        self.pods.iter().try_for_each(check_label)
    }

    /// The name of its `Service`.
    pub(super) fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.service, self.namespace)
    }
}

fn check_label((key, value): (&String, &String)) -> Result<(), String> {
    check_label_key(key)?;
    check_label_value(value)
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        let labels = self.pods.iter().flatten();
        if self.pods.as_ref().is_some_and(|pods| pods.len() > MAX_SELECTOR_LABELS) {
            return Err(format!("more than {MAX_SELECTOR_LABELS} labels"));
        }
        for (key, value) in labels {
            check_label_key(key)?;
            check_label_value(value)?;
        }
        if let Some(waypoint) = &self.waypoint {
            check_object_name(&waypoint.gateway)?;
            waypoint.service.as_deref().map_or(Ok(()), check_object_name)?;
            if self.hold_headers {
                return Err(String::from(
                    "`holdHeaders` is for sidecars: a waypoint has no way to hold the headers of one service only",
                ));
            }
        }
        if self.ports.as_ref().is_some_and(|ports| ports.is_empty() || ports.contains(&0)) {
            return Err(String::from("`ports` lists at least one port, from 1 to 65535"));
        }
        check_lineage(&self.lineage)
    }
}

impl Lineage {
    /// What this says, and else what `other` says.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            window_ms: self.window_ms.or(other.window_ms),
            strict: self.strict.or(other.strict),
            mesh: self.mesh.as_ref().or(other.mesh.as_ref()).cloned(),
            hide: self.hide.or(other.hide),
            policy: Map::new(),
        }
    }
}

/// What the reader says, without names of Rust's types.
fn worded(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    text.replace("invalid u16", "not a number from 0 to 65535").replace("invalid u32", "not a whole number")
}

fn check_lineage(lineage: &Lineage) -> Result<(), String> {
    match lineage.window_ms {
        Some(window_ms) if window_ms > MAX_WINDOW_MS => Err(format!("`windowMs` is at most {MAX_WINDOW_MS}")),
        _ => Ok(()),
    }
}

/// Checks the key of a label: `NAME` or `PREFIX/NAME`.
///
/// # Errors
/// If Kubernetes takes it for none.
pub fn check_label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if is_label_word(name) && !name.is_empty() && prefix.is_none_or(is_dns_name) {
        Ok(())
    } else {
        Err(format!("`{key}` is no key of a label"))
    }
}

fn check_label_value(value: &str) -> Result<(), String> {
    if is_label_word(value) { Ok(()) } else { Err(format!("`{value}` is no value of a label")) }
}

fn check_object_name(name: &str) -> Result<(), String> {
    if is_dns_name(name) { Ok(()) } else { Err(format!("`{name}` is no name of an object")) }
}

fn is_label_word(text: &str) -> bool {
    let ends_well = |end: Option<char>| end.is_none_or(|end| end.is_ascii_alphanumeric());
    text.len() <= MAX_LABEL_BYTES
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && ends_well(text.chars().next())
        && ends_well(text.chars().next_back())
}

fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
    };
    text.len() <= MAX_NAME_BYTES && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(spec: &str, expected: &str) {
        let text = format!("apiVersion: ambit.dev/v1alpha1\nkind: Delivery\nspec: {spec}\n");
        let problem =
            Delivery::parse(&text).map(|_| String::from("accepted")).unwrap_or_else(|problem| problem);
        assert!(problem.contains(expected), "{spec}: {problem}");
    }

    #[test]
    fn what_no_cluster_takes_is_refused() {
        refuses("{selectorLabel: 'a b'}", "`a b` is no key of a label");
        refuses("{selectorLabel: /a}", "`/a` is no key of a label");
        refuses("{selectorLabel: ''}", "`` is no key of a label");
        refuses("{lineage: {windowMs: 600001}}", "`windowMs` is at most 600000");
        refuses("{lineage: {secret: x}}", "secret");
        refuses("{accessLogs: {providers: []}}", "at least one name of a provider");
        refuses("{accessLogs: {providers: ['']}}", "at least one name of a provider");
        refuses("{accessLogs: {provider: x}}", "provider");
        let one = |rest: &str| format!("{{workloads: [{{namespace: a, serviceAccount: b, {rest}}}]}}");
        refuses(&one("pods: {app: '*'}"), "`a/b`: `*` is no value of a label");
        refuses(&one("pods: {'': x}"), "`` is no key of a label");
        refuses(&one("ports: []"), "at least one port");
        refuses(&one("ports: [0]"), "at least one port");
        refuses(&one("ports: [65536]"), "not a number from 0 to 65535 at line 3");
        refuses(&one("waypoint: {gateway: A}"), "`A` is no name");
        refuses(&one("waypoint: {gateway: w}, holdHeaders: true"), "is for sidecars");
        refuses(&one("port: [1]"), "port");
        refuses(
            "{workloads: [{namespace: a, serviceAccount: b}, {namespace: a, serviceAccount: b}]}",
            "twice",
        );
    }

    #[test]
    fn another_kind_is_refused() {
        let problem = Delivery::parse("apiVersion: ambit.dev/v1alpha1\nkind: Agent\n").unwrap_err();
        assert!(problem.contains("`kind: Delivery`"), "{problem}");
    }
}
