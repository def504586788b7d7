//! What a judgement by a blob takes at most: `ambit_bytecode::steps`, of what is in the blob.

use ambit_bytecode::cursor::{u16_at, u32_at};
use ambit_bytecode::steps::{ALTERNATIVE, Sizes, reach};
use ambit_bytecode::{NONE, NONE_OFFSET};

use crate::layout::Layout;
use crate::row::Row;

/// The step bound, by the steps that conditions stamp. `None` if it is beyond what any blob may stamp.
pub(super) fn of(bytes: &[u8], layout: &Layout) -> Option<u32> {
    let mut dearest_arm = 0_u32;
    for arm in 0..layout.arms.count() {
        let alternatives = layout.arms.table(bytes, arm)?;
        let mut sum = 0_u32;
        for place in 0..alternatives.count {
            let record = alternatives.record(bytes, place)?;
            let steps = match u16_at(record, 4)? {
                NONE => 0,
                condition => u32_at(layout.conditions.record(bytes, u32::from(condition))?, 8)?,
            };
            let reach = steps_of_reach(bytes, layout, u16_at(record, 6)?)?;
            sum = sum.saturating_add(ALTERNATIVE).saturating_add(steps).saturating_add(reach);
        }
        dearest_arm = dearest_arm.max(sum);
    }
    sizes(bytes, layout, dearest_arm)?.step_bound()
}

/// The same for a blob of version 1, whose stamps do not say what conditions take: as if every alternative had the
/// dearest, and the longest arm had no others. There is no limit to it, for there was none.
pub(super) fn of_version1(bytes: &[u8], layout: &Layout, dearest_condition: u32) -> Option<u32> {
    let mut longest = 0_u32;
    for arm in 0..layout.arms.count() {
        longest = longest.max(layout.arms.table(bytes, arm)?.count);
    }
    let mut dearest_reach = 0_u32;
    for reach in 0..u16::try_from(layout.reaches.count).ok()? {
        dearest_reach = dearest_reach.max(steps_of_reach(bytes, layout, reach)?);
    }
    let alternative = ALTERNATIVE.saturating_add(dearest_condition).saturating_add(dearest_reach);
    Some(sizes(bytes, layout, longest.saturating_mul(alternative))?.unlimited())
}

fn steps_of_reach(bytes: &[u8], layout: &Layout, id: u16) -> Option<u32> {
    if id == NONE {
        return Some(0);
    }
    let set = u16_at(layout.reaches.record(bytes, u32::from(id))?, 2)?;
    Some(if set == NONE { 0 } else { reach(layout.sets.table(bytes, u32::from(set))?.count) })
}

fn sizes(bytes: &[u8], layout: &Layout, dearest_arm: u32) -> Option<Sizes> {
    let mut sizes = Sizes { dearest_arm, ..Sizes::default() };
    for profile in 0..layout.profiles.count {
        let record = layout.profiles.record(bytes, profile)?;
        for set in [u16_at(record, 4)?, u16_at(record, 6)?] {
            if set != NONE {
                let members = layout.sets.table(bytes, u32::from(set))?.count;
                sizes.largest_set = sizes.largest_set.max(members);
            }
        }
    }
    let of_agents = (0..layout.agents.count).map(|agent| u32_at(layout.agents.record(bytes, agent)?, 4));
    let of_missions =
        (0..layout.missions.count).map(|mission| u32_at(layout.missions.record(bytes, mission)?, 4));
    for row in of_agents.chain(of_missions) {
        match row? {
            NONE_OFFSET => {}
            row => {
                let Row { grants, denies } = Row::at(bytes, layout, row)?;
                sizes.longest_side = sizes.longest_side.max(grants.columns.count).max(denies.columns.count);
            }
        }
    }
    Some(sizes)
}
