//! Simpler conditions with the same value: constants folded, what is cheap looked at first, equal ones held once.
//!
//! Every step keeps the three-valued meaning: `x && !x` is not false, for it may be unknown, and stays.

mod cost;
mod fold;

use crate::ir::{Alternative, Arm, Entry, Expression, Ir, Pool, Row};

/// Optimises every condition, and what that makes of arms and rows.
#[must_use]
pub fn optimize(ir: Ir) -> Ir {
    let mut conditions = Pool::default();
    // A condition that is always true is none. One that is always false stays: a rule that never holds must still be
    // told from one that does not cover the action.
    let renamed: Vec<Option<usize>> = ir
        .conditions
        .iter()
        .map(|condition| match fold::folded(condition) {
            Expression::Constant(true) => None,
            other => Some(conditions.place(cost::cheap_first(other))),
        })
        .collect();

    let mut arms = Pool::default();
    let short: Vec<Option<usize>> =
        ir.arms.iter().map(|arm| shorter(arm, &renamed).map(|arm| arms.place(arm))).collect();
    let entries = |side: &[Entry]| -> Vec<Entry> {
        let arm = |entry: &Entry| entry.arm.and_then(|arm| short.get(arm).copied().flatten());
        side.iter().map(|entry| Entry { column: entry.column, arm: arm(entry) }).collect()
    };
    let mut rows = Pool::default();
    let places: Vec<usize> = ir
        .rows
        .iter()
        .map(|row| rows.place(Row { grants: entries(&row.grants), denies: entries(&row.denies) }))
        .collect();

    let mut out = ir;
    for holding in out.agents.iter_mut().chain(&mut out.missions) {
        holding.row = holding.row.and_then(|row| places.get(row).copied());
    }
    out.rows = rows.into_items();
    out.arms = arms.into_items();
    out.conditions = conditions.into_items();
    out
}

/// The arm with its conditions renamed, up to the first rule that always holds; `None` if that is its first, for then
/// it is plain, and the number of its entry stands for the same rule.
fn shorter(arm: &Arm, renamed: &[Option<usize>]) -> Option<Arm> {
    let mut alternatives: Vec<Alternative> = Vec::new();
    for alternative in &arm.alternatives {
        let condition = alternative.condition.and_then(|place| renamed.get(place).copied().flatten());
        let always = condition.is_none() && alternative.reach.is_none();
        if always && alternatives.is_empty() {
            return None;
        }
        alternatives.push(Alternative { condition, ..*alternative });
        if always {
            break;
        }
    }
    Some(Arm { alternatives })
}

#[cfg(test)]
mod tests;
