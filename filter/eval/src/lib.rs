//! Verifies a policy blob into a [`Program`], and judges requests by it.
//!
//! [`Program::decide`] is total: every request gets a verdict, in at most the stamped number of steps, without
//! allocation and without panic. Three-valued inside, two-valued outside: what cannot be evaluated grants nothing and
//! denies everything. There is no error that a caller could take for an allow.
//!
//! This crate knows neither HTTP, Envoy, JSON nor the policy language. It depends on `core` and on `ambit-bytecode`,
//! and on nothing else. It does not check signatures, and it does not read clocks: the caller says what time it is.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "tests may panic"
    )
)]

#[cfg(test)]
extern crate std;

mod automaton;
mod chain;
mod condition;
mod decide;
pub mod facts;
pub mod inspect;
mod layout;
mod literal;
mod meter;
pub mod network;
mod program;
mod row;
mod table;
mod text;
mod value;
mod verdict;
pub mod verify;

pub use ambit_bytecode::Code;
pub use decide::Consideration;
pub use facts::{Caller, Facts, Key, Lineage, Principal, Protocol, Request, Statement};
pub use program::{FieldDescription, Listing, Program};
pub use value::{Arguments, Count, Number, Truth, Value};
pub use verdict::{Hop, Verdict};
pub use verify::{VerifyError, VerifyErrorKind};
