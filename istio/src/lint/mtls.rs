//! Whether mTLS is strict where it is relied upon.

use ambit_compiler::diagnostics::Diagnostics;

use super::object::{Cluster, Object, Pods, Reach, at, map, text};
use super::{Code, Finding};

pub(super) fn check(cluster: &Cluster<'_>, pods: &Pods<'_>, findings: &mut Diagnostics<Code>) {
    let title = pods.object.title();
    let counting = |reach: Reach| -> Vec<Object<'_>> {
        let kinds = ["PeerAuthentication"];
        cluster.of(&kinds).filter(|object| cluster.counts(object, pods) == Some(reach)).collect()
    };
    let near = counting(Reach::Workload);
    if let [first, second, ..] = near.as_slice() {
        let message = format!("{title} has several mTLS policies of its own");
        findings
            .push(Finding::new(Code::MtlsAmbiguous, second.span, message).also(first.span, "the other one"));
    }
    for object in &near {
        exceptions(object, &title, findings);
    }
    // The nearest that says something counts.
    let said = [Reach::Workload, Reach::Namespace, Reach::Mesh]
        .into_iter()
        .flat_map(counting)
        .find(|object| mode(object).is_some());
    match said.map(|object| (object, mode(&object).unwrap_or_default())) {
        Some((_, "STRICT")) => {}
        Some((object, mode)) => {
            let span = at(object.node, &["spec", "mtls", "mode"]).map_or(object.span, |node| node.span);
            let message = format!("mTLS of {title} is `{mode}`");
            findings
                .push(Finding::new(Code::MtlsNotStrict, span, message).help("set `mtls.mode` to `STRICT`"));
        }
        None => {
            let message = format!("no `PeerAuthentication` makes mTLS of {title} strict");
            findings.push(Finding::new(Code::MtlsUnset, pods.object.span, message));
        }
    }
}

/// The mode of an object; none if it leaves that to the next.
fn mode<'n>(object: &Object<'n>) -> Option<&'n str> {
    text(object.node, &["spec", "mtls", "mode"]).filter(|mode| *mode != "UNSET")
}

fn exceptions(object: &Object<'_>, title: &str, findings: &mut Diagnostics<Code>) {
    for entry in map(object.node, &["spec", "portLevelMtls"]) {
        if let Some(mode @ ("PERMISSIVE" | "DISABLE")) = text(&entry.value, &["mode"]) {
            let message = format!("mTLS of {title} is `{mode}` on port {}", entry.key.value);
            findings.push(Finding::new(Code::MtlsPortException, entry.key.span, message));
        }
    }
}
