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
    Size { agents, grants: 10, services: 1, actions: 50, conditions: 0 }
}

/// As above, each grant with one of 16 conditions, drawn by chance: hardly two agents hold the same.
const fn conditional(agents: u32) -> Size {
    Size { conditions: 16, ..on_one_service(agents) }
}

fn compiled(size: Size) -> Compiled {
    compile(&large(size), &workload(0), &Options::default()).unwrap()
}

#[test]
fn a_thousand_agents_fit() {
    for size in [on_one_service(1_000), conditional(1_000)] {
        let blob = compiled(size);
        assert!(blob.stats.bytes < BLOB_BUDGET_BYTES, "{:?}", blob.stats);
    }
}

#[test]
fn steps_do_not_grow_with_agents() {
    let steps = |size| {
        let program = Program::verify(compiled(size).blob).unwrap();
        let verdict = facts::decide(&program, &request(size));
        assert!(verdict.allows(), "{verdict:?}");
        (verdict.steps, program.step_bound())
    };
    for size in [on_one_service, conditional] {
        let few = steps(size(10));
        assert_eq!([few; 3], [100, 1_000, 10_000].map(|agents| steps(size(agents))));
    }
}

#[test]
fn a_slice_holds_what_its_workload_needs() {
    let size = Size { agents: 10_000, services: 100, ..on_one_service(0) };
    let policy = large(size);
    let one = compile(&policy, &workload(0), &Options::default()).unwrap();
    assert_eq!(one.stats.agents, 100);
    assert!(one.stats.bytes < BLOB_BUDGET_BYTES / 4, "{:?}", one.stats);
    let judgement = judge(&policy, &workload(0), &request(size), Terms::default());
    assert_eq!(judgement.verdict, Verdict::Allow);
    assert!(facts::decide(&Program::verify(one.blob).unwrap(), &request(size)).allows());
}

fn section(compiled: &Compiled, wanted: &str) -> usize {
    compiled.stats.sections.iter().find(|(name, _)| *name == wanted).unwrap().1
}

/// Agents with the same grants share one row, whatever their number and whatever the conditions.
#[test]
fn rows_are_shared() {
    // Two counts and ten columns, once; and as many arms.
    for (size, bytes) in [(on_one_service(500), 14), (conditional(500), 24)] {
        let mut policy = large(size);
        let same = policy.agents[0].grants.clone();
        policy.agents.iter_mut().for_each(|agent| agent.grants.clone_from(&same));
        let compiled = compile(&policy, &workload(0), &Options::default()).unwrap();
        assert_eq!(section(&compiled, "rows"), bytes);
    }
}

/// Arms are shared by all entries with the same conditions, wherever in their rows they stand.
#[test]
fn arms_do_not_grow_with_agents() {
    // A count, the firsts, and one alternative for each of the conditions.
    let all = 4 + 17 * 4 + 16 * 8;
    assert_eq!([100, 10_000].map(|agents| section(&compiled(conditional(agents)), "arms")), [all; 2]);
}

/// Beyond 255 arms or columns, ids in rows take two bytes.
#[test]
fn ids_are_as_wide_as_they_must_be() {
    let wide = |actions, conditions| {
        let size = Size { agents: 400, grants: 10, services: 1, actions, conditions };
        let compiled = compiled(size);
        let verdict = facts::decide(&Program::verify(compiled.blob.clone()).unwrap(), &request(size));
        assert!(verdict.allows(), "{verdict:?}");
        section(&compiled, "rows")
    };
    // Of 400 agents the first four hold the same, if nothing is left to chance.
    assert_eq!(wide(50, 0), 397 * 14);
    assert_eq!(wide(255, 0), 397 * 14);
    assert_eq!(wide(256, 0), 397 * 24);
    assert_eq!(wide(50, 255), 400 * 24);
    assert_eq!(wide(50, 256), 400 * 34);
}
