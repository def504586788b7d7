//! Istio objects and the OCI image from compiled policy, and what makes them hollow in a cluster.
//!
//! [`render`] turns a checked policy into the objects that put it in force: for each workload the plugin that carries its
//! blob, strict mTLS, and the baseline that closes what the plugin does not see. [`lint`] reads the objects of a cluster
//! and finds what goes around them. Neither does any I/O. [`image`] makes the OCI image that carries the filter, and
//! alone talks to a network: to the registry.
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

pub mod image;
pub mod limits;
pub mod lint;
pub mod render;
