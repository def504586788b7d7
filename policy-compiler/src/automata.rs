//! Patterns as tables: regular expressions, globs and path patterns become deterministic automata on the host, so
//! that the filter walks a table and holds no pattern engine.

mod pattern;
mod table;

pub use pattern::{AutomatonError, actions, principals, regex};

/// A deterministic automaton over bytes, minimal. `FORMAT.md`, section automata, says how it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Automaton {
    /// The state before the first byte.
    pub start: u16,
    /// The states. At most [`MAX_STATES`].
    pub states: Vec<State>,
}

/// A state of an automaton.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What the input is, should it end here; `None`: no match.
    pub label: Option<u16>,
    /// Where bytes lead: ascending, not overlapping, and a byte outside all of them leads to no match.
    pub ranges: Vec<Range>,
}

/// A range of bytes that lead to one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The least byte.
    pub low: u8,
    /// The greatest byte.
    pub high: u8,
    /// The place of the state.
    pub target: u16,
}

/// The most states of one automaton.
pub const MAX_STATES: usize = 16_384;

/// The most bytes that determinising a regular expression may take, which bounds time as well.
const MAX_REGEX_BYTES: usize = 2 << 20;

/// The same for all actions of a protocol, or all identity patterns.
const MAX_CATALOG_BYTES: usize = 16 << 20;

impl Automaton {
    /// The label of `input`, if it matches. For tests and listings: the filter has its own walk.
    #[must_use]
    pub fn run(&self, input: &[u8]) -> Option<u16> {
        let mut state = self.states.get(usize::from(self.start))?;
        for byte in input {
            let range = state.ranges.iter().find(|range| range.low <= *byte && *byte <= range.high)?;
            state = self.states.get(usize::from(range.target))?;
        }
        state.label
    }
}

#[cfg(test)]
mod tests;
