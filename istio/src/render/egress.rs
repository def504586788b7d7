//! What keeps an agent's calls outside on its list where no filter runs, and makes a filter run where the list leads.
//!
//! No plugin runs on a sidecar's catch-all, so that what is not registered must have no way there: a `Sidecar` and a
//! `NetworkPolicy` of the workload close it ([`confine`]). What is on a list is registered for the namespace
//! ([`registry`]), so that it has a listener or a route, and with it the filter.

pub(super) mod confine;
pub(super) mod gateway;
pub(super) mod registry;

use std::collections::{BTreeMap, BTreeSet};

use ambit_compiler::model::{Cidr, Destination, Egress, HostPattern, Workload};

use super::Refusal;

/// A destination as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// By name; the proxy finds the address.
    Host(HostPattern),
    /// By address.
    Network(Network),
    /// By name, at addresses that the application finds.
    HostAt(HostPattern),
}

/// What is known of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What is spoken, by port.
    pub ports: BTreeMap<u16, Speech>,
    /// Where it is, if that is not left to the proxy.
    pub networks: BTreeSet<Network>,
}

/// A network, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: [u8; 16],
    prefix: u8,
}

/// What is spoken on a port, as far as the proxy is to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speech {
    /// HTTP, by which the proxy sees each request. Towards the destination it speaks TLS.
    Http,
    /// TLS, of which it sees the server's name.
    Tls,
    /// Anything.
    Tcp,
}

/// What an agent may reach outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(pub BTreeMap<Target, Known>);

/// The port on which applications speak HTTP that the proxy turns into HTTPS.
const HTTP_PORT: u16 = 80;
/// Where it turns it to.
const HTTPS_PORT: u16 = 443;

impl Reach {
    /// What a list leads to.
    ///
    /// # Errors
    /// If a port were to be HTTP for one destination and something else for another: on it the filter of connections would
    /// deny the former.
    pub(crate) fn of(workload: &Workload, egress: &Egress) -> Result<Self, Refusal> {
        let mut reach = Self::default();
        for destination in &egress.allow {
            let (target, network) = target(destination);
            if let Target::Host(host) | Target::HostAt(host) = &target
                && !is_deliverable(host)
            {
                return Err(Refusal::Host { workload: workload.clone(), host: host.to_string() });
            }
            let known = reach.0.entry(target).or_default();
            known.networks.extend(network);
            for (port, speech) in ports_of(destination) {
                known.ports.entry(port).and_modify(|known| *known = (*known).max(speech)).or_insert(speech);
            }
        }
        let with = |is_http: bool| {
            let ports = reach.0.values().flat_map(|known| &known.ports);
            let ports = ports.filter(move |(_, speech)| (**speech == Speech::Http) == is_http);
            ports.map(|(port, _)| *port).collect::<BTreeSet<u16>>()
        };
        if let Some(port) = with(true).intersection(&with(false)).next() {
            return Err(Refusal::PortOfTwoKinds { workload: workload.clone(), port: *port });
        }
        match reach.twice() {
            Some(host) => Err(Refusal::HostTwice { workload: workload.clone(), host }),
            None => Ok(reach),
        }
    }

    /// Ports on which the proxy sees connections only: those where the filter of connections is to run.
    #[must_use]
    pub fn connection_ports(&self) -> BTreeSet<u16> {
        let ports = self.0.values().flat_map(|known| &known.ports);
        let ports = ports.filter(|(_, speech)| **speech != Speech::Http);
        ports.map(|(port, _)| *port).collect()
    }

    /// The ports that proxies call for names: where they turn HTTP into HTTPS, the port of that.
    fn upstream_ports(&self, is_plain: impl Fn(&Target) -> bool) -> BTreeSet<u16> {
        let names = self.0.iter().filter(|(target, _)| matches!(target, Target::Host(_)));
        names
            .flat_map(|(target, known)| {
                let is_plain = is_plain(target);
                known
                    .ports
                    .iter()
                    .map(move |(port, speech)| if is_plain { *port } else { upstream(*port, *speech) })
            })
            .collect()
    }

    /// A host that is called at any address, and at some: a registry knows one of both.
    fn twice(&self) -> Option<String> {
        self.0.keys().find_map(|target| match target {
            Target::HostAt(host) if self.0.contains_key(&Target::Host(host.clone())) => {
                Some(host.to_string())
            }
            _ => None,
        })
    }

    /// Adds what another workload of the namespace reaches.
    pub(super) fn merge(&mut self, other: &Self, workload: &Workload) -> Result<(), Refusal> {
        for (target, known) in &other.0 {
            let own = self.0.entry(target.clone()).or_default();
            own.networks.extend(&known.networks);
            for (port, speech) in &known.ports {
                if *own.ports.entry(*port).or_insert(*speech) != *speech {
                    return Err(Refusal::TwoKinds {
                        namespace: workload.namespace.clone(),
                        host: target.host(),
                        port: *port,
                    });
                }
            }
        }
        match self.twice() {
            Some(host) => Err(Refusal::HostTwice { workload: workload.clone(), host }),
            None => Ok(()),
        }
    }
}

impl Target {
    /// The name that it has in a registry.
    #[must_use]
    pub fn host(&self) -> String {
        match self {
            Self::Host(host) | Self::HostAt(host) => host.to_string(),
            // Nobody asks for it: what counts is the address.
            Self::Network(network) => format!("{}.cidr.ambit.internal", network.word()),
        }
    }

    /// A part of the names of its objects, which no other destination of its registry has.
    fn word(&self) -> String {
        match self {
            Self::Host(HostPattern::Exact(name)) | Self::HostAt(HostPattern::Exact(name)) => {
                format!("to-{name}")
            }
            Self::Host(HostPattern::Below(name)) | Self::HostAt(HostPattern::Below(name)) => {
                format!("below-{name}")
            }
            Self::Network(network) => format!("net-{}", network.word()),
        }
    }

    /// Whether it is a wildcard.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        matches!(self, Self::Host(HostPattern::Below(_)) | Self::HostAt(HostPattern::Below(_)))
    }
}

impl Network {
    /// All of IPv4.
    const V4: Self = Self { address: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], prefix: 96 };
    /// All of IPv6.
    const V6: Self = Self { address: [0; 16], prefix: 0 };

    /// Bits behind the prefix do not count.
    pub(super) fn new(cidr: Cidr) -> Self {
        let host = u128::MAX.checked_shr(u32::from(cidr.prefix)).unwrap_or(0);
        let address = (u128::from_be_bytes(cidr.address) & !host).to_be_bytes();
        Self { address, prefix: cidr.prefix }
    }

    /// Whether all of another network is in it.
    fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix
            && Self::new(Cidr { address: other.address, prefix: self.prefix }).address == self.address
    }

    fn parts(self) -> (core::net::IpAddr, u8) {
        let address = core::net::Ipv6Addr::from(self.address);
        match (address.to_ipv4_mapped(), self.prefix.checked_sub(96)) {
            (Some(v4), Some(prefix)) => (v4.into(), prefix),
            _ => (address.into(), self.prefix),
        }
    }

    const fn is_v4(self) -> bool {
        core::net::Ipv6Addr::from_octets(self.address).to_ipv4_mapped().is_some() && self.prefix >= 96
    }

    /// As a part of names: `203-0-113-0-24`.
    fn word(self) -> String {
        let text = self.to_string().replace([':', '.', '/'], "-");
        // `::` at the start would make a label that begins with `-`.
        if self.is_v4() {
            text
        } else {
            format!("v6{}", if text.starts_with('-') { text } else { format!("-{text}") })
        }
    }
}

impl core::fmt::Display for Network {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (address, prefix) = self.parts();
        write!(f, "{address}/{prefix}")
    }
}

/// The destination, and where it is if policy says so.
fn target(destination: &Destination) -> (Target, Option<Network>) {
    let network = destination.network.map(Network::new);
    let target = match (&destination.host, network) {
        (Some(host), None) => Target::Host(host.clone()),
        (Some(host), Some(_)) => Target::HostAt(host.clone()),
        // Without a host there is a network; were there none, no address would be reached.
        (None, network) => Target::Network(network.unwrap_or(Network { address: [0; 16], prefix: 128 })),
    };
    (target, network)
}

/// The ports of a destination, and what is spoken there.
fn ports_of(destination: &Destination) -> Vec<(u16, Speech)> {
    let is_name = destination.host.is_some() && destination.network.is_none();
    let speech = |port: u16| match (is_name, port, destination.host.is_some()) {
        _ if destination.is_http_only() && is_name => Speech::Http,
        (true, HTTP_PORT, _) => Speech::Http,
        (_, _, true) => Speech::Tls,
        (_, _, false) => Speech::Tcp,
    };
    let ports: &[u16] = match &destination.ports {
        Some(ports) => ports,
        None if destination.is_http_only() && is_name => &[HTTP_PORT],
        None if is_name => &[HTTP_PORT, HTTPS_PORT],
        None => &[HTTPS_PORT],
    };
    ports.iter().map(|port| (*port, speech(*port))).collect()
}

/// The port that a proxy calls for one that the application calls.
const fn upstream(port: u16, speech: Speech) -> u16 {
    match (speech, port) {
        (Speech::Http, HTTP_PORT) => HTTPS_PORT,
        _ => port,
    }
}

/// Whether Istio takes a name: labels are letters, digits and `-`, and end in neither.
fn is_deliverable(host: &HostPattern) -> bool {
    let (HostPattern::Exact(name) | HostPattern::Below(name)) = host;
    name.split('.').all(|label| {
        !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}
