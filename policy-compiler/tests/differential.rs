//! The reference evaluator against compiling, verifying and evaluating: over generated policies and requests, both
//! must say the same, down to the hop and the rule.
//!
//! `AMBIT_CASES` is how many requests are judged (each policy gets several). A counterexample is shrunk and printed,
//! with the tape that makes it; written out in `differential/regressions.rs`, it is judged in every run.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may panic"
)]

#[path = "differential/best_case.rs"]
mod best_case;
#[path = "differential/facts.rs"]
mod facts;
#[path = "differential/regressions.rs"]
mod regressions;

use ambit_compiler::compile::{CompileErrorKind, Compiled, Options, compile};
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::reference::{self, Case, Hop, Judgement, Terms, Verdict};
use ambit_eval::Program;

const CASES: u64 = 6_000;
const CASES_A_POLICY: usize = 32;

/// What differs, if anything does.
fn differ(choices: &mut Choices, cases: usize) -> Option<String> {
    let policy = generate::policy(choices);
    let terms = Terms { require_stamp: choices.one_in(4) };
    let mut blobs: Vec<(Workload, Blob)> = Vec::new();
    for _ in 0..cases {
        let (workload, case) = generate::case(choices, &policy);
        if blobs.iter().all(|(known, _)| *known != workload) {
            match Blob::of(&policy, &workload, terms) {
                Ok(Some(blob)) => blobs.push((workload.clone(), blob)),
                // Quantifiers within quantifiers may take more steps than a judgement may.
                Ok(None) => return None,
                Err(reason) => return Some(format!("{reason}\n{policy:?}")),
            }
        }
        let (_, blob) = blobs.iter().find(|(known, _)| *known == workload)?;
        let expected = reference::judge(&policy, &workload, &case, terms);
        if let Some(difference) = blob.differs(&expected, &case) {
            return Some(format!("{difference}\n{workload:?}\n{case:?}\n{policy:?}"));
        }
    }
    None
}

/// A workload's blobs: with everyone, and with those only who may pass. `None` where no service is the workload's.
struct Blob {
    full: Option<(Compiled, Program<Vec<u8>>)>,
    sparse: Option<Program<Vec<u8>>>,
}

impl Blob {
    fn of(policy: &Policy, workload: &Workload, terms: Terms) -> Result<Option<Self>, String> {
        if policy.services.iter().all(|service| service.workload != *workload) {
            return Ok(Some(Self { full: None, sparse: None }));
        }
        let options = Options { require_stamp: terms.require_stamp, ..Options::default() };
        let compiled = match compile(policy, workload, &options) {
            Ok(compiled) => compiled,
            Err(error) if matches!(error.kind, CompileErrorKind::TooManySteps { .. }) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let program = Program::verify(compiled.blob.clone()).map_err(|error| format!("{error:?}"))?;
        let sparse = compile(policy, workload, &Options { max_bystanders: 0, ..options });
        let sparse = Program::verify(sparse.map_err(|error| error.to_string())?.blob);
        let sparse = sparse.map_err(|error| format!("{error:?}"))?;
        Ok(Some(Self { full: Some((compiled, program)), sparse: Some(sparse) }))
    }

    fn differs(&self, expected: &Judgement, case: &Case) -> Option<String> {
        let (Some((compiled, program)), Some(sparse)) = (&self.full, &self.sparse) else {
            return None;
        };
        let actual = facts::decide(program, case);
        let hop = actual.hop.map(|hop| match hop {
            ambit_eval::Hop::Member(place) => Hop::Member(usize::from(place)),
            ambit_eval::Hop::Mission(place) => Hop::Mission(usize::from(place)),
        });
        let rule = actual.rule.map(|rule| compiled.rules[rule as usize].rule);
        let same = (actual.code, hop, rule, !actual.shadow)
            == (expected.code, expected.hop, expected.rule, expected.enforced);
        if !same {
            return Some(format!("expected {expected:?}\nactual {actual:?}, rule {rule:?}"));
        }
        if actual.steps > program.header().step_bound {
            return Some(format!("{} steps, bound {}", actual.steps, program.header().step_bound));
        }
        if let Some(difference) = best_case::differs(program, &actual, case) {
            return Some(difference);
        }
        let verdict = facts::decide(sparse, case);
        let allows = expected.verdict == Verdict::Allow;
        if verdict.allows() != allows || verdict.shadow == expected.enforced {
            return Some(format!("expected {expected:?}\nwithout bystanders {verdict:?}"));
        }
        None
    }
}

fn cases() -> u64 {
    std::env::var("AMBIT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

#[test]
fn reference_and_blob_agree() {
    let policies = cases().div_ceil(CASES_A_POLICY as u64);
    for seed in 0..policies {
        let mut choices = Choices::from_seed(seed);
        if differ(&mut choices, CASES_A_POLICY).is_some() {
            let fails =
                |tape: &[u32]| differ(&mut Choices::from_tape(tape.to_vec()), CASES_A_POLICY).is_some();
            let tape = generate::shrink(choices.tape().to_vec(), fails);
            let difference = differ(&mut Choices::from_tape(tape.clone()), CASES_A_POLICY);
            panic!("seed {seed}\n{}\ntape {tape:?}", difference.unwrap_or_default());
        }
    }
}

/// The property is worth nothing if generated requests all fail early: every code of judgement must come up.
#[test]
fn generated_cases_reach_every_code() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..400 {
        let mut choices = Choices::from_seed(seed);
        let policy = generate::policy(&mut choices);
        for _ in 0..CASES_A_POLICY {
            let (workload, case) = generate::case(&mut choices, &policy);
            let judgement =
                reference::judge(&policy, &workload, &case, Terms { require_stamp: seed % 4 == 0 });
            *counts.entry(judgement.code.word()).or_insert(0_u32) += 1;
        }
    }
    for code in [
        "allowed",
        "caller-unauthenticated",
        "caller-malformed",
        "caller-foreign",
        "caller-unmapped",
        "member-revoked",
        "lineage-malformed",
        "lineage-too-many-members",
        "lineage-member-unmapped",
        "lineage-missing",
        "may-not-originate",
        "mission-unknown",
        "mission-expired",
        "mission-required",
        "mission-not-permitted",
        "depth-exceeded",
        "cycle",
        "delegation-not-permitted",
        "action-unknown",
        "path-refused",
        "explicitly-denied",
        "not-granted",
        "not-granted-this-way",
        "condition-not-met",
        "effect-ceiling",
        "argument-unlisted",
    ] {
        assert!(counts.get(code).copied().unwrap_or(0) >= 5, "{code} in {counts:?}");
    }
    println!("{counts:?}");
}
