//! Versions of Istio with holes that the filter cannot close.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::Node;

use super::object::{Cluster, Pods, at, list, text};
use super::{Code, Finding};

/// A release of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

const fn version(major: u32, minor: u32, patch: u32) -> Version {
    Version { major, minor, patch }
}

/// The first release of each minor one that has the fixes; what is older than all of them gets none.
const FIXED: [Version; 3] = [version(1, 28, 10), version(1, 29, 6), version(1, 30, 3)];
/// The first that knows `TrafficExtension`.
const TRAFFIC_EXTENSION: Version = version(1, 30, 0);
/// The first whose waypoints survive a plugin that targets a `Service`.
const WAYPOINT_SERVICE: Version = version(1, 30, 3);

impl Version {
    /// Reads the tag of an image: `1.30.3`, `1.30.3-distroless`, `1.29-alpha.1`.
    fn of_image(image: &str) -> Option<Self> {
        let (before, _) = image.split_once('@').unwrap_or((image, ""));
        let (_, tag) = before.rsplit_once(':')?;
        let plain = tag.trim_start_matches('v').split(['-', '+', '_']).next()?;
        let mut numbers = plain.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (numbers.next()??, numbers.next()??);
        // Without a patch it is a build before the first release.
        Some(version(major, minor, numbers.next().flatten().unwrap_or(0)))
    }

    fn is_fixed(self) -> bool {
        match FIXED.iter().find(|fixed| (fixed.major, fixed.minor) == (self.major, self.minor)) {
            Some(fixed) => self >= *fixed,
            None => FIXED.iter().all(|fixed| self > *fixed),
        }
    }
}

impl core::fmt::Display for Version {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

pub(super) fn check(cluster: &Cluster<'_>, findings: &mut Diagnostics<Code>) {
    let all = || cluster.pods.iter().chain(&cluster.running);
    // Of the many pods with one image, the first stands for all.
    let mut seen: Vec<String> = Vec::new();
    for pods in all().filter(|pods| cluster.is_governed(pods) || is_control_plane(pods)) {
        let container = if is_control_plane(pods) { discovery(pods) } else { pods.proxy() };
        let Some((image, span)) = container.and_then(image) else { continue };
        if seen.contains(&image) {
            continue;
        }
        let title = pods.object.title();
        match Version::of_image(&image) {
            Some(version) if version.is_fixed() => {}
            Some(version) => {
                let message = format!("{title} runs Istio {version}, which has known holes");
                let finding = Finding::new(Code::OldProxy, span, message);
                findings.push(finding.help("upgrade to 1.28.10, 1.29.6, 1.30.3 or newer"));
            }
            None => {
                let message = format!("the version of Istio in {title} cannot be told from its image");
                findings.push(Finding::new(Code::UnknownVersion, span, message));
            }
        }
        seen.push(image);
    }
    let control_plane = all()
        .filter(|pods| is_control_plane(pods))
        .filter_map(|pods| Version::of_image(&image(discovery(pods)?)?.0))
        .min();
    if let Some(version) = control_plane {
        objects(cluster, version, findings);
    }
}

/// What a control plane of this version does not take.
fn objects(cluster: &Cluster<'_>, version: Version, findings: &mut Diagnostics<Code>) {
    for plugin in &cluster.plugins {
        let object = &plugin.object;
        if object.kind == "TrafficExtension" && version < TRAFFIC_EXTENSION {
            let message = format!("{} is ignored by Istio {version}", object.title());
            findings.push(Finding::new(Code::NoTrafficExtension, object.span, message));
        }
        let targets = list(object.node, &["spec", "targetRefs"]);
        let target = targets.iter().find(|target| text(target, &["kind"]) == Some("Service"));
        if let Some(target) = target.filter(|_| version < WAYPOINT_SERVICE) {
            let message = format!("{} targets a service, with Istio {version}", object.title());
            findings.push(Finding::new(Code::WaypointCrash, target.span, message));
        }
    }
}

fn is_control_plane(pods: &Pods<'_>) -> bool {
    pods.labels.get("app") == Some(&"istiod") && discovery(pods).is_some()
}

fn discovery<'n>(pods: &Pods<'n>) -> Option<&'n Node> {
    let containers = list(pods.template, &["spec", "containers"]);
    containers.iter().find(|container| text(container, &["name"]) == Some("discovery"))
}

fn image(container: &Node) -> Option<(String, Span)> {
    let node = at(container, &["image"])?;
    Some((text(container, &["image"])?.to_owned(), node.span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_versions() {
        for (image, expected) in [
            ("istio/proxyv2:1.30.3", Some((1, 30, 3))),
            ("r.example:5000/istio/proxyv2:1.28.10-distroless", Some((1, 28, 10))),
            ("r.example/proxyv2:v1.29.6@sha256:abc", Some((1, 29, 6))),
            ("r.example/proxyv2:1.31-alpha.1", Some((1, 31, 0))),
            ("r.example/proxyv2:latest", None),
            ("r.example:5000/proxyv2", None),
            ("r.example/proxyv2@sha256:abc", None),
            ("auto", None),
        ] {
            let expected = expected.map(|(major, minor, patch)| version(major, minor, patch));
            assert_eq!(Version::of_image(image), expected, "{image}");
        }
    }

    #[test]
    fn each_minor_release_has_its_own_fix() {
        let check = |version: Version, fixed: bool| assert_eq!(version.is_fixed(), fixed, "{version}");
        check(version(1, 27, 99), false);
        check(version(1, 28, 9), false);
        check(version(1, 28, 10), true);
        check(version(1, 29, 5), false);
        check(version(1, 29, 6), true);
        check(version(1, 30, 2), false);
        check(version(1, 30, 3), true);
        check(version(1, 31, 0), true);
        check(version(2, 0, 0), true);
        check(version(0, 99, 0), false);
    }
}
