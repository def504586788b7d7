//! Local budgets: how many calls an agent makes for one root, and in a window of time.
//!
//! # Who counts
//!
//! The outbound role of the agent that calls, and only that one. It sees every call exactly once: Envoy
//! repeats and hedges requests behind its filters, so an attempt is no call. It sees calls to every
//! destination, so that fan-out to many is fan-out; and it knows which requests are live in its pod, so
//! that a call which hides whom it is made for counts for all of them. A callee would see none of this.
//! Counts are of one proxy: two replicas of an agent have a budget each.
//!
//! # What counts for what
//!
//! A call is counted for the roots of the requests on whose behalf it is made, as
//! [`Answer`](crate::context::Answer) has it: one, if it carries that request's id; else each that is
//! live in the pod or was until a window ago. A root is known by its id and by who began it, so that no
//! one can use up the budget of another's work; requests without a root id are told apart by their lineage.
//! A call with nothing live begins a root of its own, whose id the application chooses: it counts for the
//! window only.
//!
//! A root is counted for as long as a request of it is live in the pod, and for a window more. The window of
//! a rate slides in steps of an eighth: in no stretch of time as long as the window are more calls made
//! than the budget says.
//!
//! # What a bound does
//!
//! Where there is no room to count a root by itself, or it cannot be told which one it is, the call counts for
//! all roots at once.

use crate::name::Mission;

/// How many calls may be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// For one root.
    pub per_root: Option<u32>,
    /// In any stretch of time.
    pub rate: Option<Rate>,
}

/// How many calls may be made in any stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// This many.
    pub calls: u32,
    /// In milliseconds, at most [`MAX_RATE_WINDOW_MS`](crate::limits::MAX_RATE_WINDOW_MS).
    pub window_ms: u32,
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// The agent that calls: the one of this proxy.
    Agent,
    /// A mission under which the call is made.
    Mission(Mission<'a>),
}

/// Which part of a budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// That of a root.
    Root,
    /// That of the window.
    Window,
}

impl Exhausted {
    /// The stable word for it, in logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Window => "window",
        }
    }
}
