use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::limits::DEFAULT_BUFFER_LIMIT;
use super::property::Value;

/// Who is at the other end of a connection, and what Envoy knows of it.
#[derive(Clone, Debug)]
pub struct Downstream {
    security: Security,
    requested_server_name: Vec<u8>,
    source: SocketAddr,
    destination: SocketAddr,
    buffer_limit: usize,
    /// Paths, parts joined by NUL, with the value that takes the place of the host's own; `None` means absent.
    planned: BTreeMap<Vec<u8>, Option<Value>>,
    filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Security {
    Plaintext,
    /// TLS with a peer certificate, whose first URI SAN is this, if it has one.
    Mtls {
        uri_san: Option<Vec<u8>>,
    },
}

impl Downstream {
    /// A peer without TLS.
    pub fn plaintext() -> Self {
        Self {
            security: Security::Plaintext,
            requested_server_name: Vec::new(),
            source: (Ipv4Addr::new(10, 0, 0, 1), 40_000).into(),
            destination: (Ipv4Addr::new(10, 0, 0, 2), 8080).into(),
            buffer_limit: DEFAULT_BUFFER_LIMIT,
            planned: BTreeMap::new(),
            filter_state: BTreeMap::new(),
        }
    }

    /// A peer that presented a certificate with this first URI SAN, of any bytes.
    pub fn mtls(uri_san: impl AsRef<[u8]>) -> Self {
        Self { security: Security::Mtls { uri_san: Some(uri_san.as_ref().to_vec()) }, ..Self::plaintext() }
    }

    /// A peer that presented a certificate without a URI SAN.
    pub fn mtls_without_uri_san() -> Self {
        Self { security: Security::Mtls { uri_san: None }, ..Self::plaintext() }
    }

    /// A peer as a waypoint's inner listener shows it: no TLS, the principal in filter state.
    pub fn behind_waypoint(principal: impl AsRef<[u8]>) -> Self {
        Self::plaintext().filter_state("io.istio.peer_principal", principal)
    }

    /// The SNI. Without one, the property is an empty string, not absent.
    #[must_use]
    pub fn requested_server_name(mut self, name: impl AsRef<[u8]>) -> Self {
        self.requested_server_name = name.as_ref().to_vec();
        self
    }

    /// The peer's address.
    #[must_use]
    pub fn from(mut self, source: SocketAddr) -> Self {
        self.source = source;
        self
    }

    /// The address that the peer connected to.
    #[must_use]
    pub fn to(mut self, destination: SocketAddr) -> Self {
        self.destination = destination;
        self
    }

    /// How much Envoy buffers of a message before it answers by itself, in bytes.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.buffer_limit = bytes;
        self
    }

    /// Sets a property, in the place of the host's own.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl Into<Value>) -> Self {
        self.planned.insert(path.join("\0").into(), Some(value.into()));
        self
    }

    /// Takes a property away.
    #[must_use]
    pub fn without_property(mut self, path: &[&str]) -> Self {
        self.planned.insert(path.join("\0").into(), None);
        self
    }

    /// Puts an object into filter state, as an earlier filter would.
    #[must_use]
    pub fn filter_state(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.filter_state.insert(key.as_ref().to_vec(), value.as_ref().to_vec());
        self
    }

    pub(super) fn source(&self) -> SocketAddr {
        self.source
    }

    pub(super) fn destination(&self) -> SocketAddr {
        self.destination
    }

    pub(super) fn limit(&self) -> usize {
        self.buffer_limit
    }

    pub(super) fn initial_filter_state(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.filter_state.clone()
    }

    /// `None` if the test has no say on this path; `Some(None)` if it took the property away.
    pub(super) fn planned(&self, path: &[&[u8]]) -> Option<Option<Value>> {
        self.planned.get(&path.join(&0)).cloned()
    }

    pub(super) fn is_prefix_of_planned(&self, path: &[&[u8]]) -> bool {
        let prefix = [path.join(&0), vec![0]].concat();
        self.planned.iter().any(|(planned, value)| value.is_some() && planned.starts_with(&prefix))
    }

    pub(super) fn connection_attribute(&self, name: &[u8], secured: bool) -> Option<Value> {
        let peer = match &self.security {
            Security::Mtls { uri_san } if secured => Some(uri_san),
            _ => None,
        };
        match (name, peer) {
            (b"mtls", peer) => Some(peer.is_some().into()),
            (b"requested_server_name", _) => Some(self.requested_server_name.as_slice().into()),
            (b"uri_san_peer_certificate", Some(uri_san)) => uri_san.clone().map(Value::Bytes),
            // Istio's workload certificates have no subject; Envoy shows that as an empty string.
            (b"subject_peer_certificate", Some(_)) => Some("".into()),
            (b"tls_version", Some(_)) => Some("TLSv1.3".into()),
            _ => None,
        }
    }
}
