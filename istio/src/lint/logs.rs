//! Whether access logs say what was decided where they are meant to.

use ambit_compiler::diagnostics::Diagnostics;

use super::object::{Cluster, Object, Pods, labels, within};
use super::{Code, Finding};

pub(super) fn check(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let selects = |object: &Object<'_>| {
        let selector = labels(object.node, &["spec", "selector", "matchLabels"]);
        object.namespace == pods.object.namespace && !selector.is_empty() && within(&selector, &pods.labels)
    };
    let (ours, others): (Vec<Object<'_>>, Vec<Object<'_>>) =
        cluster.of(&["Telemetry"]).filter(selects).partition(|object| object.workload().is_some());
    if let (Some(one), Some(other)) = (ours.first(), others.first()) {
        let message =
            format!("{} and {} select the pods of {}", one.title(), other.title(), pods.object.title());
        findings
            .push(Finding::new(Code::TwoTelemetries, one.span, message).also(other.span, "the other one"));
    }
}
