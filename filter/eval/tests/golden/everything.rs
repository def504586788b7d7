//! A blob with every opcode: one rule for each, and which one is tried, field 3 says.

use ambit_bytecode::NONE;

use crate::writer::world::world;
use crate::writer::{Draft, Literal};

/// In the order of the opcode table. What each reads is in `writer/world.rs`.
const CONDITIONS: [&str; 37] = [
    "field 0, literal 8, equal",
    "exists 4 {, element 5, literal 8, equal, }",
    "field 0, literal 12, equal",
    "depth, field 0, equal",
    "minute, field 0, equal",
    "weekday, field 0, equal",
    "field 0, size, literal 3, equal",
    "count 4, field 0, equal",
    "true",
    "false",
    "field 0, field 1, equal",
    "field 0, field 1, not-equal",
    "field 0, field 1, less",
    "field 0, field 1, less-or-equal",
    "field 0, field 1, greater",
    "field 0, field 1, greater-or-equal",
    "field 0, in-set 1",
    "field 0, in-list 4",
    "field 0, truth",
    "has 0",
    "all 4 {, has-element 5, }",
    "field 0, field 1, starts-with",
    "field 0, field 1, ends-with",
    "field 0, field 1, contains",
    "field 0, matches 2",
    "field 0, in-network 0",
    "chain-has 1",
    "origin-in 0",
    "caller-in 1",
    "under-mission 1",
    "field 0, truth, not",
    "field 0, truth, field 1, truth, and",
    "field 0, truth, field 1, truth, or",
    "field 0, truth, skip-if-false l1, field 1, truth, and, l1:",
    "field 0, truth, skip-if-true l1, field 1, truth, or, l1:",
    "all 4 {, all 7 {, element 8, truth, }, }",
    "exists 4 {, element 6, truth, }",
];

pub fn draft() -> Draft {
    let mut draft = world("true");
    let before = draft.literals.len();
    // 1, 11, 21, and so on: none ends in a zero.
    draft.literals.extend((0..).step_by(10).take(CONDITIONS.len()).map(|gate| Literal::Number(gate + 1, 0)));
    let gated = |(place, condition): (usize, &&str)| {
        format!("field 3, literal {}, equal, skip-if-false gate, {condition}, and, gate:", before + place)
    };
    draft.conditions = CONDITIONS.iter().enumerate().map(gated).collect();
    draft.arms[0] = (0..CONDITIONS.len() as u32).map(|rule| (rule, rule as u16, NONE)).collect();
    draft
}
