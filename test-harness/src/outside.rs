//! What is outside of the mesh: servers on loopback that keep all they are sent, the part of a sidecar's bootstrap that
//! leads there, and a client that stands for an application whose connections are captured.
//!
//! Nothing is captured as `iptables` does it: the client says in a PROXY line where it wants to go, and the listener takes
//! that for the original destination.

mod captured;
mod client;
mod server;

pub use captured::{Chain, Leads, Route, captured, http_routes};
pub use client::{Answer, Outgoing, client_hello};
pub use server::{Server, Speaks};
