//! Which request a call belongs to, with no code in the agent.

use serde_json::json;

use crate::swarm::{ALLOWED, HOPS, NOT_GRANTED, Policy, Swarm, outcome, trace, via};

/// Many tasks at once, of two origins, through four hops: each is stamped with its own lineage, on however many
/// workers the halves of a task meet. Applications hand on nothing but what tracing libraries do.
pub(crate) fn each_call_has_its_own_lineage(swarm: &Swarm, carry: &str) {
    let mark = swarm.mark("tool");
    std::thread::scope(|scope| {
        for number in 0..10 {
            scope.spawn(move || {
                for round in 0..2 {
                    let (who, expected) =
                        if number % 2 == 0 { ("alice", ALLOWED) } else { ("bob", NOT_GRANTED) };
                    let id = trace(number * 100 + round);
                    let id = if carry == "x-b3-traceid" { &id[3..35] } else { id.as_str() };
                    let answer = swarm.ask(who, &HOPS, json!({"carry": [carry]}), &[(carry, id)]);
                    assert_eq!(outcome(&answer), expected, "{who}, {carry}: {}", answer.text());
                }
            });
        }
    });
    let arrived = swarm.lineages_since("tool", mark);
    assert_eq!(arrived.len(), 10);
    let expected = via(&["alice", "hop1", "hop2", "hop3"]);
    for lineage in arrived {
        assert!(lineage.contains(&expected) && !lineage.contains("merged"), "{lineage}");
    }
}

/// Nothing that an application writes about its lineage has an effect, well-formed or not.
pub(crate) fn what_an_application_writes_has_no_effect(swarm: &Swarm) {
    let root = "v=1, via=()".to_owned();
    let alice = "\"spiffe://cluster.local/ns/mesh/sa/alice\"";
    let stronger = format!("v=1, via=({alice})");
    let many = format!("v=1, via=({})", [alice; 17].join(" "));
    let long = format!("v=1, root=\"{}\", via=()", "a".repeat(5 * 1024));
    let line = |name: &str, value: &str| json!([name, value]);
    let forgeries = [
        json!([line("x-ambit-lineage", &root)]),
        json!([line("x-ambit-lineage", &stronger)]),
        json!([line("x-ambit-lineage", &stronger), line("x-ambit-lineage", &root)]),
        json!([line("x_ambit_lineage", &stronger), line("x-ambit_lineage", &root)]),
        json!([line("x-ambit-lineage", &many)]),
        json!([line("x-ambit-lineage", &long)]),
        json!([line("x-ambit-lineage", "nonsense")]),
    ];
    let mark = swarm.mark("tool");
    for (number, forgery) in forgeries.iter().enumerate() {
        // A trace each: two tasks of one trace would be limited by both.
        for (who, expected) in [("bob", NOT_GRANTED), ("alice", ALLOWED)] {
            let id = trace(10_000 + 2 * number + usize::from(who == "bob"));
            let task = json!({"forge": forgery, "carry": ["traceparent"]});
            let answer = swarm.ask(who, &["hop1", "hop2"], task, &[("traceparent", &id)]);
            assert_eq!(outcome(&answer), expected, "{who}: {forgery}");
        }
    }
    let arrived = swarm.lineages_since("tool", mark);
    assert_eq!(arrived.len(), forgeries.len());
    for lineage in arrived {
        assert!(lineage.contains(&via(&["alice", "hop1"])) && lineage.len() < 300, "{lineage}");
    }
}

/// Applications that hand on nothing are limited by all that is live in their pods, also by what was live a moment ago
/// and under a policy that has been replaced since. The lost call is named.
pub(crate) fn a_lost_lineage_narrows(swarm: &Swarm) {
    swarm.until_quiet(&HOPS);
    let alice = |swarm: &Swarm| swarm.ask("alice", &HOPS, json!({}), &[]);
    assert_eq!(outcome(&alice(swarm)), ALLOWED, "alone, alice is all that is live");
    swarm.close_gate();
    std::thread::scope(|scope| {
        let mark = swarm.mark("hop2");
        // His task waits at the second hop, so that the first two are working for him.
        let hold = json!({"at": {"hop2": {"hold": true}}});
        let bob = scope.spawn(|| swarm.ask("bob", &["hop1", "hop2"], hold, &[]));
        swarm.wait_arrival("hop2", mark);
        let answer = swarm.ask("alice", &["hop3"], json!({}), &[]);
        assert_eq!(outcome(&answer), ALLOWED, "no work for bob has come here");
        assert_eq!(outcome(&alice(swarm)), NOT_GRANTED, "bob's task is live");
        // A mesh that differs, but not for this.
        swarm.apply(&Policy { mesh: "maxDepth: 7", ..Policy::default() });
        assert_eq!(outcome(&alice(swarm)), NOT_GRANTED, "an update forgets nothing");
        swarm.open_gate();
        assert_eq!(outcome(&bob.join().unwrap()), NOT_GRANTED);
    });
    assert_eq!(outcome(&alice(swarm)), NOT_GRANTED, "what ended a moment ago still limits");
    swarm.until(ALLOWED, "bob's window to be over", alice);
    let envoy = swarm.mesh.workload("hop1").envoy();
    crate::swarm::wait("lost calls to be counted", || {
        envoy.stat("wasmcustom.ambit.lineage.lost").unwrap() > 0
    });
    assert!(envoy.log_contains("lineage lost: POST hop2.local/tasks").unwrap(), "the lost call is named");
    swarm.apply(&Policy::default());
}

/// An application that chooses the trace id of another task, which is live in its pod, takes that task's lineage: the
/// documented limit of the default mode. In strict mode it has no choice.
pub(crate) fn a_replayed_trace_id_wins_nothing_in_strict_mode(swarm: &Swarm) {
    for (policy, expected) in [("{strict: false}", ALLOWED), ("{strict: true}", NOT_GRANTED)] {
        swarm.apply(&Policy { agents: &[("hop1", &format!("lineage: {policy}"))], ..Policy::default() });
        swarm.until_quiet(&["hop1"]);
        let (alice, bob) = (trace(20_001), trace(20_002));
        swarm.close_gate();
        std::thread::scope(|scope| {
            let mark = swarm.mark("hop1");
            let task = scope.spawn(|| {
                swarm.ask("alice", &["hop1"], json!({"hold": true}), &[("traceparent", alice.as_str())])
            });
            swarm.wait_arrival("hop1", mark);
            let forge = json!({"forge": [["traceparent", alice]]});
            let answer = swarm.ask("bob", &["hop1"], forge, &[("traceparent", &bob)]);
            assert_eq!(outcome(&answer), expected, "{policy}");
            swarm.open_gate();
            task.join().unwrap();
        });
    }
    swarm.apply(&Policy::default());
}
