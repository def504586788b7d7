//! Where calls may go that leave the mesh.

use super::{Cidr, Mode};
use crate::source::Span;

/// What an agent may call outside. Without one, nothing bounds its calls there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// Everything else is denied. Empty: nothing may be called.
    pub allow: Vec<Destination>,
    /// What its own calls outside are subject to; `None`: the agent's mode.
    pub mode: Option<Mode>,
    /// Where the list is written.
    pub span: Span,
}

/// What the whole mesh says of calls outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshEgress {
    /// Denied to everyone, whatever is allowed.
    pub deny: Vec<Denied>,
    /// Where that is written; `None`: nowhere, and it is what is denied by default.
    pub span: Option<Span>,
    /// Addresses of the mesh itself: calls there are not calls outside.
    pub internal: Vec<Cidr>,
}

/// A destination that is denied to everyone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// By name.
    Host(HostPattern),
    /// By address.
    Network(Cidr),
}

/// Destinations, and what may be asked of them. All that is said must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The name that is called; `None`: any, or none.
    pub host: Option<HostPattern>,
    /// The address that is called, which must be known; `None`: any, known or not.
    pub network: Option<Cidr>,
    /// Ports, ascending; `None`: 443, and 80 where the proxy sees HTTP.
    pub ports: Option<Vec<u16>>,
    /// Upper-case method tokens, sorted; any if there are none. If there are some, the proxy must see HTTP.
    pub methods: Vec<String>,
    /// How the canonical path starts: either it ends in `/`, or it is the whole path or goes on with `/`. If there is
    /// one, the proxy must see HTTP. It never is `/` alone, which says nothing.
    pub path_prefix: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// Names of hosts, in lower case, as A-labels, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This one.
    Exact(String),
    /// Everything below this one, any number of labels, and not itself: `*.example.com`.
    Below(String),
}

/// The ports of a destination that says none, for a connection of which the proxy sees no HTTP.
pub const DEFAULT_CONNECT_PORTS: [u16; 1] = [443];
/// The ports of a destination that says none, for HTTP.
pub const DEFAULT_HTTP_PORTS: [u16; 2] = [80, 443];

impl Destination {
    /// Whether it counts only where the proxy sees HTTP.
    #[must_use]
    pub fn is_http_only(&self) -> bool {
        !self.methods.is_empty() || self.path_prefix.is_some()
    }

    /// Its ports for requests, or for connections.
    #[must_use]
    pub fn ports(&self, of_http: bool) -> &[u16] {
        match &self.ports {
            Some(ports) => ports,
            None if of_http => &DEFAULT_HTTP_PORTS,
            None => &DEFAULT_CONNECT_PORTS,
        }
    }
}

impl HostPattern {
    /// Whether every name that `other` matches is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(own), Self::Exact(other)) => own == other,
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(own), Self::Exact(other)) => is_below(other, own),
            (Self::Below(own), Self::Below(other)) => other == own || is_below(other, own),
        }
    }
}

/// Whether a name has labels before those of another.
fn is_below(name: &str, of: &str) -> bool {
    name.strip_suffix(of).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl core::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}
