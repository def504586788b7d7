//! What lets an agent call outside what is not on its list: no plugin where the list leads, and other ways than those.

use std::collections::BTreeSet;

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::model::{Egress, HostPattern, Mode};
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::Node;

use super::object::{Cluster, Labels, Object, Pods, at, labels, list, text, within};
use super::plugin::{Plugin, Role};
use super::{Code, Finding};
use crate::render::{DOMAIN, Reach};

/// What is known of the bounds of some pods.
struct Bound<'n> {
    /// The list, if the policy is given.
    list: Option<&'n Egress>,
    /// Whether they are held to it, and not only watched.
    is_held: bool,
}

pub(super) fn check(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let is_behind_waypoint = cluster.plugins.iter().any(|plugin| plugin.is_waypoint() && plugin.covers(pods));
    let Some(bound) = bound(cluster, pods).filter(|_| !is_behind_waypoint) else { return };
    plugins(cluster, pods, &bound, findings);
    entries(cluster, pods, &bound, findings);
    if bound.is_held {
        sidecar(cluster, pods, findings);
        network_policy(cluster, pods, findings);
    }
}

fn bound<'n>(cluster: &Cluster<'n>, pods: &Pods<'_>) -> Option<Bound<'n>> {
    if let Some((policy, agents)) = cluster.policy.zip(cluster.agents) {
        let agent = agents.of(&pods.workload).filter(|agent| agent.stamping)?;
        let list = agent.egress.as_ref()?;
        let mode = list.mode.or(agent.mode).unwrap_or(policy.mesh.mode);
        return Some(Bound { list: Some(list), is_held: mode == Mode::Enforce });
    }
    let word = outbound(cluster, pods).find_map(|plugin| {
        let path = ["metadata", "annotations"];
        at(plugin.object.node, &path).and_then(|node| text(node, &[&format!("{DOMAIN}/egress")]))
    })?;
    // Without a list of its own, only lists of others count, for whom it calls.
    (word != "unlisted").then(|| Bound { list: None, is_held: word == "enforce" })
}

fn outbound<'a, 'n>(cluster: &'a Cluster<'n>, pods: &'a Pods<'_>) -> impl Iterator<Item = &'a Plugin<'n>> {
    cluster.plugins.iter().filter(|plugin| plugin.role == Role::Outbound && plugin.selects(pods))
}

/// Whether a plugin judges each way that the list leads.
fn plugins(cluster: &Cluster<'_>, pods: &Pods<'_>, bound: &Bound<'_>, findings: &mut Diagnostics<Code>) {
    let title = pods.object.title();
    // Where there is none at all, that is said already.
    if let Some(plugin) = outbound(cluster, pods).next()
        && !outbound(cluster, pods).any(|plugin| plugin.has_policy)
    {
        let message = format!("{} holds no policy for what {title} calls outside", plugin.object.title());
        findings.push(
            Finding::new(Code::EgressNotJudged, plugin.object.span, message)
                .help("render the policy, and apply what comes of it"),
        );
    }
    let Some(reach) = bound.list.and_then(|list| Reach::of(&pods.workload, list).ok()) else { return };
    let mut ports = reach.connection_ports();
    for plugin in cluster.plugins.iter().filter(|plugin| plugin.role == Role::Network && plugin.selects(pods))
    {
        match plugin.ports() {
            Some(covered) => ports.retain(|port| !covered.contains(port)),
            None => ports.clear(),
        }
    }
    if !ports.is_empty() {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let word = if ports.len() > 1 { "ports" } else { "port" };
        let message = format!("no plugin judges connections of {title} on {word} {}", ports.join(", "));
        findings.push(Finding::new(Code::EgressNoConnections, pods.object.span, message));
    }
}

/// How what is on the list is registered.
fn entries(cluster: &Cluster<'_>, pods: &Pods<'_>, bound: &Bound<'_>, findings: &mut Diagnostics<Code>) {
    let namespace = pods.object.namespace;
    let mut registered: BTreeSet<String> = BTreeSet::new();
    for entry in cluster.of(&["ServiceEntry"]).filter(|entry| is_exported(entry, namespace)) {
        let hosts = list(entry.node, &["spec", "hosts"]).iter().filter_map(|host| text(host, &[]));
        let hosts: Vec<&str> =
            hosts.filter(|host| is_listed(bound, entry.namespace == namespace, host)).collect();
        registered.extend(hosts.iter().map(|host| (*host).to_owned()));
        let Some(host) = hosts.first() else { continue };
        let resolution = at(entry.node, &["spec", "resolution"]);
        let span = resolution.map_or(entry.span, |node| node.span);
        // Without any, it is none. With addresses, the listener takes no others.
        let is_none = text(entry.node, &["spec", "resolution"]).is_none_or(|word| word == "NONE");
        if is_none && list(entry.node, &["spec", "addresses"]).is_empty() {
            let message =
                format!("calls of `{namespace}` to `{host}` go to whatever address the application chooses");
            findings.push(Finding::new(Code::EgressUnresolved, span, message));
        }
        if let Some(host) = hosts.iter().find(|host| host.starts_with("*.")) {
            let message = format!(
                "agents of `{namespace}` may call any name below `{}`",
                host.trim_start_matches("*.")
            );
            findings.push(Finding::new(Code::EgressWildcard, entry.span, message));
        }
    }
    let Some(reach) = bound.list.and_then(|list| Reach::of(&pods.workload, list).ok()) else { return };
    let missing: Vec<String> =
        reach.0.keys().map(|target| target.host()).filter(|host| !registered.contains(host)).collect();
    if let Some(host) = missing.first() {
        let more = if missing.len() > 1 {
            format!(", and {} more", missing.len().saturating_sub(1))
        } else {
            String::new()
        };
        let message = format!("no `ServiceEntry` registers `{host}` for {}{more}", pods.object.title());
        findings.push(Finding::new(Code::EgressUnregistered, pods.object.span, message));
    }
}

/// Whether a namespace sees an entry.
fn is_exported(entry: &Object<'_>, namespace: &str) -> bool {
    let to = list(entry.node, &["spec", "exportTo"]);
    let is_one = |one: &Node| matches!(text(one, &[]), Some(word) if word == "*" || word == namespace || (word == "." && entry.namespace == namespace));
    to.is_empty() || to.iter().any(is_one)
}

/// Whether a host is one that the list leads to; where the list is not given, whether its namespace registers it.
fn is_listed(bound: &Bound<'_>, is_here: bool, host: &str) -> bool {
    let Some(list) = bound.list else { return is_here };
    let host = match host.strip_prefix("*.") {
        Some(name) => HostPattern::Below(name.to_owned()),
        None => HostPattern::Exact(host.to_owned()),
    };
    list.allow.iter().filter_map(|one| one.host.as_ref()).any(|own| own.covers(&host) || host.covers(own))
        || matches!(&host, HostPattern::Exact(name) if name.ends_with(".cidr.ambit.internal"))
}

/// The nearest `Sidecar` must let the proxy know the list, and nothing else.
fn sidecar(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let title = pods.object.title();
    let rank = |sidecar: &Object<'_>| {
        let selector = labels(sidecar.node, &["spec", "workloadSelector", "labels"]);
        let is_here = sidecar.namespace == pods.object.namespace;
        match (is_here, selector.is_empty(), sidecar.namespace == cluster.root_namespace) {
            (true, false, _) => within(&selector, &pods.labels).then_some(0),
            (true, true, _) => Some(1),
            (false, true, true) => Some(2),
            (false, ..) => None,
        }
    };
    let mut counting: Vec<(i32, Object<'_>)> =
        cluster.of(&["Sidecar"]).filter_map(|sidecar| Some((rank(&sidecar)?, sidecar))).collect();
    counting.sort_by_key(|(rank, _)| *rank);
    let Some((nearest, first)) = counting.first() else {
        let message = format!("no `Sidecar` closes what {title} may not call");
        findings.push(Finding::new(Code::EgressOpen, pods.object.span, message));
        return;
    };
    if let Some((_, second)) = counting.iter().skip(1).find(|(rank, _)| rank == nearest) {
        let message = format!("{} counts for {title} as well as another", second.title());
        findings.push(
            Finding::new(Code::EgressTwoSidecars, second.span, message).also(first.span, "the other one"),
        );
    }
    let mode = ["spec", "outboundTrafficPolicy", "mode"];
    if text(first.node, &mode) != Some("REGISTRY_ONLY") {
        let span = at(first.node, &mode).map_or(first.span, |node| node.span);
        let message = format!("{} lets {title} call what is not registered", first.title());
        findings.push(Finding::new(Code::EgressOpen, span, message));
    }
    for listener in list(first.node, &["spec", "egress"]) {
        let is_wide = |host: &&Node| text(host, &[]).is_some_and(|host| host.ends_with("/*"));
        if let Some(host) = list(listener, &["hosts"]).iter().find(is_wide) {
            let message = format!(
                "`{}` lets {title} call whatever is registered there",
                text(host, &[]).unwrap_or_default()
            );
            findings.push(Finding::new(Code::EgressWideSidecar, host.span, message));
        }
    }
}

/// Some `NetworkPolicy` must close the way around the proxy, and none may open it again.
fn network_policy(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let title = pods.object.title();
    let counts = |policy: &Object<'_>| {
        let selector: Labels<'_> = labels(policy.node, &["spec", "podSelector", "matchLabels"]);
        // What is selected in other words may be them as well, and is not counted on.
        let is_plain = list(policy.node, &["spec", "podSelector", "matchExpressions"]).is_empty();
        let types = list(policy.node, &["spec", "policyTypes"]);
        let is_egress = types.iter().any(|word| text(word, &[]) == Some("Egress"));
        policy.namespace == pods.object.namespace && is_egress && is_plain && within(&selector, &pods.labels)
    };
    let mut policies = cluster.of(&["NetworkPolicy"]).filter(counts).peekable();
    if policies.peek().is_none() {
        let message = format!("no `NetworkPolicy` closes the way around the sidecar of {title}");
        findings.push(Finding::new(Code::EgressNoNetworkPolicy, pods.object.span, message));
    }
    for policy in policies {
        if let Some(span) = list(policy.node, &["spec", "egress"]).iter().find_map(opens) {
            let message = format!("{} lets {title} reach everything", policy.title());
            findings.push(Finding::new(Code::EgressWideNetworkPolicy, span, message));
        }
    }
}

/// Where a rule lets out everything: to anyone, or to every address at every port.
fn opens(rule: &Node) -> Option<Span> {
    if list(rule, &["to"]).is_empty() {
        return Some(rule.span);
    }
    let is_everywhere = |peer: &&Node| {
        text(peer, &["ipBlock", "cidr"]).is_some_and(|cidr| matches!(cidr, "0.0.0.0/0" | "::/0"))
    };
    let ports = list(rule, &["ports"]);
    list(rule, &["to"]).iter().find(is_everywhere).filter(|_| ports.is_empty()).map(|peer| peer.span)
}
