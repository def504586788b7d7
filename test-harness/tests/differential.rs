//! The reference evaluator against the evaluator as ordinary code, and that against the same evaluator in wasmtime, over
//! generated policies and requests: all three must say the same, down to the hop and the rule, and the evaluator the
//! same to the last step.
//!
//! The module is `ambit-no-panic`, built with the compiler and the profile that ship. `AMBIT_CASES` is how many
//! requests are judged: `AMBIT_CASES=1000000 cargo test --release -p ambit-harness --test differential` is a longer run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

#[path = "../../policy-compiler/tests/differential/facts.rs"]
mod facts;
#[path = "differential/guest.rs"]
mod guest;
#[path = "../../policy-compiler/tests/differential/search.rs"]
mod search;

use std::cell::RefCell;

use ambit_compiler::generate::Choices;

use guest::Guest;

const CASES: u64 = 4_000;

/// What differs among the three.
fn differ(guest: &RefCell<Guest>) -> impl Fn(&mut Choices) -> Option<String> {
    move |choices| {
        search::differ(choices, |program, case, expected| {
            let actual = guest.borrow_mut().decide(program, case);
            (actual != *expected).then(|| format!("in wasmtime {actual:?}\nas ordinary code {expected:?}"))
        })
    }
}

#[test]
fn reference_native_and_wasm_agree() {
    let guest = RefCell::new(Guest::start());
    search::all(search::cases(CASES), differ(&guest));
    assert!(guest.borrow().judged > 0);
}

#[test]
fn counterexamples_of_the_past_agree() {
    search::again(differ(&RefCell::new(Guest::start())));
}
