//! Where calls outside may go.

mod host;
mod overlap;

use std::collections::BTreeSet;

use super::condition::network;
use super::path;
use super::selector;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Cidr, Denied, Destination, Egress, HostPattern, MeshEgress, Segment};
use crate::source::Span;
use crate::syntax::ast::{self, Name};
use crate::syntax::limits::MAX_DESTINATIONS;

pub(super) use self::overlap::warn;

/// Where clouds and orchestrators keep what a workload must not learn: what is denied where the mesh says nothing.
///
/// AWS, Azure, Google Cloud, DigitalOcean, Hetzner, IBM, OpenStack and Oracle answer at 169.254.169.254 (AWS over IPv6
/// too); AWS at two more for ECS and EKS; Azure's host at 168.63.129.16; Alibaba Cloud, Oracle (older), Scaleway and
/// Tencent Cloud at addresses of their own. The last two are the first as NAT64 spells it.
const METADATA_NETWORKS: [&str; 13] = [
    METADATA,
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "169.254.42.42",
    "169.254.0.23",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
];
const METADATA_HOSTS: [&str; 5] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "instance-data.ec2.internal",
];
const METADATA: &str = "169.254.169.254";

/// What the mesh says of calls outside.
pub(super) fn of_mesh(written: Option<&ast::MeshEgress>, diagnostics: &mut Diagnostics) -> MeshEgress {
    let internal = written.map(|written| written.internal.as_slice()).unwrap_or_default();
    let internal = internal.iter().filter_map(|text| cidr(text, diagnostics)).collect();
    let Some(deny) = written.and_then(|written| written.deny.as_ref()) else {
        let networks = METADATA_NETWORKS.iter().filter_map(|text| network::parse(text).ok());
        let hosts = METADATA_HOSTS.iter().map(|host| HostPattern::Exact((*host).to_owned()));
        let deny = networks.map(Denied::Network).chain(hosts.map(Denied::Host)).collect();
        return MeshEgress { deny, span: None, internal };
    };
    too_many(deny.value.len(), deny.span, diagnostics);
    let denied: Vec<Denied> = deny.value.iter().filter_map(|text| denied(text, diagnostics)).collect();
    MeshEgress { deny: denied, span: Some(deny.span), internal }
}

/// A host, or a network: what holds a `:` or a `/`, or is an address.
fn denied(text: &Name, diagnostics: &mut Diagnostics) -> Option<Denied> {
    let looks_like_address = !text.value.contains("://")
        && (text.value.contains('/') || text.value.parse::<core::net::IpAddr>().is_ok());
    if looks_like_address {
        cidr(text, diagnostics).map(Denied::Network)
    } else {
        host::read(text, host::Place::Deny, diagnostics).map(Denied::Host)
    }
}

fn cidr(text: &Name, diagnostics: &mut Diagnostics) -> Option<Cidr> {
    match network::parse(&text.value) {
        Ok(network) => Some(network),
        Err(why) => {
            diagnostics.push(
                Diagnostic::new(Code::BadNetwork, text.span, why)
                    .help("as in `10.0.0.0/8`, `203.0.113.7` or `2001:db8::/32`"),
            );
            None
        }
    }
}

/// What an agent or mission may call outside.
pub(super) fn of_holder(written: Option<&ast::Egress>, diagnostics: &mut Diagnostics) -> Option<Egress> {
    let written = written?;
    too_many(written.allow.len(), written.span, diagnostics);
    let allow = written.allow.iter().filter_map(|one| destination(one, diagnostics)).collect();
    Some(Egress { allow, mode: written.mode, span: written.span })
}

fn too_many(count: usize, span: Span, diagnostics: &mut Diagnostics) {
    if count > MAX_DESTINATIONS {
        let message = format!("more than {MAX_DESTINATIONS} destinations");
        diagnostics.push(
            Diagnostic::new(Code::TooMuch, span, message)
                .help("name what they have in common, as in `*.example.com`"),
        );
    }
}

fn destination(written: &ast::Destination, diagnostics: &mut Diagnostics) -> Option<Destination> {
    if written.host.is_none() && written.cidr.is_none() {
        diagnostics.push(
            Diagnostic::new(
                Code::FieldConflict,
                written.span,
                "the destination says neither `host` nor `cidr`",
            )
            .help("as in `{host: api.example.com, ports: [443]}` or `{cidr: 203.0.113.0/24}`"),
        );
        return None;
    }
    // All of it is looked at, so that everything that is wrong is said.
    let host = written.host.as_ref().map(|host| host::read(host, host::Place::Allow, diagnostics));
    let network = written.cidr.as_ref().map(|text| cidr(text, diagnostics));
    let methods = selector::methods(&written.methods, diagnostics);
    let path_prefix = written.path_prefix.as_ref().map(|prefix| path_prefix(prefix, diagnostics));
    let ports: Option<BTreeSet<u16>> = written.ports.as_ref().map(|ports| ports.iter().copied().collect());
    Some(Destination {
        host: host.map_or(Some(None), |host| host.map(Some))?,
        network: network.map_or(Some(None), |network| network.map(Some))?,
        ports: ports.map(|ports| ports.into_iter().collect()),
        methods: methods?,
        path_prefix: path_prefix.map_or(Some(None), |prefix| prefix.map(Some))?,
        span: written.span,
    })
}

/// The prefix, which is spelled as canonical paths are.
fn path_prefix(text: &Name, diagnostics: &mut Diagnostics) -> Option<String> {
    let pattern = path::parse(text, diagnostics)?;
    if pattern.segments.iter().all(|segment| matches!(segment, Segment::Literal(_))) {
        return Some(text.value.clone());
    }
    let literal = text.value.split(['*', '{']).next().unwrap_or("/");
    diagnostics.push(
        Diagnostic::new(Code::BadPathPattern, text.span, "a prefix has no `*` and no `{}`")
            .help(format!("`{literal}` is every path that starts so")),
    );
    None
}
