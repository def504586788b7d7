//! How a TCP connection moves through the filter: Envoy's network filter manager, as far as one filter before
//! `tcp_proxy` can tell.

use super::callback;
use super::connection::{ConnectionState, Flow};
use super::vm::{Called, Vm};

/// The ABI's close types.
const CLOSED_UNKNOWN: u32 = 0;
const CLOSED_BY_PROXY: u32 = 1;
pub(super) const CLOSED_BY_PEER: u32 = 2;

impl Vm {
    pub(super) fn connection(&mut self, id: u32) -> &mut ConnectionState {
        self.guest().connections.get_mut(&id).expect("a connection whose handle lives")
    }

    /// The peer has connected; its TLS handshake comes after the callback.
    pub(super) fn new_connection(&mut self, id: u32) {
        let state = self.connection(id);
        if state.bypassed {
            state.upstream_connected = true;
        } else {
            let root = state.root;
            self.call(callback::CONTEXT_CREATE, id, &[id, root]);
            match self.call(callback::NEW_CONNECTION, id, &[id]) {
                Called::Failed => self.end_connection(id, CLOSED_BY_PROXY),
                Called::Returned(value) if value != 0 => self.connection(id).reading_stopped = true,
                _ => self.connection(id).upstream_connected = true,
            }
        }
        self.connection(id).secured = true;
    }

    pub(super) fn downstream_data(&mut self, id: u32, data: &[u8], end: bool) {
        let state = self.connection(id);
        // What earlier callbacks held is still in the buffer.
        state.from_downstream.extend_from_slice(data);
        let size = u32::try_from(state.from_downstream.len()).expect("data below 4 GiB");
        let called = if state.bypassed {
            Called::Absent
        } else {
            self.call(callback::DOWNSTREAM_DATA, id, &[id, size, end.into()])
        };
        match called {
            Called::Failed => self.end_connection(id, CLOSED_BY_PROXY),
            Called::Returned(value) if value != 0 => self.connection(id).reading_stopped = true,
            _ => self.pass_upstream(id),
        }
    }

    pub(super) fn upstream_data(&mut self, id: u32, data: &[u8], end: bool) {
        let state = self.connection(id);
        state.from_upstream.extend_from_slice(data);
        let size = u32::try_from(state.from_upstream.len()).expect("data below 4 GiB");
        let called = if state.bypassed {
            Called::Absent
        } else {
            self.call(callback::UPSTREAM_DATA, id, &[id, size, end.into()])
        };
        match called {
            Called::Failed => return self.end_connection(id, CLOSED_BY_PROXY),
            Called::Returned(value) if value != 0 => {}
            _ => {
                let state = self.connection(id);
                state.to_downstream.append(&mut state.from_upstream);
            }
        }
        if end && !self.connection(id).bypassed {
            self.call(callback::UPSTREAM_CLOSE, id, &[id, CLOSED_UNKNOWN]);
        }
    }

    pub(super) fn resume_reading(&mut self, id: u32) {
        if self.guest().connections.get(&id).is_some_and(|state| !state.closed) {
            self.pass_upstream(id);
        }
    }

    fn pass_upstream(&mut self, id: u32) {
        let state = self.connection(id);
        if !state.closed {
            state.reading_stopped = false;
            state.upstream_connected = true;
            state.to_upstream.append(&mut state.from_downstream);
        }
    }

    /// The guest closes. Both flows belong to the one downstream connection, so either closes it.
    pub(super) fn close_connection(&mut self, id: u32, _flow: Flow) {
        if self.guest().connections.contains_key(&id) {
            self.end_connection(id, CLOSED_BY_PROXY);
        }
    }

    pub(super) fn end_connection(&mut self, id: u32, by: u32) {
        let state = self.connection(id);
        if state.closed {
            return;
        }
        state.closed = true;
        let root = state.root;
        if !state.bypassed {
            self.call(callback::DOWNSTREAM_CLOSE, id, &[id, by]);
            self.call(callback::DONE, id, &[id]);
            self.call(callback::LOG, id, &[id]);
            self.call(callback::DELETE, id, &[id]);
        }
        self.connection(id).complete = true;
        self.release_root(root);
    }
}
