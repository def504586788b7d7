use std::collections::BTreeMap;

use super::downstream::Downstream;
use super::usage::{Ledger, Usage};
use super::vm::{Vm, VmRef};

/// One TCP connection through a filter of type NETWORK, before `tcp_proxy`.
///
/// The TLS handshake ends after `on_new_connection` and before the first data, so that callback sees no peer.
pub struct Connection {
    place: Option<(VmRef, u32)>,
}

/// Direction of data, named by where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Downstream,
    Upstream,
}

pub(super) struct ConnectionState {
    pub(super) root: u32,
    pub(super) bypassed: bool,
    pub(super) id: u64,
    pub(super) peer: Downstream,
    /// The TLS handshake is over.
    pub(super) secured: bool,
    pub(super) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The guest holds back what comes after it in the chain.
    pub(super) reading_stopped: bool,
    /// What the guest can look at, per flow.
    pub(super) from_downstream: Vec<u8>,
    pub(super) from_upstream: Vec<u8>,
    /// `tcp_proxy` has been told of the connection and connects.
    pub(super) upstream_connected: bool,
    pub(super) to_upstream: Vec<u8>,
    pub(super) to_downstream: Vec<u8>,
    pub(super) closed: bool,
    pub(super) complete: bool,
    pub(super) usage: Ledger,
}

impl ConnectionState {
    pub(super) fn new(root: Option<u32>, id: u64, peer: Downstream) -> Self {
        Self {
            root: root.unwrap_or(0),
            bypassed: root.is_none(),
            id,
            filter_state: peer.initial_filter_state(),
            peer,
            secured: false,
            reading_stopped: false,
            from_downstream: Vec::new(),
            from_upstream: Vec::new(),
            upstream_connected: false,
            to_upstream: Vec::new(),
            to_downstream: Vec::new(),
            closed: false,
            complete: false,
            usage: Ledger::new(),
        }
    }
}

impl Connection {
    pub(super) fn new(place: Option<(VmRef, u32)>) -> Self {
        Self { place }
    }

    /// Data from the peer. Returns whether the connection is still open.
    pub fn downstream_data(&mut self, data: impl AsRef<[u8]>, end: bool) -> bool {
        self.drive(|vm, id| vm.downstream_data(id, data.as_ref(), end));
        !self.is_closed()
    }

    /// Data from the application or server. Returns whether the connection is still open.
    ///
    /// # Panics
    ///
    /// Panics when no upstream connection was made.
    pub fn upstream_data(&mut self, data: impl AsRef<[u8]>, end: bool) -> bool {
        assert!(self.is_closed() || self.upstream_connected(), "there is no upstream connection");
        self.drive(|vm, id| vm.upstream_data(id, data.as_ref(), end));
        !self.is_closed()
    }

    /// The peer closes.
    pub fn close(&mut self) {
        self.drive(|vm, id| vm.end_connection(id, super::network::CLOSED_BY_PEER));
    }

    /// Whether the proxy has connected, or begun to connect, upstream.
    pub fn upstream_connected(&self) -> bool {
        self.look(|state| state.upstream_connected).unwrap_or(false)
    }

    /// Whether the connection is closed, or was never accepted.
    pub fn is_closed(&self) -> bool {
        self.look(|state| state.closed).unwrap_or(true)
    }

    /// What the upstream has received.
    pub fn sent_upstream(&self) -> Vec<u8> {
        self.look(|state| state.to_upstream.clone()).unwrap_or_default()
    }

    /// What the peer has received.
    pub fn sent_downstream(&self) -> Vec<u8> {
        self.look(|state| state.to_downstream.clone()).unwrap_or_default()
    }

    /// An object in filter state.
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.look(|state| state.filter_state.get(key.as_bytes()).cloned()).flatten()
    }

    /// What all callbacks have cost for this connection.
    pub fn total_usage(&self) -> Usage {
        self.look(|state| Usage::total(&state.usage)).unwrap_or_default()
    }

    fn drive(&mut self, drive: impl FnOnce(&mut Vm, u32)) {
        if let Some((vm, id)) = &self.place {
            let mut vm = vm.borrow_mut();
            if !vm.connection(*id).closed {
                drive(&mut vm, *id);
            }
        }
    }

    fn look<T>(&self, look: impl FnOnce(&ConnectionState) -> T) -> Option<T> {
        let (vm, id) = self.place.as_ref()?;
        Some(look(vm.borrow_mut().connection(*id)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.close();
        if let Some((vm, id)) = &self.place {
            vm.borrow_mut().guest().connections.remove(id);
        }
    }
}
