//! Lineage on real Envoys: stamped by the sidecar, never lost, always limiting.
//!
//! Two agents start work: `alice`, who may read the tool's data, and `bob`, who may not. Four more pass tasks on, and
//! may do everything. So whether a request reaches the tool says on whose behalf it was made.
//!
//! One mesh serves many cases, one after the other; policies and settings change while it runs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod budgets;
mod continuity;
mod poisoned;
mod statements;
mod structure;
mod swarm;
mod time;
mod traps;

use swarm::Swarm;

/// Where the halves of a task meet on one worker or on any of several.
fn on_workers(name: &str, workers: u32) {
    let swarm = Swarm::start(name, workers);
    for carry in ["traceparent", "x-request-id", "x-b3-traceid"] {
        continuity::each_call_has_its_own_lineage(&swarm, carry);
    }
    continuity::what_an_application_writes_has_no_effect(&swarm);
    continuity::a_lost_lineage_narrows(&swarm);
    continuity::a_replayed_trace_id_wins_nothing_in_strict_mode(&swarm);
    budgets::a_root_has_so_many_calls(&swarm);
    budgets::a_window_has_so_many_calls(&swarm);
}

#[test]
fn one_worker() {
    on_workers("lineage-1", 1);
}

#[test]
fn two_workers() {
    on_workers("lineage-2", 2);
}

#[test]
fn four_workers() {
    on_workers("lineage-4", 4);
}

#[test]
fn structure_and_missions() {
    let swarm = Swarm::start("lineage-structure", 2);
    structure::cycles_are_refused_or_tolerated(&swarm);
    structure::a_revoked_member_ends_every_chain(&swarm);
    structure::grants_are_direct_or_through(&swarm);
    structure::ceilings_hold_along_the_chain(&swarm);
    structure::missions_narrow(&swarm);
    structure::nothing_leaves_the_mesh(&swarm);
    structure::an_application_may_not_see_it(&swarm);
    budgets::a_mission_has_so_many_calls(&swarm);
    budgets::a_budget_in_shadow_is_recorded(&swarm);
    statements::are_taken_strictly(&swarm);
}

#[test]
fn time_and_repeats() {
    let swarm = time::swarm();
    time::a_stream_keeps_its_context_live(&swarm);
    time::repeats_of_envoy_count_once(&swarm);
    time::an_application_orders_no_repeats(&swarm);
    time::work_after_the_response_falls_in_the_window(&swarm);
}

#[test]
fn traps() {
    traps::a_lineage_outlives_the_vm(&Swarm::start("lineage-traps", 1));
}
