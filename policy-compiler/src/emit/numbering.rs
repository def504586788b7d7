//! The format numbers the rules of arms from the start of the blob, the arrangement from the owner's first rule.

use crate::ir::{Arm, Entry, Holding, Ir, Pool, Row};

/// The arrangement with the rules of its arms numbered as the format has them. Rows without arms stay shared.
pub(super) fn numbered(mut ir: Ir) -> Ir {
    let mut rows = Pool::default();
    let mut arms = Pool::default();
    let mut owners: Vec<Holding> = ir.agents.iter().chain(&ir.missions).copied().collect();
    for holding in &mut owners {
        let first = holding.first_rule;
        let mut arm = |place: usize| {
            let mut arm: Arm = ir.arms.get(place)?.clone();
            for alternative in &mut arm.alternatives {
                alternative.rule = alternative.rule.saturating_add(first);
            }
            Some(arms.place(arm))
        };
        let mut side = |entries: &[Entry]| -> Vec<Entry> {
            entries
                .iter()
                .map(|entry| Entry { column: entry.column, arm: entry.arm.and_then(&mut arm) })
                .collect()
        };
        let row = holding.row.and_then(|place| ir.rows.get(place));
        holding.row = row.map(|row| rows.place(Row { grants: side(&row.grants), denies: side(&row.denies) }));
    }
    ir.missions = owners.split_off(ir.agents.len());
    ir.agents = owners;
    ir.rows = rows.into_items();
    ir.arms = arms.into_items();
    ir
}
