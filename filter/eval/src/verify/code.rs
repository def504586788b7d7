//! Conditions: every instruction is known, finds what it takes on the stack, names something that exists, and jumps
//! forward to the start of another; the stamped steps are right. Code is read once, front to back.

use ambit_bytecode::NONE;
use ambit_bytecode::blob::{Blob, Section};
use ambit_bytecode::cursor::{index, slice_at, u8_at, u16_at, u32_at};
use ambit_bytecode::field::Source;
use ambit_bytecode::limits::{MAX_CODE_BYTES, MAX_CONDITION_STEPS, MAX_LIST, MAX_NESTING, MAX_STACK};
use ambit_bytecode::opcode::{Kind, Opcode, Operand};
use ambit_bytecode::steps;

use super::{VerifyError, VerifyErrorKind, bounds, place, version1};
use crate::layout::Layout;
use crate::table::Groups;

/// The most jumps of one piece of code that may be open at a time.
const MAX_OPEN_JUMPS: usize = 32;

/// What an abstract stack holds: bit `i` is set if slot `i` is a truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stack {
    depth: usize,
    truths: u32,
}

impl Stack {
    fn push(&mut self, kind: Kind) -> Result<(), VerifyErrorKind> {
        if self.depth >= MAX_STACK {
            return Err(VerifyErrorKind::Stack);
        }
        let bit = 1_u32 << self.depth;
        match kind {
            Kind::Truth => self.truths |= bit,
            Kind::Value => self.truths &= !bit,
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn pop(&mut self, kind: Kind) -> Result<(), VerifyErrorKind> {
        self.depth = self.depth.checked_sub(1).ok_or(VerifyErrorKind::Stack)?;
        let bit = 1_u32 << self.depth;
        let is_truth = self.truths & bit != 0;
        self.truths &= !bit;
        if is_truth == (kind == Kind::Truth) { Ok(()) } else { Err(VerifyErrorKind::Stack) }
    }
}

/// Checks conditions, and says what a judgement takes at most.
pub(super) fn check(blob: &Blob<'_>, layout: &Layout) -> Result<u32, VerifyError> {
    let place = place(blob, Section::Code);
    let bytes = blob.bytes();
    let is_first = blob.version() == 1;
    let price = if is_first { version1::instruction } else { steps::instruction };
    // Were pieces to overlap, a small blob could take long to check.
    let mut next = 0;
    let mut dearest = 0;
    for condition in 0..layout.conditions.count {
        let here = layout.conditions.offset(condition);
        let record = layout.conditions.record(bytes, condition);
        let record = record.ok_or_else(|| place.error_at(VerifyErrorKind::Truncated, here))?;
        let field = |at| u32_at(record, at).unwrap_or(u32::MAX);
        let (offset, length, stamped) = (index(field(0)), index(field(4)), field(8));
        let start = layout.instructions.start.saturating_add(offset);
        if offset != next {
            return Err(place.error_at(VerifyErrorKind::Order, here));
        }
        next = offset.saturating_add(length);
        if next > index(layout.instructions.count) || length > MAX_CODE_BYTES {
            return Err(place.error_at(VerifyErrorKind::Count, here));
        }
        let code = slice_at(bytes, start, length).unwrap_or_default();
        let steps_by = |price| {
            let piece = Piece { bytes, layout, price, list: None, nesting: 0 };
            piece.check(code).map_err(|(kind, at)| place.error_at(kind, start.saturating_add(at)))
        };
        if steps_by(price)? != stamped || stamped > MAX_CONDITION_STEPS {
            return Err(place.error_at(VerifyErrorKind::Steps, here));
        }
        dearest = dearest.max(if is_first { steps_by(steps::instruction)? } else { stamped });
    }
    if next != index(layout.instructions.count) {
        let end = layout.instructions.start.saturating_add(next);
        return Err(place.error_at(VerifyErrorKind::Trailing, end));
    }
    let (stamp, bound) = if is_first {
        (version1::step_bound(bytes, layout), bounds::of_version1(bytes, layout, dearest))
    } else {
        let bound = bounds::of(bytes, layout);
        (bound, bound)
    };
    match bound {
        Some(bound) if stamp == Some(blob.header().step_bound) => Ok(bound),
        _ => Err(VerifyError { kind: VerifyErrorKind::Steps, section: None, offset: 12 }),
    }
}

/// A piece of code: a condition, or a quantifier's body.
struct Piece<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
    /// The most steps of an instruction, by how many members the set has that its operand names.
    price: fn(Opcode, u32) -> u32,
    /// The list whose elements the body runs over.
    list: Option<u16>,
    nesting: usize,
}

fn members_of<const SIZE: usize>(sets: Groups<SIZE>, bytes: &[u8], set: u16) -> u32 {
    sets.table(bytes, u32::from(set)).unwrap_or_default().count
}

type At<T> = Result<T, (VerifyErrorKind, usize)>;

impl Piece<'_> {
    /// Checks the piece and says how many steps it takes at most.
    fn check(&self, code: &[u8]) -> At<u32> {
        let mut stack = Stack::default();
        let mut jumps = [None::<(usize, Stack)>; MAX_OPEN_JUMPS];
        let mut steps = 0_u32;
        let mut at = 0_usize;
        loop {
            for jump in &mut jumps {
                match *jump {
                    Some((target, then)) if target == at => {
                        if then != stack {
                            return Err((VerifyErrorKind::Stack, at));
                        }
                        *jump = None;
                    }
                    Some((target, _)) if target < at => return Err((VerifyErrorKind::Jump, at)),
                    _ => {}
                }
            }
            if at >= code.len() {
                break;
            }
            let opcode = u8_at(code, at).and_then(Opcode::from_byte).ok_or((VerifyErrorKind::Opcode, at))?;
            let next = at.saturating_add(opcode.instruction_bytes());
            if next > code.len() {
                return Err((VerifyErrorKind::Truncated, at));
            }
            for kind in opcode.stack().takes.iter().rev() {
                stack.pop(*kind).map_err(|kind| (kind, at))?;
            }
            for kind in opcode.stack().leaves {
                stack.push(*kind).map_err(|kind| (kind, at))?;
            }
            let mut body_steps = 0_u32;
            let mut members = 0_u32;
            let mut after = next;
            for (place, operand) in opcode.operands().iter().enumerate() {
                let operand_at = at.saturating_add(1).saturating_add(place.saturating_mul(2));
                let id = u16_at(code, operand_at).unwrap_or(NONE);
                match operand {
                    Operand::Skip => {
                        let target = next.saturating_add(usize::from(id));
                        if id == 0 || target > code.len() {
                            return Err((VerifyErrorKind::Jump, at));
                        }
                        let free = jumps.iter_mut().find(|jump| jump.is_none());
                        *free.ok_or((VerifyErrorKind::Jump, at))? = Some((target, stack));
                    }
                    Operand::Body => {
                        let list = u16_at(code, at.saturating_add(1)).unwrap_or(NONE);
                        after = next.saturating_add(usize::from(id));
                        let body =
                            slice_at(code, next, usize::from(id)).ok_or((VerifyErrorKind::Jump, at))?;
                        let taken = self
                            .body(list, body)
                            .map_err(|(kind, inner)| (kind, next.saturating_add(inner)))?;
                        body_steps = taken.saturating_mul(MAX_LIST);
                    }
                    named => members = self.operand(*named, id).map_err(|kind| (kind, at))?,
                }
            }
            steps = steps.saturating_add((self.price)(opcode, members)).saturating_add(body_steps);
            at = after;
        }
        let left_over = jumps.iter().any(Option::is_some);
        let one_truth = stack == Stack { depth: 1, truths: 1 };
        if left_over {
            return Err((VerifyErrorKind::Jump, at));
        }
        if one_truth { Ok(steps) } else { Err((VerifyErrorKind::Stack, at)) }
    }

    fn body(&self, list: u16, body: &[u8]) -> At<u32> {
        let nesting = self.nesting.saturating_add(1);
        if nesting > MAX_NESTING {
            return Err((VerifyErrorKind::Nesting, 0));
        }
        Piece { list: Some(list), nesting, ..*self }.check(body)
    }

    /// The operand names something of the right sort. How many members it has, if it is a set.
    fn operand(&self, operand: Operand, id: u16) -> Result<u32, VerifyErrorKind> {
        let layout = self.layout;
        let count = match operand {
            Operand::Field | Operand::List | Operand::ElementField => layout.fields.count,
            Operand::Literal => layout.literals.count,
            Operand::LiteralSet => layout.literal_sets.count(),
            Operand::Networks => layout.networks.count(),
            Operand::Automaton => layout.automata.count,
            Operand::Agents => layout.sets.count(),
            Operand::Agent => layout.agents.count,
            Operand::Mission => layout.missions.count,
            Operand::Skip | Operand::Body => return Ok(0),
        };
        if u32::from(id) >= count {
            return Err(VerifyErrorKind::Reference);
        }
        let field = layout.fields.record(self.bytes, u32::from(id)).map_or(&[][..], |field| field);
        let lies_in = u16_at(field, 2).unwrap_or(NONE);
        let is_body = u8_at(field, 0) == Some(Source::Body.number());
        match operand {
            Operand::Field if lies_in != NONE => Err(VerifyErrorKind::Nesting),
            Operand::List if lies_in != NONE || !is_body => Err(VerifyErrorKind::Nesting),
            Operand::ElementField if Some(lies_in) != self.list => Err(VerifyErrorKind::Nesting),
            Operand::LiteralSet => Ok(members_of(layout.literal_sets, self.bytes, id)),
            Operand::Networks => Ok(members_of(layout.networks, self.bytes, id)),
            Operand::Agents => Ok(members_of(layout.sets, self.bytes, id)),
            _ => Ok(0),
        }
    }
}
