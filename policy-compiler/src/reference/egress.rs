//! Whether a list of destinations allows a call, read entry by entry: what the grants that are made of the list must say.

use core::net::{IpAddr, Ipv6Addr};

use crate::model::{Cidr, Denied, Destination, Egress, HostPattern, MeshEgress};

/// A call outside.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The name that it is for, in its one spelling.
    pub host: Option<&'a str>,
    /// The address, if it is known.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The method and the canonical path, if the proxy sees HTTP.
    pub http: Option<(&'a str, &'a str)>,
}

/// Whether a list allows a call.
#[must_use]
pub fn allows(egress: &Egress, call: &Call<'_>) -> bool {
    egress.allow.iter().any(|destination| matches(destination, call))
}

/// Whether the mesh denies a call to everyone.
#[must_use]
pub fn denies(mesh: &MeshEgress, call: &Call<'_>) -> bool {
    mesh.deny.iter().any(|denied| match denied {
        Denied::Host(pattern) => call.host.is_some_and(|host| names(pattern, host)),
        Denied::Network(network) => call.address.is_some_and(|address| holds(*network, address)),
    })
}

fn matches(destination: &Destination, call: &Call<'_>) -> bool {
    let Destination { host, network, ports, methods, path_prefix, span: _ } = destination;
    if let Some(pattern) = host
        && !call.host.is_some_and(|host| names(pattern, host))
    {
        return false;
    }
    if let Some(network) = network
        && !call.address.is_some_and(|address| holds(*network, address))
    {
        return false;
    }
    let usual: &[u16] = if call.http.is_some() { &[80, 443] } else { &[443] };
    if !ports.as_deref().unwrap_or(usual).contains(&call.port) {
        return false;
    }
    match call.http {
        None => methods.is_empty() && path_prefix.is_none(),
        Some((method, path)) => {
            (methods.is_empty() || methods.iter().any(|one| one == method))
                && path_prefix.as_deref().is_none_or(|prefix| goes_on(prefix, path))
        }
    }
}

/// Label by label, from the end.
fn names(pattern: &HostPattern, host: &str) -> bool {
    let mut labels = host.rsplit('.');
    match pattern {
        HostPattern::Exact(name) => name.rsplit('.').eq(labels),
        HostPattern::Below(name) => {
            name.rsplit('.').all(|label| labels.next() == Some(label)) && labels.next().is_some()
        }
    }
}

/// Segment by segment.
fn goes_on(prefix: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let (whole, is_open) = match prefix.strip_suffix('/') {
        Some(whole) => (whole, true),
        None => (prefix, false),
    };
    whole.split('/').all(|segment| segments.next() == Some(segment))
        && (!is_open || segments.next().is_some())
}

fn holds(network: Cidr, address: IpAddr) -> bool {
    let bits = |address: Ipv6Addr| {
        address.octets().into_iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1))
    };
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    bits(address)
        .zip(bits(Ipv6Addr::from(network.address)))
        .take(usize::from(network.prefix))
        .all(|(a, b)| a == b)
}
