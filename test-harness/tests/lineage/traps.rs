//! The VM of an agent's proxy traps, with what it knew of the requests that it served: their lineage is kept where the table
//! that workers share has it, and never lost to something wider. Both filters of the proxy live in that VM.

use std::path::Path;

use ambit_harness::client::Request;
use ambit_harness::envoy::config::Direction;
use ambit_harness::fragile::{self, Death};
use ambit_harness::mesh::Update;
use serde_json::json;

use crate::swarm::{NOT_GRANTED, Swarm, outcome, trace, via, wait};

/// Work that is under way when the VM dies goes on under its own lineage when another is there. What cannot be tied to one
/// request is limited by all that the dead VM had.
pub(crate) fn a_lineage_outlives_the_vm(swarm: &Swarm) {
    swarm.until_quiet(&["hop1"]);
    put(swarm, &fragile::module(&|_| {}).unwrap());
    for (round, death) in Death::ALL.into_iter().enumerate() {
        let (alice, bob) = (trace(70_000 + 2 * round), trace(70_001 + 2 * round));
        let before = reloads(swarm);
        swarm.close_gate();
        std::thread::scope(|scope| {
            let arrived = swarm.mark("hop1");
            let tasks = [("alice", &alice), ("bob", &bob)].map(|(who, id)| {
                let task = json!({"hold": true, "carry": ["traceparent"]});
                scope.spawn(move || swarm.ask(who, &["hop1"], task, &[("traceparent", id.as_str())]))
            });
            swarm.wait_arrival("hop1", arrived + 1);
            kill(swarm, death);
            // A new request brings the VM back, and is judged as ever: its call is lost, so that bob's task limits it, too.
            wait("the VM to come back", || {
                let lost = swarm.ask("alice", &["hop1"], json!({}), &[]);
                assert!(lost.status == 503 || outcome(&lost) == NOT_GRANTED, "{death:?}: {}", lost.status);
                lost.status != 503
            });
            assert_eq!(reloads(swarm), before + 1, "{death:?}");
            // The tasks that were held back call the tool now: alice's call arrives with her lineage, and bob's is denied.
            let mark = swarm.mark("tool");
            swarm.open_gate();
            for task in tasks {
                // Their own answers come through the VM that is no more.
                assert_eq!(task.join().unwrap().status, 503, "{death:?}");
            }
            let lineages = swarm.lineages_since("tool", mark);
            assert_eq!(lineages.len(), 1, "{death:?}: {lineages:?}");
            assert!(lineages[0].contains(&via(&["alice"])), "{death:?}: {lineages:?}");
            assert!(!lineages[0].contains("merged"), "{death:?}: {lineages:?}");
        });
        let denied = swarm
            .mesh
            .workload("tool")
            .wait_access_log(|entry| entry["direction"] == "inbound" && entry["traceparent"] == bob.as_str());
        assert_eq!(denied.unwrap()["status"], 403, "{death:?}");
    }
}

/// Gives both filters of the first hop another module.
fn put(swarm: &Swarm, module: &Path) {
    for direction in [Direction::Inbound, Direction::Outbound] {
        let update = swarm
            .mesh
            .workload("hop1")
            .update(direction, |filter| filter.module = module.to_owned())
            .unwrap();
        assert_eq!(update, Update::Accepted);
    }
}

/// How often a filter of requests to the first hop was brought back.
fn reloads(swarm: &Swarm) -> u64 {
    swarm.mesh.workload("hop1").envoy().stat("wasm.ambit-inbound.vm_reload_success").unwrap()
}

/// Sends the first hop something that its VM dies of.
fn kill(swarm: &Swarm, death: Death) {
    let request = Request::post_json("/tasks", "{}");
    let request = (0..death.headers()).fold(request, |request, _| request.header("x", "y"));
    let caller = swarm.mesh.impersonate("alice", "hop1").unwrap();
    assert_eq!(caller.send(&request).unwrap().status, 503, "{death:?}");
}
