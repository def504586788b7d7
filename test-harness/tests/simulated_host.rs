//! The simulated host behaves as Envoy does, quirks included. Small guests, written as Wasm text, do one thing each
//! and say through the log what they saw.

#[path = "simulated_host/agreement.rs"]
mod agreement;
#[path = "simulated_host/bodies.rs"]
mod bodies;
#[path = "simulated_host/connections.rs"]
mod connections;
#[path = "simulated_host/cost.rs"]
mod cost;
#[path = "simulated_host/failures.rs"]
mod failures;
#[path = "simulated_host/faults.rs"]
mod faults;
#[path = "simulated_host/guest.rs"]
mod guest;
#[path = "simulated_host/headers.rs"]
mod headers;
#[path = "simulated_host/local_replies.rs"]
mod local_replies;
#[path = "simulated_host/modules.rs"]
mod modules;
#[path = "simulated_host/properties.rs"]
mod properties;
#[path = "simulated_host/roots.rs"]
mod roots;
#[path = "simulated_host/sharing.rs"]
mod sharing;
#[path = "simulated_host/time.rs"]
mod time;
