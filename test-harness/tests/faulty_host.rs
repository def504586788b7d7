//! A host that refuses calls, returns too little, says things twice or has a clock that jumps: a request gets as far as it
//! would have got, or less far. In shadow mode the verdict is the same, or a deny. The module that ships, on the whole scenario corpus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ambit_fuzz::damage::Random;
use ambit_harness::host::{Effect, Fault, Status, When};
use ambit_harness::runner::wasm::{self, Wasm};
use ambit_harness::runner::{Observed, Reached, Runner};
use ambit_harness::scenario::{self, Case, Exchange, Press, Scenario, Step};
use ambit_harness::unruly::HOSTCALLS;

/// Faults for each case; `AMBIT_CASES` in their place.
const FAULTS: usize = 12;

fn fault(random: &mut Random) -> Fault {
    // A call that no scenario makes is planned to fail too, and then strikes nothing.
    let hostcall = HOSTCALLS[random.below(HOSTCALLS.len())];
    let effect = match random.below(4) {
        // More than there are.
        0 | 1 => Effect::Return(Status(u32::try_from(random.below(20)).unwrap())),
        2 => Effect::Truncate(random.below(64)),
        _ => {
            let nanoseconds = i64::try_from(random.below(1 << 40)).unwrap();
            Effect::JumpClock(if random.below(2) == 0 { nanoseconds } else { -nanoseconds })
        }
    };
    let when = match random.below(3) {
        0 => When::Always,
        1 => When::Nth(u32::try_from(1 + random.below(4)).unwrap()),
        _ => When::From(u32::try_from(1 + random.below(4)).unwrap()),
    };
    Fault::of(hostcall, effect).when(when)
}

fn play(host: &mut Wasm, exchange: &Exchange) -> Observed {
    host.begin(exchange).unwrap();
    host.finish().unwrap()
}

fn rank(reached: Reached) -> u8 {
    match reached {
        Reached::Nothing => 0,
        Reached::Headers => 1,
        Reached::Whole => 2,
    }
}

/// How many of the faults struck.
fn check(scenario: &Scenario, random: &mut Random, faults: usize) -> usize {
    let config = Press::default().config(&scenario.setting, &scenario.destination).unwrap();
    let cases: Vec<&Case> = scenario
        .steps
        .iter()
        .map_while(|step| match step {
            Step::Case(case) => Some(&**case),
            Step::Swap(_) => None,
        })
        .collect();
    let sound = || wasm::host(&scenario.destination, &config).unwrap();
    let mut host = sound();
    let expected: Vec<Observed> = cases.iter().map(|case| play(&mut host, &case.exchange)).collect();
    let mut struck = 0;
    for (case, expected) in cases.iter().zip(&expected) {
        for _ in 0..faults {
            let fault = fault(random);
            let said = format!("{}: {}: {fault:?}", scenario.name, case.name);
            let id = host.proxy().inject(fault);
            let observed = play(&mut host, &case.exchange);
            struck += usize::from(host.proxy().struck(id) > 0);
            // Where shadow mode is the mesh's and an agent's is not, a caller who cannot be read is no agent.
            let is_shadow = observed.judged.is_some() && observed.stage.is_none();
            assert!(is_shadow || rank(observed.reached) <= rank(expected.reached), "{said}: {observed:?}");
            let answered =
                |observed: &Observed| observed.evidence.as_ref().map(|evidence| evidence.body.clone());
            if let Some(answer) = &case.exchange.answer
                && answered(expected) != Some(answer.pieces.concat())
            {
                assert_ne!(
                    answered(&observed),
                    Some(answer.pieces.concat()),
                    "{said}: a list is not cut down"
                );
            }
            host.proxy().end_faults();
            for worker in 0..2 {
                assert_eq!(host.proxy().worker(worker).failure(), None, "{said}");
            }
        }
    }
    // Nothing of all that is left.
    for (case, expected) in cases.iter().zip(&expected) {
        let observed = play(&mut host, &case.exchange);
        assert_eq!(observed.reached, expected.reached, "{}: {} afterwards", scenario.name, case.name);
    }
    struck
}

#[test]
fn a_faulty_host_lets_no_request_get_further() {
    let faults = std::env::var("AMBIT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(FAULTS);
    let mut random = Random::new(1);
    let mut struck = 0;
    for scenario in scenario::load_all().unwrap() {
        struck += check(&scenario, &mut random, faults);
    }
    // Or this test looks at nothing.
    assert!(struck > 1_000, "{struck} faults struck");
}
