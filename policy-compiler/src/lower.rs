//! From the arrangement to numbered tables and instructions: all that is left to emit is bytes.

mod arguments;
mod code;
mod listing;
mod tables;

pub use arguments::ListingRecord;
pub use code::Code;
pub use tables::{Argument, FieldRecord};

use ambit_bytecode::limits::{ALTERNATIVE_STEPS, MAX_STEPS, step_bound};

use crate::automata::Automaton;
use crate::compile::{CompileError, CompileErrorKind};
use crate::ir::{Arm, Ir};
use crate::model::{Cidr, Literal, Rule};
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

/// The step bound that the format prescribes for the dearest arm.
fn bound(ir: &Ir, conditions: &[Code]) -> Result<u32, CompileError> {
    let steps = |arm: &Arm| {
        arm.alternatives.iter().fold(0_u32, |sum, alternative| {
            let condition = alternative.condition.and_then(|place| conditions.get(place));
            sum.saturating_add(ALTERNATIVE_STEPS).saturating_add(condition.map_or(0, |code| code.steps))
        })
    };
    let dearest = ir.arms.iter().max_by_key(|arm| steps(arm));
    let dearest_steps = dearest.map_or(0, steps);
    step_bound(dearest_steps).ok_or_else(|| {
        let condition = dearest.and_then(|arm| arm.alternatives.iter().find_map(|rule| rule.condition));
        let kind = CompileErrorKind::TooManySteps { steps: dearest_steps, most: MAX_STEPS };
        CompileError::new(kind, condition.and_then(|place| span_of_condition(ir, place)))
    })
}

/// Where a rule with this condition is written: the first whose arm uses it.
fn span_of_condition(ir: &Ir, condition: usize) -> Option<Span> {
    let uses = |arm: &Arm| arm.alternatives.iter().find(|rule| rule.condition == Some(condition)).copied();
    let holdings = ir.agents.iter().chain(&ir.missions);
    holdings
        .filter_map(|holding| Some((holding.first_rule, ir.rows.get(holding.row?)?)))
        .flat_map(|(first, row)| row.grants.iter().chain(&row.denies).map(move |entry| (first, entry)))
        .find_map(|(first, entry)| {
            let number = first.checked_add(uses(ir.arms.get(entry.arm?)?)?.rule)?;
            let whole = ir.rules.get(usize::try_from(number).ok()?)?;
            let place = ir.slice.rules.binary_search(&whole.rule).ok()?;
            let Rule { span, .. } = ir.slice.policy.rules.get(place)?;
            Some(*span)
        })
}

#[cfg(test)]
mod tests;
