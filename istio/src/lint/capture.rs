//! What the sidecar does not capture, and so neither judges nor stamps.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::syntax::node::{Entry, Node, Value};

use super::object::{Cluster, Labels, Object, Pods, at, labels, list, map, text};
use super::{Code, Finding};

/// What the prefix of Istio's annotations about capture is.
const PREFIX: &str = "traffic.sidecar.istio.io/";
/// The user and group that the proxy runs as.
const PROXY_USER: &str = "1337";

pub(super) fn check(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let is_behind_waypoint = cluster.plugins.iter().any(|plugin| plugin.is_waypoint() && plugin.covers(pods));
    let title = pods.object.title();
    for entry in pods.annotations() {
        annotation(entry, &title, findings);
    }
    if text(pods.template, &["spec", "hostNetwork"]) == Some("true") {
        let span = at(pods.template, &["spec", "hostNetwork"]).map_or(pods.object.span, |node| node.span);
        findings.push(Finding::new(Code::HostNetwork, span, format!("{title} is on the host's network")));
    }
    if !is_behind_waypoint {
        sidecar(cluster, pods, &title, findings);
    }
    for container in pods.containers() {
        user(pods, container, &title, findings);
    }
}

fn annotation(entry: &Entry, title: &str, findings: &mut Diagnostics<Code>) {
    let Some(name) = entry.key.value.strip_prefix(PREFIX) else { return };
    let Value::Scalar(scalar) = &entry.value.value else { return };
    let value = scalar.text.trim();
    let code = match name {
        "excludeInboundPorts" | "excludeInterfaces" if !value.is_empty() => Code::ExcludedInbound,
        "includeInboundPorts" if value != "*" => Code::ExcludedInbound,
        "excludeOutboundPorts" | "excludeOutboundIPRanges" if !value.is_empty() => Code::ExcludedOutbound,
        "includeOutboundIPRanges" if value != "*" => Code::ExcludedOutbound,
        // It captures these besides what the ranges capture.
        _ => return,
    };
    let message = match code {
        Code::ExcludedInbound => format!("`{name}: {value}` keeps traffic to {title} from its sidecar"),
        _ => format!("`{name}: {value}` lets {title} call without its sidecar"),
    };
    findings.push(Finding::new(code, entry.key.span, message));
}

fn sidecar(cluster: &Cluster<'_>, pods: &Pods<'_>, title: &str, findings: &mut Diagnostics<Code>) {
    let key = "sidecar.istio.io/inject";
    for path in [["metadata", "labels"], ["metadata", "annotations"]] {
        let entry = map(pods.template, &path).iter().find(|entry| entry.key.value == key);
        let is_off =
            |entry: &&Entry| matches!(&entry.value.value, Value::Scalar(scalar) if scalar.text == "false");
        if let Some(entry) = entry.filter(is_off) {
            let message = format!("no sidecar is put into the pods of {title}");
            findings.push(Finding::new(Code::NoSidecar, entry.key.span, message));
            return;
        }
    }
    let runs_with_proxy =
        cluster.running.iter().any(|running| running.workload == pods.workload && running.proxy().is_some());
    if !runs_with_proxy && let Some(namespace) = uninjected(cluster, pods) {
        let message =
            format!("nothing says that pods of `{}` get a sidecar, and so those of {title}", namespace.name);
        findings.push(Finding::new(Code::NoSidecar, namespace.span, message));
        return;
    }
    let without = cluster.running.iter().find(|running| {
        running.workload == pods.workload
            && running.proxy().is_none()
            && pods.labels.iter().all(|(key, value)| running.labels.get(key) == Some(value))
    });
    if let Some(running) = without {
        let message = format!("{} runs without a sidecar", running.object.title());
        findings.push(Finding::new(Code::NoSidecar, running.object.span, message));
    }
}

/// The namespace of some pods, if it is given and neither it nor they ask for a sidecar.
fn uninjected<'n>(cluster: &Cluster<'n>, pods: &Pods<'_>) -> Option<Object<'n>> {
    let kinds = ["Namespace"];
    let namespace = cluster.of(&kinds).find(|namespace| namespace.name == pods.object.namespace)?;
    let asks = |labels: &Labels<'_>| {
        labels.get("istio-injection") == Some(&"enabled")
            || labels.get("sidecar.istio.io/inject") == Some(&"true")
            || labels.contains_key("istio.io/rev")
    };
    (!asks(&labels(namespace.node, &["metadata", "labels"])) && !asks(&pods.labels)).then_some(namespace)
}

fn user(pods: &Pods<'_>, container: &Node, title: &str, findings: &mut Diagnostics<Code>) {
    let name = text(container, &["name"]).unwrap_or_default();
    for (node, path) in
        [(container, ["securityContext"].as_slice()), (pods.template, &["spec", "securityContext"])]
    {
        for field in ["runAsUser", "runAsGroup"] {
            let path: Vec<&str> = path.iter().copied().chain([field]).collect();
            if text(node, &path) == Some(PROXY_USER) {
                let span = at(node, &path).map_or(pods.object.span, |node| node.span);
                let message = format!("`{name}` of {title} runs as {PROXY_USER}, which is not captured");
                findings.push(Finding::new(Code::RunsAsProxy, span, message));
            }
        }
    }
    let capabilities = list(container, &["securityContext", "capabilities", "add"]);
    let may = capabilities
        .iter()
        .find(|capability| matches!(text(capability, &[]), Some("NET_ADMIN" | "ALL" | "SYS_ADMIN")))
        .or_else(|| {
            at(container, &["securityContext", "privileged"]).filter(|node| text(node, &[]) == Some("true"))
        });
    if let Some(node) = may {
        let message = format!("`{name}` of {title} may change what the sidecar captures");
        findings.push(Finding::new(Code::MayChangeCapture, node.span, message));
    }
}
