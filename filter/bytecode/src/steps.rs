//! What a judgement costs, as a count that is the same on every machine. The compiler stamps it, the verifier checks
//! the stamp, and the evaluator counts by it: `FORMAT.md`, steps.
//!
//! A step is a bounded piece of work that does not depend on how many agents, rules or bytes there are: one
//! instruction, one look into a table, one member of a lineage or element of a list that is looked at, one comparison.
//! A comparison may read a text to its end, so the time that a step takes is bounded by the longest text that a request
//! holds or a condition names, and by nothing else.

use crate::limits::{MAX_LIST, MAX_MEMBERS, MAX_MISSIONS, MAX_STEPS};
use crate::opcode::Opcode;

/// What every judgement takes: finding the action, its record, its listing and its mode.
pub const BASE: u32 = 64;
/// Resolving one principal: its trust domain, the four ways to find its agent, the agent's records.
pub const PRINCIPAL: u32 = 32;
/// Resolving one mission.
pub const MISSION: u32 = 8;
/// Reading what one holder says of a column: its row and its arm, the search aside.
pub const ENTRY: u32 = 8;
/// Comparing a holder's ceiling.
pub const CEILING: u32 = 2;
/// Looking at one alternative, its condition and its reach aside.
pub const ALTERNATIVE: u32 = 2;

/// The members of a lineage and the caller.
const AGENTS: u32 = 17;
/// The agents, and the missions.
const HOLDERS: u32 = 21;

const _: () = assert!(MAX_MEMBERS == 16 && MAX_MISSIONS == 4, "the two numbers above follow from these");

/// The most steps to find one of `count` that are in order.
#[must_use]
pub const fn search(count: u32) -> u32 {
    u32::BITS.saturating_sub(count.leading_zeros())
}

/// The most steps of a reach that names `count` agents: each who follows is looked for among them.
#[must_use]
pub const fn reach(count: u32) -> u32 {
    AGENTS.saturating_sub(1).saturating_mul(search(count).saturating_add(1))
}

/// The most steps of one instruction, the body of a quantifier aside. `count` is how many members the set that its
/// operand names has; 0 if its operand is no set.
#[must_use]
pub const fn instruction(opcode: Opcode, count: u32) -> u32 {
    let more = match opcode {
        // The neighbours say whether any member is of its type.
        Opcode::InSet => search(count).saturating_add(2),
        Opcode::InNetwork => count,
        Opcode::CallerIn => search(count),
        Opcode::ChainHas => AGENTS,
        Opcode::OriginIn => AGENTS.saturating_mul(search(count)),
        Opcode::UnderMission => 4,
        Opcode::InList => MAX_LIST.saturating_add(1),
        Opcode::All | Opcode::Exists => 1,
        _ => 0,
    };
    more.saturating_add(1)
}

/// What the step bound of a blob follows from, beside the limits of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Members of the largest set that a profile names.
    pub largest_set: u32,
    /// Entries of the longest side of a row.
    pub longest_side: u32,
    /// The most that the alternatives of one arm take together: each [`ALTERNATIVE`], its condition, its [`reach`].
    pub dearest_arm: u32,
}

impl Sizes {
    /// The step bound. `None` if it is beyond [`MAX_STEPS`].
    #[must_use]
    pub const fn step_bound(&self) -> Option<u32> {
        let bound = self.unlimited();
        if bound <= MAX_STEPS { Some(bound) } else { None }
    }

    /// As [`Self::step_bound`], however large.
    #[must_use]
    pub const fn unlimited(&self) -> u32 {
        // Resolved; counted among its followers and compared with those before it; looked for among the delegates
        // of the one before; each mission looked for among its own.
        let sets = search(self.largest_set).saturating_mul(5);
        let agents =
            AGENTS.saturating_mul(PRINCIPAL.saturating_add(AGENTS).saturating_add(1).saturating_add(sets));
        // Denies, then grants, then the ceiling.
        let side = ENTRY.saturating_add(search(self.longest_side)).saturating_add(self.dearest_arm);
        let holders = HOLDERS.saturating_mul(side.saturating_mul(2).saturating_add(CEILING));
        let missions = MISSION.saturating_mul(4);
        BASE.saturating_add(agents).saturating_add(missions).saturating_add(holders)
    }
}

#[cfg(test)]
mod tests;
