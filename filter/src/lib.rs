//! The Proxy-Wasm filter: it turns what the proxy says of a request into facts, lets `ambit-eval` judge them, and
//! turns the verdict into an action. Thin: what is decided is decided in the crates below.
//!
//! Two halves. [`policy`], [`head`], [`inbound`], [`egress`], [`decision`] and [`reply`] are ordinary code without a host,
//! and the native scenario runner drives them as they are. [`callbacks`] is what the host calls, [`contexts`] keeps what it calls
//! them for, and [`host`] is the only module that makes host calls.
//!
//! It does not know the policy language, keeps no policy in statics (two policies coexist in one VM while an update
//! is under way: host facts, 2.4), and edits no header on the allow path.
#![cfg_attr(
    test,
    allow(clippy::as_conversions, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")
)]

mod call;
pub mod callbacks;
mod connection;
mod contexts;
pub mod decision;
pub mod destination;
pub mod egress;
pub mod evidence;
mod facts;
pub mod head;
mod host;
mod http;
mod in_force;
pub mod inbound;
mod intake;
pub mod limits;
pub mod listing;
mod live;
pub mod outbound;
pub mod policy;
pub mod record;
pub mod reply;
mod report;
mod root;
mod schema;
pub mod settings;
mod telemetry;
pub use telemetry::names as metrics;
pub mod trust;
