//! Automata: compiled patterns, walked byte by byte. `FORMAT.md`, section automata.

use ambit_bytecode::NONE;
use ambit_bytecode::cursor::{Cursor, Truncated, index, u8_at, u16_at, u32_at};

use crate::table::Table;

/// One automaton of a blob.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Automaton {
    pub(crate) start: u16,
    pub(crate) states: Table<6>,
    pub(crate) ranges: Table<4>,
}

impl Automaton {
    /// Reads the tables of the automaton at the cursor; `base` is the offset of the cursor's bytes in the blob.
    pub(crate) fn lay_out(cursor: &mut Cursor<'_>, base: usize) -> Result<Self, Truncated> {
        let count = cursor.u16()?;
        let start = cursor.u16()?;
        let ranges = cursor.u32()?;
        let states = Table { start: base.saturating_add(cursor.at()), count: u32::from(count) };
        cursor.records(usize::from(count), 6)?;
        let range_table = Table { start: base.saturating_add(cursor.at()), count: ranges };
        cursor.records(index(ranges), 4)?;
        Ok(Self { start, states, ranges: range_table })
    }

    /// The places of a state's ranges.
    pub(crate) fn ranges_of(self, bytes: &[u8], state: u32) -> Option<core::ops::Range<u32>> {
        let first = u32_at(self.states.record(bytes, state)?, 0)?;
        let next = state.checked_add(1)?;
        let end = if next < self.states.count {
            u32_at(self.states.record(bytes, next)?, 0)?
        } else {
            self.ranges.count
        };
        Some(first..end)
    }

    /// A state's label, or [`NONE`].
    pub(crate) fn label(self, bytes: &[u8], state: u32) -> Option<u16> {
        u16_at(self.states.record(bytes, state)?, 4)
    }

    /// The label of the state that `input` ends in, if it is a match.
    #[inline]
    pub(crate) fn run<'i>(self, bytes: &[u8], input: impl IntoIterator<Item = &'i u8>) -> Option<u16> {
        let mut state = u32::from(self.start);
        for byte in input {
            state = u32::from(self.step(bytes, state, *byte)?);
        }
        self.label(bytes, state).filter(|label| *label != NONE)
    }

    /// Hands to `found` the labels that inputs may have which start with `prefix`. `marks` has a place for each state.
    /// `None` is a fault.
    pub(crate) fn below(
        self,
        bytes: &[u8],
        prefix: &[u8],
        marks: &mut [u16],
        found: &mut impl FnMut(u16),
    ) -> Option<()> {
        /// A state that was not reached. Every other mark names the state that waits behind this one, or itself.
        const NEW: u16 = NONE;
        let mut state = self.start;
        for byte in prefix {
            match self.step(bytes, u32::from(state), *byte) {
                Some(next) => state = next,
                None => return Some(()),
            }
        }
        marks.fill(NEW);
        *marks.get_mut(usize::from(state))? = state;
        let mut waiting = Some(state);
        while let Some(state) = waiting {
            let behind = *marks.get(usize::from(state))?;
            waiting = (behind != state).then_some(behind);
            if let Some(label) = self.label(bytes, u32::from(state)).filter(|label| *label != NONE) {
                found(label);
            }
            for range in self.ranges_of(bytes, u32::from(state))? {
                let target = u16_at(self.ranges.record(bytes, range)?, 2)?;
                let mark = marks.get_mut(usize::from(target))?;
                if *mark == NEW {
                    *mark = waiting.unwrap_or(target);
                    waiting = Some(target);
                }
            }
        }
        Some(())
    }

    #[inline]
    fn step(self, bytes: &[u8], state: u32, byte: u8) -> Option<u16> {
        let mut range = self.ranges_of(bytes, state)?;
        while range.start < range.end {
            let middle = range.start.midpoint(range.end);
            let record = self.ranges.record(bytes, middle)?;
            if byte < u8_at(record, 0)? {
                range.end = middle;
            } else if byte > u8_at(record, 1)? {
                range.start = middle.checked_add(1)?;
            } else {
                return u16_at(record, 2);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
