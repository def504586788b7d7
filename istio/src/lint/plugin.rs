//! Our plugins as they are in the cluster, each for itself.

use std::collections::BTreeSet;

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::model::Workload;
use ambit_compiler::source::Span;
use ambit_compiler::syntax::node::Node;

use super::object::{Cluster, Labels, Object, Pods, at, labels, list, text, within};
use super::{Code, Finding};

/// One of our plugins.
pub(super) struct Plugin<'n> {
    pub(super) object: Object<'n>,
    /// Which workload it says that it is for.
    pub(super) workload: Option<Workload>,
    pub(super) role: Role,
    /// Whether it holds a policy.
    pub(super) has_policy: bool,
    /// Its lineage settings, as text that can be compared, and whether the secret is still a placeholder.
    pub(super) lineage: Option<Lineage>,
    target: Target<'n>,
    wasm: Option<&'n Node>,
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Judges requests to a workload.
    Inbound,
    /// Stamps the calls of one, and judges those to the outside.
    Outbound,
    /// Judges its connections to the outside.
    Network,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lineage {
    text: String,
    is_placeholder: bool,
    span: Span,
}

enum Target<'n> {
    Pods(Labels<'n>),
    Waypoint,
}

impl Role {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Network => "network",
        }
    }
}

impl<'n> Plugin<'n> {
    /// Reads an object that is one of ours: by its annotation, or by what it calls the plugin.
    pub(super) fn read(object: Object<'n>) -> Option<Self> {
        let workload = object.workload();
        if object.kind == "EnvoyFilter" {
            return Self::in_envoy_filter(object, workload?);
        }
        let wasm = match object.kind {
            "TrafficExtension" => at(object.node, &["spec", "wasm"]),
            _ => at(object.node, &["spec"]),
        };
        let name = wasm.and_then(|wasm| text(wasm, &["pluginName"])).unwrap_or_default();
        if workload.is_none() && !name.starts_with("ambit-") {
            return None;
        }
        let config = wasm.and_then(|wasm| at(wasm, &["pluginConfig"]));
        let role = config.and_then(|config| text(config, &["role"]));
        let is_targeted = at(object.node, &["spec", "targetRefs"]).is_some()
            || at(object.node, &["spec", "targetRef"]).is_some();
        Some(Self {
            object,
            workload,
            role: match role.or(name.strip_prefix("ambit-")) {
                Some("outbound") => Role::Outbound,
                Some("network") => Role::Network,
                _ => Role::Inbound,
            },
            has_policy: config
                .is_some_and(|config| text(config, &["policy"]).is_some_and(|text| !text.is_empty())),
            lineage: config.and_then(lineage),
            target: if is_targeted {
                Target::Waypoint
            } else {
                Target::Pods(labels(object.node, &["spec", "selector", "matchLabels"]))
            },
            wasm,
        })
    }

    fn in_envoy_filter(object: Object<'n>, workload: Workload) -> Option<Self> {
        let config = list(object.node, &["spec", "configPatches"]).iter().find_map(|patch| {
            let path = ["patch", "value", "typed_config", "config", "configuration", "value"];
            at(patch, &path).map(|node| (node, text(patch, &path).unwrap_or_default()))
        });
        let (node, config) = config?;
        let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
        let lineage = config.get("lineage").map(|lineage| Lineage {
            text: lineage.to_string(),
            is_placeholder: lineage
                .get("secret")
                .and_then(|secret| secret.as_str())
                .is_some_and(is_placeholder),
            span: node.span,
        });
        Some(Self {
            object,
            workload: Some(workload),
            role: Role::Inbound,
            has_policy: config.get("policy").is_some(),
            lineage,
            target: Target::Pods(labels(object.node, &["spec", "workloadSelector", "labels"])),
            wasm: None,
        })
    }

    pub(super) fn is_waypoint(&self) -> bool {
        matches!(self.target, Target::Waypoint)
    }

    pub(super) const fn is_inbound(&self) -> bool {
        matches!(self.role, Role::Inbound)
    }

    /// The ports that it is for; none: all.
    pub(super) fn ports(&self) -> Option<BTreeSet<u16>> {
        let matches = list(self.object.node, &["spec", "match"]);
        if matches.iter().any(|one| at(one, &["ports"]).is_none()) {
            return None;
        }
        let ports = matches.iter().flat_map(|one| list(one, &["ports"]));
        Some(ports.filter_map(|port| text(port, &["number"])?.parse().ok()).collect())
    }

    /// Whether it runs in the sidecars of some pods.
    pub(super) fn selects(&self, pods: &Pods<'_>) -> bool {
        match &self.target {
            Target::Pods(labels) => {
                self.object.namespace == pods.object.namespace && within(labels, &pods.labels)
            }
            Target::Waypoint => false,
        }
    }

    /// Whether it judges what comes to some pods, in their sidecars or before them.
    pub(super) fn covers(&self, pods: &Pods<'_>) -> bool {
        self.selects(pods) || (self.is_waypoint() && self.workload.as_ref() == Some(&pods.workload))
    }

    /// A place in the plugin, or else its name.
    fn place(&self, path: &[&str]) -> Span {
        self.wasm.and_then(|wasm| at(wasm, path)).map_or(self.object.span, |node| node.span)
    }
}

fn lineage(config: &Node) -> Option<Lineage> {
    let node = at(config, &["lineage"])?;
    let said: Vec<String> = ["secret", "windowMs", "strict", "hide"]
        .iter()
        .map(|key| format!("{key}={}", text(node, &[key]).unwrap_or_default()))
        .chain(list(node, &["mesh"]).iter().map(|suffix| text(suffix, &[]).unwrap_or_default().to_owned()))
        .collect();
    let secret = at(node, &["secret"]);
    Some(Lineage {
        text: said.join(" "),
        is_placeholder: text(node, &["secret"]).is_some_and(is_placeholder),
        span: secret.map_or(node.span, |secret| secret.span),
    })
}

fn is_placeholder(secret: &str) -> bool {
    secret.contains("${")
}

pub(super) fn check(cluster: &Cluster<'_>, findings: &mut Diagnostics<Code>) {
    for plugin in &cluster.plugins {
        let mut say = |code, span, message: String| findings.push(Finding::new(code, span, message));
        let title = plugin.object.title();
        if plugin.is_inbound() && !plugin.has_policy {
            say(
                Code::NoPolicy,
                plugin.place(&["pluginConfig"]),
                format!("{title} holds no policy: it denies everything"),
            );
        }
        if let Some(lineage) = plugin.lineage.as_ref().filter(|lineage| lineage.is_placeholder) {
            let message = format!("the lineage secret of {title} is still a placeholder");
            say(Code::PlaceholderLeft, lineage.span, message);
        }
        if plugin.wasm.is_some() {
            fields(plugin, &title, &mut say);
        }
    }
    pairs(cluster, findings);
}

fn fields(plugin: &Plugin<'_>, title: &str, say: &mut dyn FnMut(Code, Span, String)) {
    let wasm = |path: &[&str]| plugin.wasm.and_then(|wasm| text(wasm, path));
    match wasm(&["failStrategy"]) {
        Some("FAIL_RELOAD") => {}
        Some("FAIL_OPEN") => {
            say(Code::FailOpen, plugin.place(&["failStrategy"]), format!("{title} fails open"));
        }
        _ => say(
            Code::NotReloaded,
            plugin.place(&["failStrategy"]),
            format!("{title} is not made anew after a crash: `failStrategy` is not `FAIL_RELOAD`"),
        ),
    }
    let spec = plugin.object.node;
    let matches = list(spec, &["spec", "match"]);
    let wanted = if plugin.is_inbound() { "SERVER" } else { "CLIENT" };
    let runs = |one: &Node| matches!(text(one, &["mode"]), Some(mode) if mode == wanted);
    if !plugin.is_waypoint() && (matches.is_empty() || !matches.iter().all(runs)) {
        let span = at(spec, &["spec", "match"]).map_or(plugin.object.span, |node| node.span);
        let message =
            format!("{title} plays the {} role, and not only in mode `{wanted}`", plugin.role.word());
        say(Code::WrongDirection, span, message);
    }
    // Of connections, it is meant for those ports only that are not HTTP.
    let of_requests = plugin.role != Role::Network;
    if let Some(ports) = matches.iter().find_map(|one| at(one, &["ports"])).filter(|_| of_requests) {
        say(
            Code::MatchPorts,
            ports.span,
            format!("{title} is left out on all ports but those that it lists"),
        );
    }
    if text(spec, &["spec", "phase"]) != Some("AUTHZ") {
        let span = at(spec, &["spec", "phase"]).map_or(plugin.object.span, |node| node.span);
        say(Code::WrongPhase, span, format!("{title} is not in the phase `AUTHZ`"));
    }
    let url = wasm(&["url"]).unwrap_or_default();
    match (url.split_once("@sha256:"), wasm(&["sha256"])) {
        (None, _) if !url.starts_with("file:") => {
            say(Code::NotPinned, plugin.place(&["url"]), format!("the image of {title} has no digest"));
        }
        (Some((_, digest)), Some(said)) if !said.is_empty() && said != digest => {
            say(Code::DigestMismatch, plugin.place(&["sha256"]), format!("{title} names two digests"));
        }
        _ => {}
    }
}

/// Roles of one workload that do not go together.
fn pairs(cluster: &Cluster<'_>, findings: &mut Diagnostics<Code>) {
    for (place, one) in cluster.plugins.iter().enumerate() {
        for other in cluster.plugins.iter().skip(place.saturating_add(1)) {
            let (Some(left), Some(right)) = (&one.lineage, &other.lineage) else { continue };
            let is_pair = one.workload.is_some()
                && one.workload == other.workload
                && one.role != other.role
                // One of ours in an `EnvoyFilter` writes the same in other words.
                && one.object.kind == other.object.kind;
            if is_pair && left.text != right.text {
                let message = format!(
                    "the lineage settings of {} differ from those of the other role",
                    one.object.title()
                );
                findings.push(
                    Finding::new(Code::SecretsDiffer, right.span, message)
                        .also(left.span, "the other role's"),
                );
            }
        }
    }
}
