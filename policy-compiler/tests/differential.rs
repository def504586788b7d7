//! The reference evaluator against compiling, verifying and evaluating: over generated policies and requests, both
//! must say the same, down to the hop and the rule.
//!
//! `AMBIT_CASES` is how many requests are judged (each policy gets several). A counterexample is shrunk, printed, and
//! added to `differential/tapes.txt`, whose tapes are judged in every run; written out in `differential/regressions.rs`,
//! it outlives changes of the generator. The harness runs the same search with the evaluator in wasmtime as well.
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
#[path = "differential/search.rs"]
mod search;

use ambit_compiler::generate::{self, Choices};
use ambit_compiler::reference::{self, Terms};
use search::CASES_A_POLICY;

const CASES: u64 = 6_000;

/// What differs, if anything does.
fn differ(choices: &mut Choices) -> Option<String> {
    search::differ(choices, |program, case, verdict| best_case::differs(program, verdict, case))
}

#[test]
fn reference_and_blob_agree() {
    search::all(search::cases(CASES), differ);
}

#[test]
fn counterexamples_of_the_past_agree() {
    search::again(differ);
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
        "egress-not-allowed",
    ] {
        assert!(counts.get(code).copied().unwrap_or(0) >= 5, "{code} in {counts:?}");
    }
    println!("{counts:?}");
}
