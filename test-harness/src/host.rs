//! A simulated Proxy-Wasm host: it runs the very `.wasm` that ships, in wasmtime, as Envoy would.
//!
//! The host is *stateful*. A test drives streams ([`Stream`]) through workers ([`Worker`]) of a proxy ([`Proxy`]) and
//! looks at what came of it: what the application received, what the caller received, metrics, logs, filter state.
//! Nothing here scripts or asserts the order of hostcalls.
//!
//! What is modelled, from the sources of Envoy 1.36 to 1.38 and of proxy-wasm-cpp-host: ABI 0.2.1; one VM per worker
//! and one root context per configuration, so that two policies coexist during an update; the canary; the filter
//! manager's way of stopping, buffering and resuming a message; local replies and their way back through the filter;
//! header maps, buffers and properties with the windows in which they can be read; shared data and queues; metrics;
//! ticks; failing and reloading VMs.
//!
//! What is *not*: other filters (this one is next to the router), codecs and their limits, threads (workers take
//! turns, at the test's will), call-outs (every cluster is unknown), foreign functions (none exist), WASI, ABI 0.1.
//!
//! Fuel, which stands in for time, counts Wasm instructions and is stable for one module and one version of
//! wasmtime: compare it only under the version pinned in `Cargo.lock`.

mod callback;
mod clock;
mod connection;
mod downstream;
mod error;
mod exchange;
mod fault;
mod guest;
mod half;
mod headers;
mod hostcalls;
mod inspect;
mod limits;
mod local_reply;
mod log;
mod metrics;
mod module;
mod network;
mod outcome;
mod pairs;
mod process;
mod property;
mod proxy;
mod queues;
mod root;
mod shared_data;
mod status;
mod stream;
mod usage;
mod vm;
mod worker;

pub use connection::{Connection, Flow};
pub use downstream::Downstream;
pub use error::Error;
pub use fault::{Effect, Fault, FaultId, When};
pub use headers::HeaderMap;
pub use inspect::{Import, Inspection, inspect};
pub use limits::{DEFAULT_BUFFER_LIMIT, FUEL_PER_CALL, MAX_MEMORY_BYTES, RELOAD_BACKOFF};
pub use local_reply::{Cause, LocalReply};
pub use log::{LogLevel, LogLine, Place};
pub use metrics::Metric;
pub use module::Module;
pub use outcome::{Message, Outcome};
pub use property::Value;
pub use proxy::{Configured, FailStrategy, Options, Proxy};
pub use status::Status;
pub use stream::Stream;
pub use usage::Usage;
pub use worker::Worker;
