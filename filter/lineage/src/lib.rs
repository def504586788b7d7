//! The lineage header, the table of live contexts, and their merge.
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
