//! Every scenario file by every runner, each pair a test of its own: `cargo test --test scenarios -- envoy` plays all
//! files in real Envoys, `-- seed` plays one file in all runners.

use std::collections::BTreeSet;

use ambit_bytecode::Code;
use ambit_harness::runner::{Start, envoy, native, play, wasm};
use ambit_harness::scenario::{self, Ending, Scenario, Step};
use libtest_mimic::{Arguments, Failed, Trial};

const RUNNERS: [(&str, Start); 3] =
    [("native", native::start), ("wasm", wasm::start), ("envoy", envoy::start)];

/// Codes that no scenario ends in, and why.
const WITHOUT_SCENARIO: [(Code, &str); 6] = [
    (Code::Allowed, "it is no deny"),
    (Code::LineageOverflow, "it is of calls that go out"),
    (Code::LineageUnavailable, "it is of proxies that remember lineages, and ran out of room for them"),
    (Code::BudgetExhausted, "it is of calls that go out"),
    (Code::ReplyUnreadable, "it is of replies: `lists` has it in `withheld`"),
    (Code::InternalFault, "nothing brings it about"),
];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let scenarios = match scenario::load_all() {
        Ok(scenarios) => scenarios,
        Err(error) => {
            eprintln!("{error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let all = scenarios.clone();
    let mut trials = vec![Trial::test("corpus::every_code", move || every_code(&all))];
    for scenario in scenarios {
        for (runner, start) in RUNNERS {
            let scenario = scenario.clone();
            trials.push(Trial::test(format!("{runner}::{}", scenario.name), move || {
                play(&scenario, start).map_err(Failed::from)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Every code that a request can end in has a scenario.
fn every_code(scenarios: &[Scenario]) -> Result<(), Failed> {
    let steps = scenarios.iter().flat_map(|scenario| &scenario.steps);
    let cases = steps.filter_map(|step| if let Step::Case(case) = step { Some(case) } else { None });
    let expectations = cases.flat_map(|case| {
        std::iter::once(&case.expectation).chain(case.instead.iter().map(|(_, expectation)| expectation))
    });
    let seen: BTreeSet<Code> = expectations
        .filter_map(|expectation| match expectation.ending {
            Ending::Deny { code, .. } | Ending::Shadow { code, .. } => Some(code),
            Ending::Allow | Ending::Proxy(_) => None,
        })
        .collect();
    let excused: BTreeSet<Code> = WITHOUT_SCENARIO.iter().map(|(code, _)| *code).collect();
    let words = |codes: Vec<&Code>| codes.iter().map(|code| code.word()).collect::<Vec<_>>().join(", ");
    let missing = Code::ALL.iter().filter(|code| !seen.contains(code) && !excused.contains(code)).collect();
    let (missing, stale) = (words(missing), words(excused.intersection(&seen).collect()));
    if missing.is_empty() && stale.is_empty() {
        return Ok(());
    }
    Err(format!("no scenario ends in: {missing}; excused although one does: {stale}").into())
}
