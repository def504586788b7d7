//! How sizes and steps grow, as counts that do not depend on the machine. `cargo bench` prints the times beside them.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

#[path = "differential/facts.rs"]
mod facts;

use ambit_compiler::compile::{Compiled, Options, compile};
use ambit_compiler::generate::large::{Size, large, request, workload};
use ambit_compiler::reference::{Terms, Verdict, judge};
use ambit_eval::Program;

/// What a blob for 1,000 agents with 10 grants each on one service may take.
const BLOB_BUDGET_BYTES: usize = 64 << 10;

const fn on_one_service(agents: u32) -> Size {
    Size { agents, grants: 10, services: 1, actions: 50 }
}

fn compiled(size: Size) -> Compiled {
    compile(&large(size), &workload(0), &Options::default()).unwrap()
}

#[test]
fn a_thousand_agents_fit() {
    let blob = compiled(on_one_service(1_000));
    assert!(blob.stats.bytes < BLOB_BUDGET_BYTES, "{:?}", blob.stats);
}

#[test]
fn steps_do_not_grow_with_agents() {
    let steps = |agents| {
        let size = on_one_service(agents);
        let verdict = facts::decide(&Program::verify(compiled(size).blob).unwrap(), &request(size));
        assert!(verdict.allows(), "{verdict:?}");
        verdict.steps
    };
    let few = steps(10);
    assert_eq!([few; 3], [steps(100), steps(1_000), steps(10_000)]);
}

#[test]
fn a_slice_holds_what_its_workload_needs() {
    let size = Size { agents: 10_000, grants: 10, services: 100, actions: 50 };
    let policy = large(size);
    let one = compile(&policy, &workload(0), &Options::default()).unwrap();
    assert_eq!(one.stats.agents, 100);
    assert!(one.stats.bytes < BLOB_BUDGET_BYTES / 4, "{:?}", one.stats);
    let judgement = judge(&policy, &workload(0), &request(size), Terms::default());
    assert_eq!(judgement.verdict, Verdict::Allow);
    assert!(facts::decide(&Program::verify(one.blob).unwrap(), &request(size)).allows());
}

/// Agents with the same grants share one row, whatever their number.
#[test]
fn rows_are_shared() {
    let mut policy = large(on_one_service(500));
    let same = policy.agents[0].grants.clone();
    policy.agents.iter_mut().for_each(|agent| agent.grants.clone_from(&same));
    let rows = |policy| {
        let compiled = compile(policy, &workload(0), &Options::default()).unwrap();
        compiled.stats.sections.iter().find(|(name, _)| *name == "rows").unwrap().1
    };
    // Two counts and ten columns, once.
    assert_eq!(rows(&policy), 24);
}
