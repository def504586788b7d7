//! What the host calls: the callbacks of Proxy-Wasm ABI 0.2.1 that the filter makes use of.
//!
//! They stand here in place of the SDK's dispatcher, which exports every callback there is, so that the host enters
//! the VM for each of them, and looks a context up in up to three hash maps each time. A callback that is not
//! exported is not called: there is none for the trailers of responses, none for what an upstream sends
//! on a connection, and none for the log.
//!
//! A host that names a context which does not exist (never made, deleted, or in use further up the stack) is answered
//! as if there were no policy: a request is denied, and nothing goes on.
//!
//! Nothing is unsafe about them but their names, which no other symbol of the module has: they take numbers, and what
//! the host is lent is a matter of [`host`].

#![cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the host finds them by their names"))]

use crate::contexts::{self, Stream};
use crate::host::{self, Action, Level};
use crate::root::Root;

/// Says which version of the ABI this is. It is looked for, and never called.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// The VM begins. A panic, which there should be none of, is written to the proxy's log before the VM traps.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn _initialize() {
    std::panic::set_hook(Box::new(|panic| host::log(Level::Error, &format!("ambit: {panic}"))));
}

/// Lends the host memory for a value that it is about to return. Called in the middle of host calls.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    host::lend(size)
}

/// A context begins: a root context if it has no parent, else a stream of its parent.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    contexts::create(context, parent);
}

/// A context is over.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_delete(context: u32) {
    contexts::delete(context);
}

/// A root context is to take a configuration of this size. 0 refuses it.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_configure(root: u32, size: usize) -> u32 {
    u32::from(contexts::with_root(root, |root| root.configure(size)).unwrap_or(false))
}

/// A root context's time has come.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_tick(root: u32) {
    let _ = contexts::with_root(root, Root::tick);
}

/// The headers of a request are there.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_request_headers(stream: u32, _headers: u32, end_of_stream: u32) -> Action {
    let is_end = end_of_stream != 0;
    contexts::with_stream(stream, |stream| stream.request_headers(is_end))
        .unwrap_or_else(|| Stream::without_root().request_headers(is_end))
}

/// Another piece of a request's body is there. `size` is what is buffered in all.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_request_body(stream: u32, size: usize, end_of_stream: u32) -> Action {
    let is_end = end_of_stream != 0;
    contexts::with_stream(stream, |stream| stream.request_body(size, is_end)).unwrap_or(Action::Pause)
}

/// The trailers of a request are there: its body is over.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_request_trailers(stream: u32, _trailers: u32) -> Action {
    contexts::with_stream(stream, Stream::request_trailers).unwrap_or(Action::Pause)
}

/// A connection has come, to a filter of connections. What the listener looks for before, such as the server name, is
/// known.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_new_connection(connection: u32) -> Action {
    contexts::with_stream(connection, Stream::connected).unwrap_or_else(|| {
        host::close_downstream();
        Action::Pause
    })
}

/// Another piece of what the downstream sends is there.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_downstream_data(connection: u32, _size: usize, _end_of_stream: u32) -> Action {
    contexts::with_stream(connection, Stream::data).unwrap_or(Action::Pause)
}

/// The headers of a reply are there.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_response_headers(stream: u32, _headers: u32, end_of_stream: u32) -> Action {
    let is_end = end_of_stream != 0;
    contexts::with_stream(stream, |stream| stream.reply_headers(is_end)).unwrap_or(Action::Pause)
}

/// Another piece of a reply's body is there, of `size` bytes.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn proxy_on_response_body(stream: u32, size: usize, end_of_stream: u32) -> Action {
    let is_end = end_of_stream != 0;
    contexts::with_stream(stream, |stream| stream.reply_body(size, is_end)).unwrap_or(Action::Pause)
}
