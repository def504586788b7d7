//! What blobs of version 1 stamp. It counts conditions, and little else: it is checked as it was written, and not
//! relied on.

use ambit_bytecode::NONE;
use ambit_bytecode::cursor::{u16_at, u32_at};
use ambit_bytecode::limits::{MAX_LIST, MAX_STEPS};
use ambit_bytecode::opcode::Opcode;

use crate::layout::Layout;

/// The steps of one instruction.
pub(super) const fn instruction(opcode: Opcode, _members: u32) -> u32 {
    match opcode {
        Opcode::InList => MAX_LIST.saturating_add(2),
        Opcode::All | Opcode::Exists => 2,
        _ => 1,
    }
}

/// The step bound. `None` if it is beyond what any blob may stamp.
pub(super) fn step_bound(bytes: &[u8], layout: &Layout) -> Option<u32> {
    let mut dearest = 0_u32;
    for arm in 0..layout.arms.count() {
        let alternatives = layout.arms.table(bytes, arm)?;
        let mut sum = 0_u32;
        for alternative in 0..alternatives.count {
            let steps = match u16_at(alternatives.record(bytes, alternative)?, 4)? {
                NONE => 0,
                condition => u32_at(layout.conditions.record(bytes, u32::from(condition))?, 8)?,
            };
            sum = sum.checked_add(20)?.checked_add(steps)?;
        }
        dearest = dearest.max(sum);
    }
    let judge = dearest.checked_mul(2)?.checked_add(32)?;
    judge.checked_mul(21)?.checked_add(64).filter(|bound| *bound <= MAX_STEPS)
}
