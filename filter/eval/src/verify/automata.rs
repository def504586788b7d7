//! Automata lie one after the other, their states and ranges are in order, and every target exists.

use ambit_bytecode::blob::{Blob, Section};
use ambit_bytecode::cursor::{Cursor, u8_at, u16_at};

use super::{VerifyError, VerifyErrorKind, place};
use crate::automaton::Automaton;
use crate::layout::Layout;

pub(super) fn check(blob: &Blob<'_>, layout: &Layout) -> Result<(), VerifyError> {
    let place = place(blob, Section::Automata);
    let mut cursor = Cursor::new(blob.section(Section::Automata));
    let directory =
        4_usize.saturating_add(usize::try_from(layout.automata.count).unwrap_or(0).saturating_mul(4));
    cursor.take(directory).map_err(|truncated| place.truncated(truncated))?;
    for automaton in 0..layout.automata.count {
        let at = cursor.at();
        let stated = layout.automata.u32(blob.bytes(), automaton).map(ambit_bytecode::cursor::index);
        if stated != Some(at) {
            return Err(place.error(VerifyErrorKind::Order, at));
        }
        let automaton =
            Automaton::lay_out(&mut cursor, layout.automata_start).map_err(|t| place.truncated(t))?;
        check_one(blob.bytes(), automaton, at.saturating_add(layout.automata_start))
            .map_err(|(kind, offset)| place.error_at(kind, offset))?;
    }
    if cursor.is_at_end() { Ok(()) } else { Err(place.error(VerifyErrorKind::Trailing, cursor.at())) }
}

/// Checks the automaton at an offset, and says at which what is wrong.
fn check_one(bytes: &[u8], automaton: Automaton, at: usize) -> Result<(), (VerifyErrorKind, usize)> {
    if u32::from(automaton.start) >= automaton.states.count {
        return Err((VerifyErrorKind::Reference, at));
    }
    let mut next = 0;
    for state in 0..automaton.states.count {
        let here = automaton.states.offset(state);
        let ranges = automaton.ranges_of(bytes, state).ok_or((VerifyErrorKind::Truncated, here))?;
        if ranges.start != next || ranges.end < ranges.start || ranges.end > automaton.ranges.count {
            return Err((VerifyErrorKind::Order, here));
        }
        next = ranges.end;
        let mut above = 0_u16;
        for range in ranges {
            let here = automaton.ranges.offset(range);
            let record = automaton.ranges.record(bytes, range).ok_or((VerifyErrorKind::Truncated, here))?;
            let (low, high) = (u8_at(record, 0).unwrap_or(0), u8_at(record, 1).unwrap_or(0));
            if u16::from(low) < above || high < low {
                return Err((VerifyErrorKind::Order, here));
            }
            above = u16::from(high).saturating_add(1);
            if u16_at(record, 2).is_none_or(|target| u32::from(target) >= automaton.states.count) {
                return Err((VerifyErrorKind::Reference, here));
            }
        }
    }
    Ok(())
}
