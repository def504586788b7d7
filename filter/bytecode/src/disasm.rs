//! Conditions as text: one instruction a line, what a quantifier runs over in braces, targets of jumps as labels.
//!
//! ```text
//! field 0                  ; args.amount
//! literal 2                ; 50
//! less-or-equal
//! skip-if-false l1
//! all 3 {                  ; args.lines
//!   element 4              ; sku
//!   in-set 0
//! }
//! and
//! l1:
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cursor::{slice_at, u8_at, u16_at};
use crate::limits::MAX_NESTING;
use crate::opcode::{Opcode, Operand};

/// Where comments begin, if the instruction is not longer.
const COMMENT_COLUMN: usize = 24;

/// Bytes that are not instructions, from this offset on: an unknown opcode, a body or a jump that leaves its piece or
/// ends within an instruction, or quantifiers that nest deeper than [`MAX_NESTING`]. Verified code has none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCode {
    /// Offset of the instruction, from the start of the code.
    pub at: usize,
}

/// The listing of a condition. `name` says what an operand names, for people; where it says something, a comment does.
///
/// # Errors
/// [`NotCode`] if the bytes are not instructions.
pub fn disassemble(
    code: &[u8],
    name: &mut dyn FnMut(Operand, u16) -> Option<String>,
) -> Result<String, NotCode> {
    let mut listing = Listing { code, text: String::new(), labels: 0, name };
    listing.piece(0, code.len(), 0)?;
    Ok(listing.text)
}

struct Listing<'a> {
    code: &'a [u8],
    text: String,
    /// How many labels have been named.
    labels: usize,
    name: &'a mut dyn FnMut(Operand, u16) -> Option<String>,
}

/// An instruction as it lies in the code.
struct Instruction {
    opcode: Opcode,
    operands: Vec<(Operand, u16)>,
    /// Where what follows it begins: for a quantifier, its body.
    next: usize,
}

impl Instruction {
    fn at(code: &[u8], at: usize, end: usize) -> Result<Self, NotCode> {
        let opcode = u8_at(code, at).and_then(Opcode::from_byte).ok_or(NotCode { at })?;
        let next = at.saturating_add(opcode.instruction_bytes());
        if next > end {
            return Err(NotCode { at });
        }
        let words = slice_at(code, at.saturating_add(1), opcode.operands().len().saturating_mul(2));
        let words = words.unwrap_or_default().chunks(2).map(|word| u16_at(word, 0).unwrap_or_default());
        Ok(Self { opcode, operands: opcode.operands().iter().copied().zip(words).collect(), next })
    }

    /// Where it jumps to, or where its body ends.
    fn distance(&self) -> Option<(Operand, usize)> {
        let (operand, distance) = self.operands.last()?;
        matches!(operand, Operand::Skip | Operand::Body)
            .then(|| (*operand, self.next.saturating_add(usize::from(*distance))))
    }
}

impl Listing<'_> {
    /// Lists the instructions between two offsets.
    fn piece(&mut self, start: usize, end: usize, depth: usize) -> Result<(), NotCode> {
        let mut labels = self.labels_of(start, end)?;
        let mut at = start;
        loop {
            if let Some((_, label)) = labels.iter().find(|(target, _)| *target == at) {
                self.text.push_str(&format!("{:1$}l{label}:\n", "", depth.saturating_mul(2)));
                labels.retain(|(target, _)| *target != at);
            }
            if at >= end {
                break;
            }
            let instruction = Instruction::at(self.code, at, end)?;
            self.instruction(&instruction, depth, |target| {
                labels.iter().find(|(known, _)| *known == target).map(|(_, label)| *label)
            });
            at = instruction.next;
            if let Some((Operand::Body, body_end)) = instruction.distance() {
                if depth >= MAX_NESTING {
                    return Err(NotCode { at });
                }
                self.piece(at, body_end, depth.saturating_add(1))?;
                self.text.push_str(&format!("{:1$}}}\n", "", depth.saturating_mul(2)));
                at = body_end;
            }
        }
        match labels.first() {
            // It lies within an instruction.
            Some((target, _)) => Err(NotCode { at: *target }),
            None => Ok(()),
        }
    }

    /// The targets of a piece's jumps, each with the number of its label, in order of first mention.
    fn labels_of(&mut self, start: usize, end: usize) -> Result<Vec<(usize, usize)>, NotCode> {
        let mut labels: Vec<(usize, usize)> = Vec::new();
        let mut at = start;
        while at < end {
            let instruction = Instruction::at(self.code, at, end)?;
            let here = at;
            at = instruction.next;
            let Some((operand, target)) = instruction.distance() else { continue };
            if target > end || (operand == Operand::Skip && target == at) {
                return Err(NotCode { at: here });
            }
            if operand == Operand::Body {
                at = target;
            } else if labels.iter().all(|(known, _)| *known != target) {
                self.labels = self.labels.saturating_add(1);
                labels.push((target, self.labels));
            }
        }
        Ok(labels)
    }

    fn instruction(
        &mut self,
        instruction: &Instruction,
        depth: usize,
        label: impl Fn(usize) -> Option<usize>,
    ) {
        let mut line = format!("{:1$}{2}", "", depth.saturating_mul(2), instruction.opcode.mnemonic());
        let mut names = Vec::new();
        for (operand, id) in &instruction.operands {
            match operand {
                Operand::Skip => {
                    let target = instruction.next.saturating_add(usize::from(*id));
                    line.push_str(&format!(" l{}", label(target).unwrap_or_default()));
                }
                Operand::Body => line.push_str(" {"),
                _ => {
                    line.push_str(&format!(" {id}"));
                    names.extend((self.name)(*operand, *id));
                }
            }
        }
        if !names.is_empty() {
            line = format!("{line:COMMENT_COLUMN$} ; {}", names.join(", "));
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests;
