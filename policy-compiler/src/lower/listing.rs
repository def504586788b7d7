//! Listings of what was lowered.

use core::fmt;

use ambit_bytecode::cursor::{u8_at, u16_at};
use ambit_bytecode::opcode::{Opcode, Operand};

use super::{Code, Lowered};

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, field) in self.fields.iter().enumerate() {
            writeln!(
                f,
                "field {place} {} {:?} {:?} in {:?}",
                field.source.word(),
                field.argument,
                field.keys,
                field.list
            )?;
        }
        for (place, literal) in self.literals.iter().enumerate() {
            writeln!(f, "literal {place} {literal:?}")?;
        }
        for (place, set) in self.literal_sets.iter().enumerate() {
            writeln!(f, "literal set {place} {set:?}")?;
        }
        for (place, set) in self.sets.iter().enumerate() {
            writeln!(f, "set {place} {set:?}")?;
        }
        for (place, networks) in self.networks.iter().enumerate() {
            writeln!(f, "networks {place} {networks:?}")?;
        }
        for (place, automaton) in self.automata.iter().enumerate() {
            let ranges: usize = automaton.states.iter().map(|state| state.ranges.len()).sum();
            writeln!(f, "automaton {place} {} states {ranges} ranges", automaton.states.len())?;
        }
        for (place, code) in self.conditions.iter().enumerate() {
            writeln!(f, "condition {place} at most {} steps, stack {}", code.steps, code.stack)?;
            write!(f, "{code}")?;
        }
        for listing in &self.listings {
            writeln!(
                f,
                "listing of action {}: objects {}, arguments {}",
                listing.action, listing.objects, listing.arguments
            )?;
        }
        writeln!(f, "step bound {}", self.step_bound)
    }
}

/// A disassembly, one instruction a line, with its offset.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0_usize;
        while let Some(opcode) = u8_at(&self.bytes, at).and_then(Opcode::from_byte) {
            let next = at.saturating_add(opcode.instruction_bytes());
            write!(f, "  {at:04} {}", opcode.mnemonic())?;
            for (place, operand) in opcode.operands().iter().enumerate() {
                let operand_at = at.saturating_add(1).saturating_add(place.saturating_mul(2));
                let value = u16_at(&self.bytes, operand_at).unwrap_or_default();
                match operand {
                    Operand::Skip | Operand::Body => {
                        write!(f, " to {:04}", next.saturating_add(usize::from(value)))?
                    }
                    _ => write!(f, " {value}")?,
                }
            }
            writeln!(f)?;
            at = next;
        }
        Ok(())
    }
}
