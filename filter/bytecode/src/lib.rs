//! The wire format of Ambit policy: the contract between the compiler that writes a blob on a host and the sidecar
//! that reads it, which outlives any release of either.
//!
//! It holds the framing ([`blob`]), the one opcode table ([`opcode`]), where fields come from ([`field`]), the codes
//! of verdicts ([`code`]), what a judgement costs ([`steps`]), the hash, the limits, and checked reads ([`cursor`]). Writing needs the feature `alloc`
//! ([`encode`]); reading needs nothing but `core`.
//!
//! It does not check what is in the sections, does not evaluate, and knows neither HTTP nor JSON nor the policy
//! language. `FORMAT.md` is the specification; tests hold its tables to the ones here.
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

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod blob;
pub mod code;
pub mod cursor;
#[cfg(feature = "alloc")]
pub mod disasm;
#[cfg(feature = "alloc")]
pub mod encode;
pub mod field;
pub mod hash;
pub mod limits;
pub mod opcode;
pub mod steps;

pub use blob::{Blob, BlobError, Section};
pub use code::Code;
pub use field::Source;
pub use opcode::Opcode;

/// The id, place or offset that means *none* in two bytes.
pub const NONE: u16 = u16::MAX;
/// The offset that means *none* in four bytes.
pub const NONE_OFFSET: u32 = u32::MAX;
