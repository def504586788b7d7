//! Where something that leaves the workload goes, as far as its proxy knows.

use ambit_eval::network;
use ambit_request::destination::{Authority, DestinationError, Host};

/// The cluster that Istio routes what it does not know to: it goes to the address that the application chose, whatever
/// name the request has.
const PASSTHROUGH_CLUSTER: &[u8] = b"PassthroughCluster";

/// Where something goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// The name; none if it is an address, or if the name says nothing of where it goes.
    pub name: Option<Vec<u8>>,
    /// The address as text, without port and brackets; none if the proxy finds it by the name.
    pub address: Option<Vec<u8>>,
    /// The port.
    pub port: Option<u16>,
}

/// How the proxy routes a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The cluster; empty if there is none.
    pub cluster: Vec<u8>,
    /// The address and the port that the application connected to. Only asked for where [it decides](Self::passes_through).
    pub original: Vec<u8>,
}

/// What the listener knows of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The server name that the client asks for; empty if there is none.
    pub server_name: Vec<u8>,
    /// The address and the port that the application connected to.
    pub address: Vec<u8>,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    base: u128,
    mask: u128,
}

impl Route {
    /// Whether a cluster leads to the address that the application chose.
    #[must_use]
    pub fn passes_through(cluster: &[u8]) -> bool {
        cluster == PASSTHROUGH_CLUSTER
    }

    /// The port of the service that the cluster stands for, as Istio names clusters: `outbound|443||api.example.com`.
    fn port_of(&self, name: &[u8]) -> Option<u16> {
        let mut parts = self.cluster.split(|byte| *byte == b'|');
        match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
            (b"outbound", port, _subset, host, None) if host.eq_ignore_ascii_case(name) => number(port),
            _ => None,
        }
    }
}

impl Destination {
    /// Where a call goes. The port is that of the service which the proxy takes for the name, else that of the authority,
    /// else that of the scheme: a proxy that routes by name does not look at the authority's.
    ///
    /// # Errors
    /// A [`DestinationError`] if the authority is none.
    pub fn of_call(authority: &[u8], scheme: &[u8], route: &Route) -> Result<Self, DestinationError> {
        if Route::passes_through(&route.cluster) {
            return Ok(Self::at(&route.original));
        }
        let Authority { host, port } = Authority::parse(authority)?;
        let usual = if scheme == b"https" { 443 } else { 80 };
        let port = Some(port.unwrap_or(usual));
        Ok(match host {
            Host::Name(name) => {
                let port = route.port_of(&name).or(port);
                Self { name: Some(name), address: None, port }
            }
            Host::Address(address) => Self { name: None, address: Some(address.to_vec()), port },
        })
    }

    /// Where a connection goes.
    ///
    /// # Errors
    /// A [`DestinationError`] if the client asks for a server name that is none.
    pub fn of_connection(ends: &Ends) -> Result<Self, DestinationError> {
        let mut destination = Self::at(&ends.address);
        if !ends.server_name.is_empty() {
            destination.name = Host::of_server_name(&ends.server_name)?.name().map(<[u8]>::to_vec);
        }
        Ok(destination)
    }

    /// A socket address, as the proxy writes it. Where it is none, such as a path, nothing is known.
    fn at(address: &[u8]) -> Self {
        match Authority::parse(address) {
            Ok(Authority { host: Host::Address(address), port }) => {
                Self { name: None, address: Some(address.to_vec()), port }
            }
            _ => Self::default(),
        }
    }

    /// The name or else the address, with the port.
    #[must_use]
    pub fn shown(&self) -> Vec<u8> {
        let mut shown = match (&self.name, &self.address) {
            (Some(name), _) => name.clone(),
            (None, Some(address)) if address.contains(&b':') => {
                let mut shown = b"[".to_vec();
                shown.extend_from_slice(address);
                shown.push(b']');
                shown
            }
            (None, Some(address)) => address.clone(),
            (None, None) => b"unknown".to_vec(),
        };
        if let Some(port) = self.port {
            shown.push(b':');
            shown.extend(u64::from(port).to_string().bytes());
        }
        shown
    }

    /// Whether its address is in one of these ranges.
    #[must_use]
    pub fn is_in(&self, ranges: &[Range]) -> bool {
        let address = self.address.as_deref().and_then(network::parse);
        address.is_some_and(|address| ranges.iter().any(|range| range.holds(address)))
    }
}

impl Range {
    /// Reads a range, such as `10.0.0.0/8`. None if it is not written as one is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let base = network::parse(address.as_bytes())?;
        let prefix = u32::from(number(prefix.as_bytes())?);
        let (most, before) = if address.contains(':') { (128, 0) } else { (32, 96) };
        let rest = 128_u32.checked_sub(prefix.saturating_add(before)).filter(|_| prefix <= most)?;
        let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
        Some(Self { base: base & mask, mask })
    }

    const fn holds(&self, address: u128) -> bool {
        address & self.mask == self.base
    }
}

/// A decimal number.
fn number(text: &[u8]) -> Option<u16> {
    let digit = |byte: u8| byte.is_ascii_digit().then_some(u16::from(byte.wrapping_sub(b'0')));
    let (first, rest) = text.split_first()?;
    rest.iter().try_fold(digit(*first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(*byte)?))
}

#[cfg(test)]
mod tests;
