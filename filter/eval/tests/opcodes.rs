//! Instructions in, truth out: `opcodes.txt`.
//!
//! A condition cannot be asked for its truth, but a grant takes unknown for false and a deny takes it for true, so
//! that the two together tell.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests may panic"
)]

mod asked;
mod writer;

use std::collections::BTreeSet;

use ambit_bytecode::disasm::disassemble;
use ambit_bytecode::opcode::Operand;
use ambit_bytecode::{Code, Opcode};
use ambit_eval::{Program, Verdict};

use asked::Asked;
use writer::Draft;
use writer::assemble::assemble;
use writer::world::{denying, world};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CASES: &str = include_str!("opcodes.txt");

/// One line of the file.
struct Case {
    line: usize,
    opcode: Opcode,
    asked: Asked,
    code: String,
    expected: String,
}

fn cases() -> Vec<Case> {
    let mut opcode = None;
    let mut cases = Vec::new();
    for (line, text) in (1..).zip(CASES.lines()) {
        if let Some(heading) = text.strip_prefix("## ") {
            opcode = Opcode::ALL.iter().find(|opcode| opcode.mnemonic() == heading).copied();
            assert!(opcode.is_some(), "line {line}: `{heading}` is no opcode");
        } else if !text.is_empty() && !text.starts_with('#') {
            let (asked, rest) = text.split_once('|').expect("`|` after what is asked");
            let (code, expected) = rest.split_once(" => ").expect("`=>` after the code");
            cases.push(Case {
                line,
                opcode: opcode.expect("a heading"),
                asked: Asked::read(asked.trim()),
                code: code.to_owned(),
                expected: expected.to_owned(),
            });
        }
    }
    cases
}

fn verdict(draft: &Draft, asked: &Asked) -> Verdict {
    let program = Program::verify(draft.blob()).unwrap_or_else(|error| panic!("{error:?}"));
    let verdict = asked.of(&program);
    assert!(verdict.steps <= program.step_bound(), "{verdict:?}");
    verdict
}

/// What a case comes to, as the file writes it. One where someone else is judged only has a code.
fn outcome(case: &Case) -> String {
    let unstamped = |mut draft: Draft| {
        if case.asked.claimed {
            draft.profiles[0].flags = 1;
        }
        draft
    };
    let granted = verdict(&unstamped(world(&case.code)), &case.asked);
    let denied = verdict(&unstamped(denying(&case.code)), &case.asked);
    if granted.caller != Some(0) {
        assert_eq!(granted.code, denied.code);
        return granted.code.word().to_owned();
    }
    let truth = match (granted.code, denied.code) {
        (Code::Allowed, Code::ExplicitlyDenied) => "true",
        (Code::ConditionNotMet, Code::Allowed) => "false",
        (Code::ConditionNotMet, Code::ExplicitlyDenied) => "unknown",
        other => panic!("{other:?}"),
    };
    // A condition of one step that has the same consequence tells what all else takes.
    let beside = |world: fn(&str) -> Draft, holds: bool| {
        verdict(&unstamped(world(if holds { "true" } else { "false" })), &case.asked).steps - 1
    };
    let steps = granted.steps - beside(world, truth == "true");
    assert_eq!(granted.pending, denied.pending, "a grant and a deny wait for the same bytes");
    assert_eq!(
        steps,
        denied.steps - beside(denying, truth != "false"),
        "a condition takes as many steps wherever it stands"
    );
    format!("{truth} {steps}{}", if granted.pending { " pending" } else { "" })
}

#[test]
fn instructions_do_what_they_say() {
    let mut wrong = Vec::new();
    for case in cases() {
        let outcome = outcome(&case);
        if outcome != case.expected {
            wrong.push(format!(
                "opcodes.txt:{}: {} => {outcome}, not {}",
                case.line, case.code, case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_opcode_has_cases_that_run_it() {
    let mut covered = BTreeSet::new();
    for case in cases() {
        let runs =
            case.code.split(',').any(|part| part.split_whitespace().next() == Some(case.opcode.mnemonic()));
        assert!(runs, "opcodes.txt:{}: `{}` is not run", case.line, case.opcode.mnemonic());
        covered.insert((case.opcode.byte(), case.expected.split(' ').next().unwrap_or_default().to_owned()));
    }
    for opcode in Opcode::ALL {
        // A constant can only be what it is, and no presence of the caller's or of the lineage's is unread.
        let wanted: &[&str] = match opcode {
            Opcode::True => &["true"],
            Opcode::False => &["false"],
            Opcode::Minute | Opcode::Weekday | Opcode::Literal => &["true"],
            Opcode::Depth | Opcode::Size | Opcode::Count | Opcode::Element => &["true", "unknown"],
            Opcode::CallerIn | Opcode::UnderMission | Opcode::SkipIfFalse | Opcode::SkipIfTrue => {
                &["true", "false"]
            }
            _ => &["true", "false", "unknown"],
        };
        for truth in wanted {
            let has = covered.contains(&(opcode.byte(), (*truth).to_owned()));
            assert!(has, "opcodes.txt has no case of `{}` that is {truth}", opcode.mnemonic());
        }
    }
}

/// A listing is read back as the same bytes, and written again as the same text.
#[test]
fn listings_round_trip() {
    for case in cases() {
        let code = assemble(&case.code).unwrap();
        let mut name = |operand, id| (operand == Operand::Field).then(|| format!("f{id}, {{}} l1:"));
        let listing = disassemble(&code.bytes, &mut name).unwrap();
        assert_eq!(assemble(&listing), Ok(code), "{listing}");
        let again = disassemble(&assemble(&listing).unwrap().bytes, &mut name).unwrap();
        assert_eq!(listing, again);
    }
}
