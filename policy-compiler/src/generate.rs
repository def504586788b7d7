//! Small but nasty policies, and requests aimed at them, for property tests.
//!
//! Everything is drawn from [`Choices`], a tape of small numbers: from a seed the tape is written, from a tape the same
//! policy and request come again, and a tape with fewer and smaller numbers makes a simpler policy. So a counterexample
//! shrinks without the shrinker knowing what a policy is, and is committed as its tape.

mod case;
mod choices;
mod condition;
pub mod egress;
pub mod large;
mod policy;
mod pool;

pub use case::case;
pub use choices::{Choices, shrink};
pub use condition::{asks_for_presence, condition};
pub use policy::policy;
