//! Random interleavings of everything that can happen to the table of live contexts, checked against a
//! model that is a list of all contexts and forgets nothing.
//!
//! The invariant: a call is never stamped with a strict subset of the members and missions that limit
//! the request it is made for. With [`Trust::Nothing`] whatever ids it carries; with [`Trust::Ids`] if it
//! carries those of its request, unknown ones, or none. To deny a call is always right for the
//! invariant; that it happens only for a reason is checked beside it.
//!
//! And of budgets: for no root are more calls counted than it has, as long as its requests are live and calls carry
//! such ids; in no window are more calls counted than it has, whatever ids they carry.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

mod host;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use world::{CallIds, Damage, Op, World};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn any_op() -> impl Strategy<Value = Op> {
    let worker = 0..4_usize;
    let begin =
        (worker.clone(), 0..8_usize, 0..6_usize, prop::option::of(0..4_usize), prop::option::of(0..3_usize));
    let call_ids = prop_oneof![
        4 => Just(CallIds::Own),
        2 => Just(CallIds::Nothing),
        1 => Just(CallIds::Unknown),
        2 => (0..32_usize).prop_map(CallIds::Other),
    ];
    let damage = prop_oneof![
        Just(Damage::Empty),
        Just(Damage::Rewrite),
        any::<Vec<u8>>().prop_map(Damage::Garbage),
        any::<prop::sample::Index>().prop_map(Damage::Flip),
        any::<prop::sample::Index>().prop_map(Damage::Truncate),
        any::<prop::sample::Index>().prop_map(Damage::Replay),
    ];
    let window = prop_oneof![Just(0_u32), Just(1), Just(5_000), Just(30_000), Just(120_000), Just(u32::MAX)];
    prop_oneof![
        10 => begin.prop_map(|(worker, lineage, peer, trace, request)| {
            Op::Begin { worker, lineage, peer, trace, request }
        }),
        7 => (0..32_usize).prop_map(|which| Op::End { which }),
        1 => window.prop_map(Op::Window),
        12 => (0..32_usize, worker.clone(), call_ids.clone(), any::<bool>()).prop_map(|(which, worker, ids, strict)| {
            Op::Call { which, worker, ids, strict }
        }),
        8 => (0..32_usize, worker.clone(), call_ids.clone(), any::<bool>()).prop_map(
            |(which, worker, ids, strict)| Op::Spend { which, worker, ids, strict },
        ),
        4 => prop_oneof![0..10_u64, 0..6_000_u64, 0..100_000_u64].prop_map(Op::Pass),
        2 => prop_oneof![-4_000_000..4_000_000_i64, -3..3_i64].prop_map(Op::StepClock),
        3 => (worker.clone(), worker.clone(), 1..20_usize).prop_map(|(first, second, times)| {
            Op::Race { first, second, times }
        }),
        1 => (worker.clone(), 1..300_usize, prop_oneof![1..40_usize, 1..400_usize]).prop_map(|(worker, count, lineages)| {
            Op::Flood { worker, count, lineages }
        }),
        1 => worker.clone().prop_map(Op::Crash),
        1 => worker.prop_map(Op::Stall),
        2 => damage.prop_map(Op::Damage),
    ]
}

fn run(workers: usize, ops: &[Op]) -> World {
    let mut world = World::new(workers);
    for op in ops {
        world.apply(op);
    }
    world
}

proptest! {
    /// Everything at once: the invariant.
    #[test]
    fn nothing_widens(workers in 1..5_usize, ops in vec(any_op(), 1..60)) {
        run(workers, &ops).finish();
    }

    /// Without damage, crashes and floods: answers are exact, and calls are denied for no reason of ours.
    #[test]
    fn nothing_narrows_without_need(workers in 1..5_usize, ops in vec(any_op(), 1..60)) {
        let calm = |op: &Op| !matches!(op, Op::Damage(_) | Op::Crash(_) | Op::Stall(_) | Op::Flood { .. });
        let mut world = World::new(workers);
        world.must_be_exact = true;
        for op in ops.iter().filter(|op| calm(op)) {
            world.apply(op);
        }
        world.finish();
    }
}
