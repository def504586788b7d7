//! From policy text to diagnostics, a program and a blob.
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

pub mod agents;
pub mod automata;
pub mod check;
pub mod compile;
pub mod diagnostics;
pub mod egress;
pub mod emit;
pub mod format;
#[cfg(any(test, feature = "generate"))]
pub mod generate;
pub mod ir;
pub mod lower;
pub mod model;
pub mod optimize;
pub mod outbound;
pub mod records;
pub mod reference;
pub mod schema;
pub mod slice;
pub mod source;
pub mod span_map;
pub mod specificity;
pub mod syntax;
