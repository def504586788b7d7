//! How many calls an agent may make: a flood is cut off, and other work goes on.

use serde_json::json;

use crate::swarm::{ALLOWED, Policy, Swarm, outcome, outcomes, tally, trace, wait};

pub(crate) fn a_root_has_so_many_calls(swarm: &Swarm) {
    swarm.apply(&Policy { agents: &[("hop1", "budget: {perRoot: 5}")], ..Policy::default() });
    swarm.until_quiet(&["hop1"]);
    let task = |calls: usize, carry: &[&str]| json!({"calls": calls, "carry": carry});
    let traceparent = ["traceparent"];
    // Each call is on a connection of its own, and so on any worker.
    let flood = |calls: usize, number: usize| {
        // Whoever begins the root names it.
        let headers = [("traceparent", trace(number)), ("x-request-id", "root-of-a-flood".to_owned())];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        tally(&swarm.ask("alice", &["hop1"], task(calls, &traceparent), &headers))
    };
    let cut = [(200, "", 5), (403, "budget-exhausted", 7)];
    assert_eq!(flood(12, 30_001), outcomes(cut), "a flood is cut off");
    assert_eq!(flood(1, 30_002), outcomes([(403, "budget-exhausted", 1)]), "whichever way the root comes");
    let other = swarm.ask("alice", &["hop1"], task(4, &traceparent), &[("traceparent", &trace(30_003))]);
    assert_eq!(tally(&other), outcomes([(200, "", 4)]), "another root has its own budget");
    let log = "budget used up: GET tool.local/data holder=agent part=root enforced=true";
    assert!(swarm.mesh.workload("hop1").envoy().log_contains(log).unwrap(), "it is said");

    // A call that hides whom it is made for counts for everyone who is live.
    swarm.until_quiet(&["hop1"]);
    swarm.close_gate();
    std::thread::scope(|scope| {
        let mark = swarm.mark("hop1");
        let hold = json!({"hold": true, "carry": traceparent});
        let held = scope.spawn(|| swarm.ask("alice", &["hop1"], hold, &[("traceparent", &trace(30_004))]));
        swarm.wait_arrival("hop1", mark);
        let hidden = swarm.ask("alice", &["hop1"], task(12, &[]), &[("traceparent", &trace(30_005))]);
        assert_eq!(tally(&hidden), outcomes(cut));
        swarm.open_gate();
        assert_eq!(outcome(&held.join().unwrap()), (403, "budget-exhausted"), "for the held one as well");
    });
    wait("the denials to be counted", || {
        swarm.mesh.workload("hop1").envoy().stat("wasmcustom.ambit.deny.budget-exhausted").unwrap() >= 16
    });
    // Its requests are over, and so is its count.
    wait("the root to be forgotten", || flood(1, 30_006) == outcomes([(200, "", 1)]));
}

pub(crate) fn a_window_has_so_many_calls(swarm: &Swarm) {
    let budget = [("alice", "budget: {perWindow: 3, window: 1h}")];
    swarm.apply(&Policy { agents: &budget, ..Policy::default() });
    let asked: Vec<_> = (0..5).map(|_| swarm.read("alice", &[])).collect();
    let asked: Vec<_> = asked.iter().map(outcome).collect();
    let refused = (403, "budget-exhausted");
    assert_eq!(
        asked,
        [ALLOWED, ALLOWED, ALLOWED, refused, refused],
        "work of its own is bounded by the window"
    );
    // A greater budget takes effect at once, and what was spent stays spent.
    let budget = [("alice", "budget: {perWindow: 4, window: 30m}")];
    swarm.apply(&Policy { agents: &budget, ..Policy::default() });
    assert_eq!(outcome(&swarm.read("alice", &[])), ALLOWED);
    assert_eq!(outcome(&swarm.read("alice", &[])), refused);
    swarm.apply(&Policy::default());
    assert_eq!(outcome(&swarm.read("alice", &[])), ALLOWED);
}

pub(crate) fn a_mission_has_so_many_calls(swarm: &Swarm) {
    let missions = [("look", ", tool/read", "budget: {perRoot: 2}"), ("talk", "", "purpose: To talk.")];
    swarm.apply(&Policy { missions: &missions, ..Policy::default() });
    let task = json!({"calls": 5, "carry": ["traceparent"]});
    let under = [("traceparent", trace(30_010)), ("x-ambit-mission", "look".to_owned())];
    let under: Vec<(&str, &str)> = under.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = swarm.ask("alice", &["hop1"], task.clone(), &under);
    assert_eq!(tally(&answer), outcomes([(200, "", 2), (403, "budget-exhausted", 3)]));
    let answer = swarm.ask("alice", &["hop1"], task, &[("traceparent", &trace(30_011))]);
    assert_eq!(tally(&answer), outcomes([(200, "", 5)]), "without the mission there is no budget");
    let log = "holder=look part=root enforced=true";
    assert!(swarm.mesh.workload("hop1").envoy().log_contains(log).unwrap());
}

pub(crate) fn a_budget_in_shadow_is_recorded(swarm: &Swarm) {
    let shadow = [("hop1", "budget: {perRoot: 2}"), ("hop1", "mode: shadow")];
    swarm.apply(&Policy { agents: &shadow, ..Policy::default() });
    let task = json!({"calls": 4, "carry": ["traceparent"]});
    let answer = swarm.ask("alice", &["hop1"], task, &[("traceparent", &trace(30_020))]);
    assert_eq!(tally(&answer), outcomes([(200, "", 4)]));
    let log = "holder=agent part=root enforced=false";
    assert!(swarm.mesh.workload("hop1").envoy().log_contains(log).unwrap());
    swarm.apply(&Policy::default());
}
