//! The contexts of this VM, by the ids that the host gave them.
//!
//! A context is taken out of its place while it is called, so that nothing is borrowed during a host call: were the
//! host to call back into the VM meanwhile, it would find that context in use, and everything else as it is.

mod table;
#[cfg(test)]
mod tests;

use core::cell::Cell;
use std::thread::LocalKey;

use crate::call::OutboundCall;
use crate::connection::Connection;
use crate::host::Action;
use crate::http::Http;
use crate::root::Root;
use table::Table;

/// A request or a connection, in the role that its root context is configured for.
pub(crate) enum Stream {
    /// A request to the workload.
    Inbound(Http),
    /// A call of the workload.
    Outbound(OutboundCall),
    /// A connection of the workload.
    Network(Connection),
}

thread_local! {
    static ROOTS: Cell<Table<Root>> = const { Cell::new(Table::new()) };
    static STREAMS: Cell<Table<Stream>> = const { Cell::new(Table::new()) };
}

/// Begins a context. A stream whose root context does not exist denies.
pub(crate) fn create(id: u32, parent: u32) {
    if parent == 0 {
        let former = in_roots(|roots| roots.insert(id, Box::new(Root::new())));
        drop(former);
    } else {
        let stream = with_root(parent, |root| root.stream()).unwrap_or_else(Stream::without_root);
        let former = in_streams(|streams| streams.insert(id, Box::new(stream)));
        drop(former);
    }
}

/// Ends a context, if there is one.
pub(crate) fn delete(id: u32) {
    // What ends with a stream calls the host, and may not be dropped inside the table.
    let stream = in_streams(|streams| streams.remove(id));
    if stream.is_none() {
        drop(in_roots(|roots| roots.remove(id)));
    }
}

/// Uses a root context. None if there is no such, or if it is in use.
pub(crate) fn with_root<T>(id: u32, use_it: impl FnOnce(&mut Root) -> T) -> Option<T> {
    let mut root = in_roots(|roots| roots.take(id))?;
    let result = use_it(&mut root);
    drop(in_roots(|roots| roots.put_back(id, root)));
    Some(result)
}

/// Uses a stream. None if there is no such, or if it is in use.
pub(crate) fn with_stream<T>(id: u32, use_it: impl FnOnce(&mut Stream) -> T) -> Option<T> {
    let mut stream = in_streams(|streams| streams.take(id))?;
    let result = use_it(&mut stream);
    drop(in_streams(|streams| streams.put_back(id, stream)));
    Some(result)
}

/// Nothing calls the host while a table is away from its place.
fn in_roots<T>(change: impl FnOnce(&mut Table<Root>) -> T) -> T {
    changed(&ROOTS, change)
}

fn in_streams<T>(change: impl FnOnce(&mut Table<Stream>) -> T) -> T {
    changed(&STREAMS, change)
}

fn changed<C: 'static, T>(
    place: &'static LocalKey<Cell<Table<C>>>,
    change: impl FnOnce(&mut Table<C>) -> T,
) -> T {
    place.with(|place| {
        let mut table = place.take();
        let result = change(&mut table);
        place.set(table);
        result
    })
}

impl Stream {
    /// A request that there is no configuration for: it is denied.
    pub(crate) const fn without_root() -> Self {
        Self::Inbound(Http::new(None))
    }

    /// The headers are there, and the body comes unless they end the request.
    pub(crate) fn request_headers(&mut self, is_end: bool) -> Action {
        match self {
            Self::Inbound(request) => request.headers(is_end),
            Self::Outbound(call) => call.headers(),
            // A configuration for connections is none for requests.
            Self::Network(_) => Http::new(None).headers(is_end),
        }
    }

    /// The host has `size` bytes of the body in all.
    pub(crate) fn request_body(&mut self, size: usize, is_end: bool) -> Action {
        match self {
            Self::Inbound(request) => request.body(size, is_end),
            Self::Outbound(call) => call.rest(),
            Self::Network(_) => Action::Pause,
        }
    }

    /// The body is over.
    pub(crate) fn request_trailers(&mut self) -> Action {
        match self {
            Self::Inbound(request) => request.trailers(),
            Self::Outbound(call) => call.rest(),
            Self::Network(_) => Action::Pause,
        }
    }

    /// The headers of the reply are there, and its body comes unless they end it.
    pub(crate) fn reply_headers(&mut self, is_end: bool) -> Action {
        match self {
            Self::Inbound(request) => request.reply_headers(is_end),
            Self::Outbound(_) | Self::Network(_) => Action::Continue,
        }
    }

    /// A piece of the reply's body is there, of `size` bytes.
    pub(crate) fn reply_body(&mut self, size: usize, is_end: bool) -> Action {
        match self {
            Self::Inbound(request) => request.reply_body(size, is_end),
            Self::Outbound(_) | Self::Network(_) => Action::Continue,
        }
    }

    /// The downstream has connected. A configuration for requests is none for connections, which are then denied.
    pub(crate) fn connected(&mut self) -> Action {
        match self {
            Self::Network(connection) => connection.connected(),
            // Were it a request that is being served, it would go on limiting.
            Self::Inbound(_) | Self::Outbound(_) => Connection::new(None).connected(),
        }
    }

    /// The downstream has sent something.
    pub(crate) fn data(&mut self) -> Action {
        match self {
            Self::Network(connection) => connection.data(),
            Self::Inbound(_) | Self::Outbound(_) => Action::Pause,
        }
    }
}
