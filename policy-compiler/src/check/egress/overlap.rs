//! What is accepted of destinations and probably not meant.

use crate::check::condition::network;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Cidr, Denied, Destination, Egress, HostPattern, MeshEgress, Policy};

/// Warns of everything.
pub(in crate::check) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let of_agents = policy.agents.iter().filter_map(|agent| agent.egress.as_ref());
    let of_missions = policy.missions.iter().filter_map(|mission| mission.egress.as_ref());
    for egress in of_agents.chain(of_missions) {
        covered(egress, diagnostics);
        denied(egress, &policy.mesh.egress, diagnostics);
        wide(egress, diagnostics);
    }
    for agent in &policy.agents {
        if let Some(egress) = agent.egress.as_ref().filter(|_| !agent.stamping) {
            let message = format!("no sidecar holds agent `{}` to its `egress`", agent.name);
            diagnostics.push(
                Diagnostic::new(Code::EgressUnheld, egress.span, message)
                    .help("an agent with `stamping: false` has no filter of its own; calls on its behalf are still bounded"),
            );
        }
    }
    metadata(&policy.mesh.egress, diagnostics);
}

/// Entries that another one covers.
fn covered(egress: &Egress, diagnostics: &mut Diagnostics) {
    for (place, inner) in egress.allow.iter().enumerate() {
        let outer = egress.allow.iter().enumerate().find(|(other, outer)| {
            // Of two that are the same, the later one is said.
            *other != place && covers(outer, inner) && (*other < place || !covers(inner, outer))
        });
        if let Some((_, outer)) = outer {
            diagnostics.push(
                Diagnostic::new(Code::EgressCovered, inner.span, "another entry allows all of this one")
                    .also(outer.span, "this one")
                    .help("remove one of them"),
            );
        }
    }
}

/// Whether every call that `inner` allows is allowed by `outer`.
fn covers(outer: &Destination, inner: &Destination) -> bool {
    let host = match (&outer.host, &inner.host) {
        (None, _) => true,
        (Some(outer), Some(inner)) => outer.covers(inner),
        (Some(_), None) => false,
    };
    let network = match (outer.network, inner.network) {
        (None, _) => true,
        (Some(outer), Some(inner)) => contains(outer, inner),
        (Some(_), None) => false,
    };
    let ports = |of_http| inner.ports(of_http).iter().all(|port| outer.ports(of_http).contains(port));
    let methods = outer.methods.is_empty()
        || (!inner.methods.is_empty() && inner.methods.iter().all(|method| outer.methods.contains(method)));
    let path = match (&outer.path_prefix, &inner.path_prefix) {
        (None, _) => true,
        (Some(outer), Some(inner)) => {
            outer == inner
                || inner
                    .strip_prefix(outer.as_str())
                    .is_some_and(|rest| outer.ends_with('/') || rest.starts_with('/'))
        }
        (Some(_), None) => false,
    };
    // Where `outer` is about HTTP only, what `inner` allows besides is not covered.
    let kinds = (inner.is_http_only() || !outer.is_http_only()) && ports(true);
    host && network && methods && path && kinds && (inner.is_http_only() || ports(false))
}

fn contains(outer: Cidr, inner: Cidr) -> bool {
    let bits = |network: Cidr| u128::from_be_bytes(network.address);
    let shift = 128_u32.saturating_sub(u32::from(outer.prefix));
    let start = |network: Cidr| bits(network).checked_shr(shift).unwrap_or(0);
    outer.prefix <= inner.prefix && start(outer) == start(inner)
}

/// Entries that the mesh denies altogether.
fn denied(egress: &Egress, mesh: &MeshEgress, diagnostics: &mut Diagnostics) {
    for one in &egress.allow {
        let is_denied = mesh.deny.iter().any(|denied| match denied {
            Denied::Host(host) => one.host.as_ref().is_some_and(|own| host.covers(own)),
            Denied::Network(network) => one.network.is_some_and(|own| contains(*network, own)),
        });
        if !is_denied {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::EgressDenied,
            one.span,
            "the mesh denies this to everyone, so it is not allowed",
        );
        diagnostics.push(match mesh.span {
            Some(span) => diagnostic.also(span, "here").help("remove one of them"),
            None => diagnostic.help(
                "where clouds keep metadata is denied by default; `egress.deny` of the mesh says otherwise",
            ),
        });
    }
}

/// Entries of which hardly anything is outside.
fn wide(egress: &Egress, diagnostics: &mut Diagnostics) {
    for one in &egress.allow {
        let message = match (&one.host, one.network) {
            (Some(HostPattern::Below(name)), _) if !name.contains('.') => {
                format!("`*.{name}` is every name under `{name}`, whoever owns it")
            }
            (None, Some(network)) if is_half_of_all(network) => {
                String::from("the network is half of all addresses, or more")
            }
            _ => continue,
        };
        diagnostics.push(
            Diagnostic::new(Code::EgressWide, one.span, message)
                .help("name what is called; where nothing is to be bounded, leave `egress` out"),
        );
    }
}

/// `0.0.0.0/0` and `::/0`, and their halves.
fn is_half_of_all(network: Cidr) -> bool {
    let is_mapped = network.address.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    network.prefix <= 1 || (is_mapped && network.prefix <= 97)
}

/// A list that replaced the default one, and forgot what it was for.
fn metadata(mesh: &MeshEgress, diagnostics: &mut Diagnostics) {
    let Some(span) = mesh.span else { return };
    let Ok(metadata) = network::parse(super::METADATA) else { return };
    let is_denied = mesh.deny.iter().any(|denied| match denied {
        Denied::Network(network) => contains(*network, metadata),
        Denied::Host(_) => false,
    });
    if !is_denied {
        diagnostics.push(
            Diagnostic::new(Code::MetadataAllowed, span, "the addresses of cloud metadata are not denied")
                .help("this list replaces the default one: add `169.254.0.0/16`, `fd00:ec2::/32`, `100.100.100.200`, `168.63.129.16` and `metadata.google.internal`"),
        );
    }
}
