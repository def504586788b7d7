//! Conditions. The valid one is `CONDITION`: its record lies at 4, its instructions from 16 on.

use ambit_bytecode::NONE;
use ambit_bytecode::Section::Code;

use super::VerifyErrorKind::{
    Count, Jump, Nesting, Opcode, Order, Reference, Reserved, Stack, Steps, Trailing, Truncated,
};
use super::{Case, Change, Draft, case, check};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The bytes of instructions, at the start of the code, of a blob that says as many steps as they take.
fn becomes(draft: &mut Draft, condition: &str) {
    draft.conditions = vec![condition.to_owned()];
}

pub const CASES: &[Case] = &[
    // Records.
    case(Change::Set(Code, 2, &[1]), Reserved, Code, 2),
    case(Change::Set(Code, 0, &[9]), Truncated, Code, 4),
    case(Change::Set(Code, 4, &[1]), Order, Code, 4),
    case(Change::Set(Code, 8, &[255]), Count, Code, 4),
    case(Change::Set(Code, 8, &[255; 4]), Count, Code, 4),
    case(Change::Draft(|draft| becomes(draft, &long(16_385))), Count, Code, 4),
    case(Change::Push(Code, &[0x10]), Trailing, Code, 33),
    // Instructions.
    case(Change::Draft(|draft| becomes(draft, "")), Stack, Code, 16),
    case(Change::Set(Code, 16, &[0x00]), Opcode, Code, 16),
    case(Change::Set(Code, 16, &[0xff]), Opcode, Code, 16),
    case(Change::Set(Code, 32, &[0x01]), Truncated, Code, 32),
    // The stack: too little, of the wrong sort, too much at the end, and deeper than any may be.
    case(Change::Draft(|draft| becomes(draft, "not")), Stack, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "true, and")), Stack, Code, 17),
    case(Change::Draft(|draft| becomes(draft, "true, size")), Stack, Code, 17),
    case(Change::Draft(|draft| becomes(draft, "true, field 0, and")), Stack, Code, 20),
    case(Change::Draft(|draft| becomes(draft, "field 0, true, and")), Stack, Code, 20),
    case(Change::Draft(|draft| becomes(draft, "field 0, field 0, not")), Stack, Code, 22),
    case(Change::Draft(|draft| becomes(draft, "field 0")), Stack, Code, 19),
    case(Change::Draft(|draft| becomes(draft, "true, true")), Stack, Code, 18),
    case(Change::Draft(|draft| becomes(draft, &deep(17))), Stack, Code, 32),
    // Paths that meet with different stacks.
    case(Change::Draft(|draft| becomes(draft, "true, skip-if-true l1, true, l1:, and")), Stack, Code, 21),
    case(
        Change::Draft(|draft| becomes(draft, "true, skip-if-true l1, field 0, l1:, truth")),
        Stack,
        Code,
        23,
    ),
    // A body finds nothing of what lies around it, and leaves one truth.
    case(Change::Draft(|draft| becomes(draft, "true, all 4 {, not, }, and")), Stack, Code, 22),
    case(Change::Draft(|draft| becomes(draft, "all 4 {, }")), Stack, Code, 21),
    case(Change::Draft(|draft| becomes(draft, "all 4 {, element 5, }")), Stack, Code, 24),
    // Jumps: to the next instruction, beyond the end, into an instruction, over the end of a body, into a body.
    case(Change::Set(Code, 21, &[0, 0]), Jump, Code, 20),
    case(Change::Set(Code, 21, &[11, 0]), Jump, Code, 20),
    case(Change::Set(Code, 21, &[255, 255]), Jump, Code, 20),
    case(Change::Set(Code, 21, &[2, 0]), Jump, Code, 32),
    case(Change::Draft(|draft| becomes(draft, "all 4 {, true, skip-if-true 2, not, }, not")), Jump, Code, 22),
    case(Change::Set(Code, 21, &[6, 0]), Jump, Code, 32),
    case(Change::Set(Code, 26, &[255, 0]), Jump, Code, 23),
    case(Change::Draft(|draft| becomes(draft, &open_jumps(33))), Jump, Code, 16 + 1 + 32 * 4),
    // Quantifiers within quantifiers within quantifiers; elements of no list, and of another's.
    case(
        Change::Draft(|draft| becomes(draft, "all 4 {, all 7 {, all 4 {, true, }, }, }")),
        Nesting,
        Code,
        16 + 15,
    ),
    case(Change::Draft(|draft| becomes(draft, "element 5, truth")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "has-element 0")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "field 5, truth")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "has 5")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "all 4 {, element 8, truth, }")), Nesting, Code, 21),
    case(
        Change::Draft(|draft| becomes(draft, "all 4 {, all 7 {, element 5, truth, }, }")),
        Nesting,
        Code,
        26,
    ),
    case(Change::Draft(|draft| becomes(draft, "all 5 {, true, }")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "all 0 {, true, }")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "exists 9 {, true, }")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "count 5, truth")), Nesting, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "field 0, in-list 0")), Nesting, Code, 19),
    // Operands.
    case(Change::Draft(|draft| becomes(draft, "field 12, truth")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "field 65535, truth")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "has 12")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "all 4 {, has-element 12, }")), Reference, Code, 21),
    case(Change::Draft(|draft| becomes(draft, "all 12 {, true, }")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "count 12, truth")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "literal 13, truth")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "field 0, in-set 3")), Reference, Code, 19),
    case(Change::Draft(|draft| becomes(draft, "field 0, in-network 2")), Reference, Code, 19),
    case(Change::Draft(|draft| becomes(draft, "field 0, matches 3")), Reference, Code, 19),
    case(Change::Draft(|draft| becomes(draft, "origin-in 3")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "caller-in 3")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "chain-has 5")), Reference, Code, 16),
    case(Change::Draft(|draft| becomes(draft, "under-mission 2")), Reference, Code, 16),
    // Steps: of the condition, too few and too many, and of the blob.
    case(Change::Set(Code, 12, &[0]), Steps, Code, 4),
    case(Change::Set(Code, 14, &[1]), Steps, Code, 4),
    case(Change::Draft(|draft| becomes(draft, &costly(16))), Steps, Code, 4),
    Case { change: Change::Bytes(|blob| blob[12] ^= 1), kind: Steps, section: None, at: 12 },
    Case { change: Change::Bytes(|blob| blob[12..16].fill(0)), kind: Steps, section: None, at: 12 },
    Case { change: Change::Draft(beyond_any_bound), kind: Steps, section: None, at: 12 },
];

/// A condition of so many bytes.
fn long(bytes: usize) -> String {
    format!("true{}", ", not".repeat(bytes - 1))
}

/// A condition that needs so many places on the stack.
fn deep(places: usize) -> String {
    format!("{}true{}", "true, ".repeat(places - 1), ", and".repeat(places - 1))
}

/// A condition that takes a little more than so many times 4,096 steps.
fn costly(times: usize) -> String {
    format!("all 4 {{, all 7 {{, {}, }}, }}", long(times))
}

/// A condition with so many jumps that all lead to its end.
fn open_jumps(count: usize) -> String {
    format!("true{}, l1:", ", skip-if-true l1, not".repeat(count))
}

fn beyond_any_bound(draft: &mut Draft) {
    draft.arms[0] = (0..13_000).map(|rule| (rule, NONE, NONE)).collect();
}

#[test]
fn code_is_checked() {
    check(CASES);
}

/// What is just within the limits is a program.
#[test]
fn limits_are_reached() {
    for condition in [long(16_384), deep(16), open_jumps(32), costly(1)] {
        let mut draft = super::world(&condition);
        draft.arms.truncate(1);
        draft.agents[3].row = None;
        let program = super::Program::verify(draft.blob());
        assert_eq!(program.err(), None, "{condition}");
    }
}
