//! The slow, obvious evaluator: it judges the checked policy itself, without a blob.
//!
//! It says what a policy *means*; the compiler and the filter must agree with it. It shares no code with either, is
//! written to be read, allocates as it likes, and is not for the decision path.
//!
#![doc = include_str!("reference/ORDER.md")]

mod case;
mod chain;
mod condition;
mod decimal;
pub mod egress;
mod glob;
mod identity;
mod judge;

pub use ambit_bytecode::Code;
pub use case::{Case, FieldValue, Key, Lineage};
pub use identity::SpiffeId;
pub use judge::judge;

use crate::model::RuleId;

/// The most elements of a list that a condition looks at; a longer list is unknown.
const MAX_LIST: usize = 64;

/// The most members of a lineage.
const MAX_MEMBERS: usize = 16;

/// The most missions of a lineage.
const MAX_MISSIONS: usize = 4;

/// What judging depends on that no policy text says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// A peer whose sidecar stamps lineages must have stamped this call.
    pub require_stamp: bool,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the request may pass by policy.
    pub verdict: Verdict,
    /// Why.
    pub code: Code,
    /// Who limited it. None where no one in particular did, and where it is allowed.
    pub hop: Option<Hop>,
    /// The rule that decided: the deny that matched, or the caller's first grant that holds.
    pub rule: Option<RuleId>,
    /// Whether a deny is enforced, and not only recorded.
    pub enforced: bool,
}

/// Allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the privileges of everyone in the lineage.
    Allow,
    /// Not within the privileges of someone.
    Deny,
}

/// Someone in the lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// A member by its place, the origin being 0; the caller comes after the last.
    Member(usize),
    /// A mission by its place.
    Mission(usize),
}

#[cfg(test)]
mod tests;
