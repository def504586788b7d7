//! On whose behalf a request is made: the lineage header, the table of live contexts, the merge.
//!
//! A mesh proves who calls. This crate keeps what is behind the caller: the *lineage*, everyone who
//! caused a request, origin first. The proxies carry it; applications neither write nor read it.
//!
//! - [`lineage`]: one lineage, and what may be done with it: stamp a hop, merge, take as a mere claim.
//! - [`header`]: how it travels, in `x-ambit-lineage`.
//! - [`correlation`]: the ids by which a call is tied to the request that caused it.
//! - [`context`]: the table of live contexts, and the answer to "on whose behalf is this call made?".
//! - [`budget`]: how many calls may be made, and which call counts for what.
//! - [`shared`]: that table, shared by the workers of a proxy through a store that others can write too.
//!
//! # One request, one call
//!
//! The inbound role lets a request in and begins a context; the outbound role, in another worker's VM
//! or the same, finds it and stamps the call.
//!
//! ```
//! use ambit_lineage::context::{Answer, Trust};
//! use ambit_lineage::correlation::Correlation;
//! use ambit_lineage::secret::Secret;
//! use ambit_lineage::shared::{Contexts, Store};
//! use ambit_lineage::{Principal, header};
//!
//! fn inbound(contexts: &mut Contexts, store: &mut impl Store, now_ms: u64) {
//!     let received = b"v=1, root=\"4bf92f35\", via=(\"spiffe://mesh/ns/support/sa/agent\")";
//!     let peer = Principal::parse(b"spiffe://mesh/ns/agents/sa/planner").unwrap();
//!     let mut correlation = Correlation::default();
//!     correlation.header(b"x-request-id", b"3f2a");
//!
//!     let value = header::exactly_one([&received[..]]).unwrap().unwrap();
//!     let lineage = header::parse(value).unwrap();
//!     // Here policy judges `peer` and `lineage`.
//!     let ids = contexts.ids(&correlation);
//!     let ticket = contexts.begin(store, &ids, peer, &lineage, now_ms).unwrap();
//!     // And when the response is over: contexts.end(store, ticket, now_ms);
//!     # let _ = ticket;
//! }
//!
//! fn outbound(contexts: &mut Contexts, store: &mut impl Store, now_ms: u64) -> Vec<u8> {
//!     let mut correlation = Correlation::default();
//!     correlation.header(b"x-request-id", b"3f2a");
//!     let ids = contexts.ids(&correlation);
//!     let mut stamped = Vec::new();
//!     match contexts.lookup(store, &ids, Trust::Ids, now_ms) {
//!         Answer::Found(lineage) | Answer::Merged { lineage, .. } => {
//!             header::encode(&lineage, &mut stamped).unwrap();
//!         }
//!         Answer::Root => unreachable!("only for an agent that may originate"),
//!         Answer::Overflow(_) | Answer::Quarantine | Answer::Unavailable => unreachable!("deny"),
//!     }
//!     stamped
//! }
//! # #[derive(Default)]
//! # struct Map(std::collections::HashMap<String, (Vec<u8>, u32)>);
//! # impl Store for Map {
//! #     fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, shared::Cas)>, shared::StoreFault> {
//! #         let cas = |cas| shared::Cas(std::num::NonZeroU32::new(cas).unwrap());
//! #         Ok(self.0.get(key).map(|(value, number)| (value.clone(), cas(*number))))
//! #     }
//! #     fn set(&mut self, key: &str, value: &[u8], _: Option<shared::Cas>) -> Result<(), shared::SetError> {
//! #         let number = self.0.get(key).map_or(1, |(_, number)| number + 1);
//! #         self.0.insert(key.into(), (value.into(), number));
//! #         Ok(())
//! #     }
//! # }
//! # use ambit_lineage::shared;
//! # let mut store = Map::default();
//!
//! let secret = Secret::new(*b"sixteen byte key");
//! let (mut one, mut other) = (Contexts::new(secret.clone()), Contexts::new(secret));
//! one.install(&mut store, 0).unwrap();
//! other.install(&mut store, 0).unwrap();
//! inbound(&mut one, &mut store, 0);
//! let stamped = outbound(&mut other, &mut store, 1);
//! assert_eq!(
//!     String::from_utf8(stamped).unwrap(),
//!     "v=1, root=\"4bf92f35\", \
//!      via=(\"spiffe://mesh/ns/support/sa/agent\" \"spiffe://mesh/ns/agents/sa/planner\")",
//! );
//! ```
//!
//! # Invariants
//!
//! - *What limits a request limits every call made for it.* No answer has a strict subset of the members
//!   and missions of the context that a call belongs to. With [`context::Trust::Nothing`] that holds
//!   whatever ids the application sends; with [`context::Trust::Ids`] as long as it does not send the id of
//!   another live context on purpose. Bounds, evictions, races of workers, clocks that step and damage
//!   to the shared store included; `shared` says what is left.
//! - *No bound is met by forgetting.* What has no room is merged, and what cannot be merged is denied.
//! - *Everything is bounded*, in [`limits`], and nothing panics.
//!
//! # What it does not do
//!
//! It makes no host calls: time, bytes and the shared store are handed in. It does not judge: whether a
//! peer stamps, may originate or may delegate is policy's. It does not sign the header: a receiver
//! believes it because mTLS proves the proxy that wrote it.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bounded;
pub mod budget;
pub mod context;
pub mod correlation;
pub mod header;
pub mod limits;
pub mod lineage;
pub mod name;
#[cfg(test)]
mod sample;
pub mod secret;
pub mod shared;

pub use lineage::{Lineage, Order, Overflow};
pub use name::{Mission, Principal, RootId};
