//! Which pods have which roles, and which plugins have pods.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::syntax::node::Node;

use super::object::{Cluster, Object, Pods, at, labels, list, text, within};
use super::plugin::{Plugin, Role};
use super::{Code, Finding};

pub(super) fn check(cluster: &Cluster<'_>, findings: &mut Diagnostics<Code>) {
    for pods in cluster.governed() {
        roles(cluster, pods, findings);
    }
    for plugin in &cluster.plugins {
        let namespace = plugin.object.namespace;
        let mut near = cluster.pods.iter().filter(|pods| pods.object.namespace == namespace).peekable();
        if !plugin.is_waypoint() && near.peek().is_some() && !near.any(|pods| plugin.selects(pods)) {
            let message = format!("{} selects no pods of `{namespace}`", plugin.object.title());
            findings.push(Finding::new(Code::SelectsNothing, plugin.object.span, message));
        }
    }
    for filter in cluster.of(&["EnvoyFilter"]) {
        if filter.workload().is_none() && changes_filters(&filter) {
            foreign_patch(cluster, &filter, findings);
        }
    }
}

fn roles(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let title = pods.object.title();
    let account = &pods.workload.service_account;
    let here =
        |role: Role| cluster.plugins.iter().filter(move |plugin| plugin.role == role && plugin.covers(pods));
    if cluster.serves(&pods.workload) && here(Role::Inbound).next().is_none() {
        let message = format!("no inbound plugin selects the pods of {title}, which run as `{account}`");
        let meant = cluster
            .plugins
            .iter()
            .find(|plugin| plugin.is_inbound() && plugin.workload.as_ref() == Some(&pods.workload));
        let finding = Finding::new(Code::NotCovered, pods.object.span, message);
        findings.push(match meant {
            Some(plugin) => finding.also(plugin.object.span, "its labels are others"),
            None => finding.help("render the policy, and apply what comes of it"),
        });
    }
    if cluster.stamps(&pods.workload) && here(Role::Outbound).next().is_none() {
        let message = format!(
            "no outbound plugin selects the pods of {title}, and others believe that `{account}` stamps its calls"
        );
        findings.push(Finding::new(Code::NotStamped, pods.object.span, message));
    }
    for role in [Role::Inbound, Role::Outbound, Role::Network] {
        let plugins: Vec<&Plugin<'_>> = here(role).filter(|plugin| !plugin.is_waypoint()).collect();
        if let [first, second, ..] = plugins.as_slice() {
            let message = format!("two {} plugins select the pods of {title}", first.role.word());
            findings.push(
                Finding::new(Code::TwoPlugins, second.object.span, message)
                    .also(first.object.span, "the other one"),
            );
        }
    }
}

/// Whether an `EnvoyFilter` may take away what others have put in.
fn changes_filters(filter: &Object<'_>) -> bool {
    let takes_away = |patch: &Node| {
        let subject = text(patch, &["applyTo"]).unwrap_or_default();
        let operation = text(patch, &["patch", "operation"]).unwrap_or_default();
        matches!(subject, "HTTP_FILTER" | "NETWORK_FILTER" | "FILTER_CHAIN" | "LISTENER" | "EXTENSION_CONFIG")
            && matches!(operation, "REMOVE" | "REPLACE")
    };
    list(filter.node, &["spec", "configPatches"]).iter().any(takes_away)
}

fn foreign_patch(cluster: &Cluster<'_>, filter: &Object<'_>, findings: &mut Diagnostics<Code>) {
    if at(filter.node, &["spec", "targetRefs"]).is_some() {
        return;
    }
    let selector = labels(filter.node, &["spec", "workloadSelector", "labels"]);
    let is_near = |pods: &&Pods<'_>| {
        (filter.namespace == pods.object.namespace || filter.namespace == cluster.root_namespace)
            && within(&selector, &pods.labels)
    };
    if let Some(pods) = cluster.governed().find(is_near) {
        let message = format!("{} takes away filters of {}", filter.title(), pods.object.title());
        findings.push(Finding::new(Code::ForeignPatch, filter.span, message));
    }
}
