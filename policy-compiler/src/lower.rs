//! From the arrangement to numbered tables and instructions: all that is left to emit is bytes.

mod arguments;
mod code;
mod listing;
mod tables;

pub use arguments::ListingRecord;
pub use code::Code;
pub use tables::{Argument, FieldRecord};

use std::collections::BTreeSet;

use ambit_bytecode::limits::MAX_STEPS;
use ambit_bytecode::steps::{self, ALTERNATIVE, Sizes};

use crate::automata::Automaton;
use crate::compile::{CompileError, CompileErrorKind};
use crate::ir::{Arm, Ir};
use crate::model::{Cidr, Literal};
use crate::source::Span;

use tables::Tables;

/// An arrangement with its conditions as code.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// What was lowered.
    pub ir: Ir,
    /// The code of each condition.
    pub conditions: Vec<Code>,
    /// Fields that conditions read.
    pub fields: Vec<FieldRecord>,
    /// Constants.
    pub literals: Vec<Literal>,
    /// Sets of constants, by place, in the order of the format.
    pub literal_sets: Vec<Vec<u16>>,
    /// Sets of address ranges.
    pub networks: Vec<Vec<Cidr>>,
    /// Compiled regular expressions.
    pub automata: Vec<Automaton>,
    /// Sets of agents that conditions name, and of fields that actions list.
    pub sets: Vec<Vec<u16>>,
    /// What actions list, in order of action.
    pub listings: Vec<ListingRecord>,
    /// No judgement takes more steps.
    pub step_bound: u32,
}

/// Lowers an arrangement.
///
/// # Errors
/// [`CompileError`] if a condition cannot be code of the format, or a judgement could take too many steps.
pub fn lower(ir: &Ir) -> Result<Lowered, CompileError> {
    let mut tables = Tables::default();
    let mut conditions = Vec::new();
    for (place, condition) in ir.conditions.iter().enumerate() {
        let code = code::lower(condition, &mut tables)
            .map_err(|kind| CompileError::new(kind, span_of_condition(ir, place)))?;
        conditions.push(code);
    }
    let listings = arguments::listings(&ir.slice.policy.services, &mut tables)?;
    let step_bound = bound(ir, &conditions)?;
    Ok(Lowered {
        ir: ir.clone(),
        conditions,
        fields: tables.fields.into_items(),
        literals: tables.literals.into_items(),
        literal_sets: tables.literal_sets.into_items(),
        networks: tables.networks.into_items(),
        automata: tables.automata.into_items(),
        sets: tables.sets.into_items(),
        listings,
        step_bound,
    })
}

/// The step bound that the format prescribes.
fn bound(ir: &Ir, conditions: &[Code]) -> Result<u32, CompileError> {
    let of_arm = |arm: &Arm| {
        arm.alternatives.iter().fold(0_u32, |sum, alternative| {
            let condition = alternative.condition.and_then(|place| conditions.get(place));
            let through = alternative.reach.and_then(|place| ir.reaches.get(place)?.through.as_ref());
            sum.saturating_add(ALTERNATIVE)
                .saturating_add(condition.map_or(0, |code| code.steps))
                .saturating_add(through.map_or(0, |agents| steps::reach(count(agents.len()))))
        })
    };
    let agents = &ir.slice.policy.agents;
    let sets = agents.iter().flat_map(|agent| {
        let delegates = agent.delegates.to.as_deref().map_or(0, distinct);
        [delegates, agent.missions.as_deref().map_or(0, distinct)]
    });
    let sides = ir.rows.iter().flat_map(|row| [row.grants.len(), row.denies.len()]);
    let dearest = ir.arms.iter().max_by_key(|arm| of_arm(arm));
    let sizes = Sizes {
        largest_set: count(sets.max().unwrap_or(0)),
        longest_side: count(sides.max().unwrap_or(0)),
        dearest_arm: dearest.map_or(0, of_arm),
    };
    sizes.step_bound().ok_or_else(|| {
        let condition = dearest.and_then(|arm| arm.alternatives.iter().find_map(|rule| rule.condition));
        let kind = CompileErrorKind::TooManySteps { steps: sizes.unlimited(), most: MAX_STEPS };
        CompileError::new(kind, condition.and_then(|place| span_of_condition(ir, place)))
    })
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// How many there are, those that are named twice counted once.
fn distinct<T: Ord>(items: &[T]) -> usize {
    items.iter().collect::<BTreeSet<_>>().len()
}

/// Where a rule with this condition is written: the first whose arm uses it.
fn span_of_condition(ir: &Ir, condition: usize) -> Option<Span> {
    let uses = |arm: &Arm| arm.alternatives.iter().find(|rule| rule.condition == Some(condition)).copied();
    for holding in ir.agents.iter().chain(&ir.missions) {
        let Some(row) = holding.row.and_then(|row| ir.rows.get(row)) else { continue };
        for (own, entry) in (0..).zip(row.grants.iter().chain(&row.denies)) {
            let Some(rule) = entry.arm.and_then(|arm| uses(ir.arms.get(arm)?)) else { continue };
            let number = holding.first_rule.checked_add(rule.rule.unwrap_or(own))?;
            let whole = ir.rules.get(usize::try_from(number).ok()?)?;
            let place = ir.slice.rules.binary_search(&whole.rule).ok()?;
            return ir.slice.policy.rules.get(place).map(|rule| rule.span);
        }
    }
    None
}

#[cfg(test)]
mod tests;
