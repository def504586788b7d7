//! Ports on which a peer can go around HTTP filters, and what closes them.
//!
//! An HTTP filter runs on HTTP chains alone, and on a port whose protocol is sniffed the peer chooses the chain (host
//! facts, 1.5). What closes that is an `AuthorizationPolicy` whose every `ALLOW` rule asks for something that only HTTP
//! has: on other chains istiod leaves such rules out, and allows nothing.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::syntax::node::{Node, Value};

use super::object::{Cluster, Object, Pods, at, labels, list, map, text, within};
use super::{Code, Finding};

/// How the protocol of a port is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    Sniffed,
    /// Not HTTP.
    Other,
}

pub(super) fn check(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let is_judged = cluster.plugins.iter().any(|plugin| plugin.is_inbound() && plugin.selects(pods));
    if !is_judged {
        return;
    }
    let closed = Closed::of(cluster, pods);
    let title = pods.object.title();
    if !closed.covers(None) {
        let message = format!("nothing closes the ports of {title} that no service declares");
        findings.push(Finding::new(Code::OpenPorts, pods.object.span, message));
    }
    let kinds = ["Service"];
    let services = cluster.of(&kinds).filter(|service| selects(service, pods));
    for service in services {
        for port in list(service.node, &["spec", "ports"]) {
            let target = target_port(port, pods);
            if text(port, &["protocol"]) == Some("UDP")
                || target.is_some_and(|port| closed.covers(Some(port)))
            {
                continue;
            }
            let number = text(port, &["port"]).unwrap_or("?");
            let of = format!("port {number} of {}", service.title());
            let place =
                at(port, &["name"]).or_else(|| at(port, &["port"])).map_or(port.span, |node| node.span);
            let finding = match protocol(port) {
                Protocol::Http => continue,
                Protocol::Sniffed => Finding::new(
                    Code::AutoPort,
                    place,
                    format!("{of} is not declared HTTP, and leads to {title}"),
                )
                .help("set `appProtocol: http`"),
                Protocol::Other => Finding::new(
                    Code::TcpPort,
                    place,
                    format!("{of} is declared as another protocol than HTTP, and leads to {title}"),
                ),
            };
            findings.push(finding);
        }
    }
}

fn selects(service: &Object<'_>, pods: &Pods<'_>) -> bool {
    let selector = labels(service.node, &["spec", "selector"]);
    service.namespace == pods.object.namespace && !selector.is_empty() && within(&selector, &pods.labels)
}

/// As istiod reads it: `appProtocol`, and else what the name begins with.
fn protocol(port: &Node) -> Protocol {
    let name = text(port, &["name"]).unwrap_or_default();
    let begin =
        if name.starts_with("grpc-web") { "grpc-web" } else { name.split('-').next().unwrap_or_default() };
    match text(port, &["appProtocol"]).unwrap_or(begin) {
        "http" | "http2" | "grpc" | "grpc-web" | "kubernetes.io/h2c" | "kubernetes.io/ws" => Protocol::Http,
        "tcp" | "tls" | "https" | "mongo" | "mysql" | "redis" | "kubernetes.io/wss" => Protocol::Other,
        _ => Protocol::Sniffed,
    }
}

/// The port of the pods that a service's port leads to.
fn target_port(port: &Node, pods: &Pods<'_>) -> Option<u16> {
    let target = text(port, &["targetPort"]).or_else(|| text(port, &["port"]))?;
    if let Ok(number) = target.parse() {
        return Some(number);
    }
    pods.containers()
        .flat_map(|container| list(container, &["ports"]))
        .find(|port| text(port, &["name"]) == Some(target))
        .and_then(|port| text(port, &["containerPort"])?.parse().ok())
}

/// What is closed to bytes that are not HTTP.
struct Closed {
    /// Whether some `ALLOW` policy counts, so that what no rule allows is denied.
    is_by_default: bool,
    /// Ports that a rule opens all the same; `None` opens all.
    opened: Vec<Option<u16>>,
    /// What a `DENY` policy leaves open, each: all other ports are closed.
    denied_but: Vec<Vec<u16>>,
}

impl Closed {
    fn of(cluster: &Cluster<'_>, pods: &Pods<'_>) -> Self {
        let mut closed = Self { is_by_default: false, opened: Vec::new(), denied_but: Vec::new() };
        let kinds = ["AuthorizationPolicy"];
        for policy in cluster.of(&kinds).filter(|policy| cluster.counts(policy, pods).is_some()) {
            let is_dry_run = policy.annotation("istio.io/dry-run").is_some_and(
                |entry| matches!(&entry.value.value, Value::Scalar(scalar) if scalar.text == "true"),
            );
            if is_dry_run {
                continue;
            }
            let rules = list(policy.node, &["spec", "rules"]);
            match text(policy.node, &["spec", "action"]).unwrap_or("ALLOW") {
                "ALLOW" => {
                    closed.is_by_default = true;
                    closed.opened.extend(rules.iter().filter(|rule| !is_http_only(rule)).flat_map(ports));
                }
                "DENY" => closed.denied_but.extend(rules.iter().filter_map(left_open)),
                _ => {}
            }
        }
        closed
    }

    /// Whether a port is closed; `None` stands for any that no service declares.
    fn covers(&self, port: Option<u16>) -> bool {
        let is_opened =
            self.opened.iter().any(|opened| opened.is_none() || (port.is_some() && *opened == port));
        let is_denied = self.denied_but.iter().any(|but| port.is_none_or(|port| !but.contains(&port)));
        is_denied || (self.is_by_default && !is_opened)
    }
}

/// Whether a rule asks for something that only HTTP has: istiod then leaves all of it out elsewhere.
fn is_http_only(rule: &Node) -> bool {
    let of_operation = ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];
    let of_source = ["requestPrincipals", "notRequestPrincipals"];
    let any = |items: &[Node], inner: &str, keys: &[&str]| {
        items.iter().any(|item| keys.iter().any(|key| !list(item, &[inner, key]).is_empty()))
    };
    any(list(rule, &["to"]), "operation", &of_operation)
        || any(list(rule, &["from"]), "source", &of_source)
        || list(rule, &["when"])
            .iter()
            .any(|when| text(when, &["key"]).is_some_and(|key| key.starts_with("request.")))
}

/// The ports that a rule of an `ALLOW` policy opens.
fn ports(rule: &Node) -> Vec<Option<u16>> {
    let operations = list(rule, &["to"]);
    if operations.is_empty() {
        return vec![None];
    }
    let of = |operation: &Node| -> Vec<Option<u16>> {
        let listed = numbers(list(operation, &["operation", "ports"]));
        if listed.is_empty() { vec![None] } else { listed.into_iter().map(Some).collect() }
    };
    operations.iter().flat_map(of).collect()
}

/// The ports that a rule of a `DENY` policy does not deny, if it denies all others to everyone.
fn left_open(rule: &Node) -> Option<Vec<u16>> {
    let is_for_all = list(rule, &["from"]).is_empty() && list(rule, &["when"]).is_empty();
    let [operation] = list(rule, &["to"]) else { return None };
    let is_plain = map(operation, &["operation"]).iter().all(|entry| entry.key.value == "notPorts");
    (is_for_all && is_plain).then(|| numbers(list(operation, &["operation", "notPorts"])))
}

fn numbers(items: &[Node]) -> Vec<u16> {
    items.iter().filter_map(|item| text(item, &[])?.parse().ok()).collect()
}
