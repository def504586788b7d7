//! What lasts longer than a request and its answer, and what Envoy does twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use ambit_harness::upstream::Reply;
use serde_json::{Value, json};

use crate::swarm::{ALLOWED, NOT_GRANTED, Policy, Swarm, outcome, outcomes, tally, trace};

/// How long the second hop's Envoy waits for an answer before it sends the request once more.
const HEDGE_AFTER: Duration = Duration::from_millis(500);

/// A swarm whose tool does as a header says: it is slow to answer a call for the first time, or is not there, or breaks.
pub(crate) fn swarm() -> Swarm {
    Swarm::start_with("lineage-time", 2, &|name, workload| match name {
        "tool" => {
            let calls: Mutex<BTreeSet<Vec<u8>>> = Mutex::default();
            workload.app(move |call| {
                let id = call.request.header("x-request-id").unwrap_or_default().as_bytes().to_vec();
                let first = calls.lock().unwrap().insert(id);
                match call.request.header("x-behave") {
                    Some("slow") if first => std::thread::sleep(3 * HEDGE_AFTER),
                    // Envoy reads gRPC's status wherever it stands, and repeats what was not available.
                    Some("away") if first => return Reply::new(200, "").header("grpc-status", "14"),
                    Some("broken") => return Reply::new(500, ""),
                    _ => {}
                }
                Reply::new(200, "ok")
            })
        }
        "hop2" => workload.amend(hedge),
        "hop3" => workload.amend(take_private_addresses_for_internal),
        _ => workload,
    })
}

/// Has calls of the application sent once more when they have not been answered for a while; the first answer is taken.
fn hedge(bootstrap: &mut Value) {
    for host in outbound(bootstrap)["route_config"]["virtual_hosts"].as_array_mut().unwrap() {
        let action = &mut host["routes"][0]["route"];
        if action.is_object() {
            action["retry_policy"]["retry_on"] = json!("5xx");
            action["retry_policy"]["per_try_timeout"] = json!(format!("{:.3}s", HEDGE_AFTER.as_secs_f64()));
            action["hedge_policy"] = json!({"hedge_on_per_try_timeout": true});
        }
    }
}

/// As every Envoy once did, and as one of a mesh that names its networks does: headers `x-envoy-` from such an address are
/// orders.
fn take_private_addresses_for_internal(bootstrap: &mut Value) {
    let private = json!({"address_prefix": "10.0.0.0", "prefix_len": 8});
    outbound(bootstrap)["internal_address_config"] = json!({"cidr_ranges": [private]});
}

/// The connection manager of the outbound listener.
fn outbound(bootstrap: &mut Value) -> &mut Value {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut().unwrap();
    let is_outbound = |listener: &&mut Value| listener["traffic_direction"] == "OUTBOUND";
    let listener = listeners.iter_mut().find(is_outbound).unwrap();
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// An answer keeps its request live for as long as it goes on: it limits others, and the calls that it causes are still
/// known to be its own.
pub(crate) fn a_stream_keeps_its_context_live(swarm: &Swarm) {
    for (who, other, window, of_stream) in
        [("bob", "alice", "0s", "403 not-granted"), ("alice", "bob", "500ms", "200 ")]
    {
        swarm.apply(&Policy {
            agents: &[("hop1", &format!("lineage: {{window: {window}}}"))],
            ..Policy::default()
        });
        swarm.until_quiet(&["hop1"]);
        swarm.close_gate();
        std::thread::scope(|scope| {
            let mark = swarm.mark("hop1");
            let id = trace(50_000 + mark);
            let task = json!({"stream": true, "carry": ["traceparent"]});
            let stream = scope.spawn(move || swarm.ask(who, &["hop1"], task, &[("traceparent", &id)]));
            swarm.wait_arrival("hop1", mark);
            let answer = swarm.ask(other, &["hop1"], json!({}), &[]);
            assert_eq!(outcome(&answer), NOT_GRANTED, "{who}'s stream is still open");
            swarm.open_gate();
            let events = stream.join().unwrap().text();
            assert!(events.ends_with(&format!("data: {of_stream}\n\n")), "{events}");
        });
    }
    swarm.apply(&Policy::default());
}

/// What Envoy repeats, because there was no answer or it was long in coming, is one call.
pub(crate) fn repeats_of_envoy_count_once(swarm: &Swarm) {
    let budget = "budget: {perRoot: 3}";
    swarm.apply(&Policy { agents: &[("hop1", budget), ("hop2", budget)], ..Policy::default() });
    for (number, (hop, behaviour)) in [("hop1", "away"), ("hop2", "slow")].into_iter().enumerate() {
        let mark = swarm.mark("tool");
        let task = json!({"calls": 4, "carry": ["traceparent"], "forge": [["x-behave", behaviour]]});
        let answer = swarm.ask("alice", &[hop], task, &[("traceparent", &trace(51_000 + number))]);
        let expected = outcomes([(200, "", 3), (403, "budget-exhausted", 1)]);
        assert_eq!(tally(&answer), expected, "{behaviour}");
        let mut calls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for request in swarm.since("tool", mark) {
            let header = |name: &str| request.header(name).unwrap_or("none").to_owned();
            calls.entry(header("x-request-id")).or_default().push(header("x-ambit-lineage"));
        }
        assert_eq!(calls.len(), 3, "{behaviour}");
        for lineages in calls.values() {
            assert!(lineages.len() >= 2, "{behaviour}: a call came once");
            assert!(lineages.iter().all(|lineage| *lineage == lineages[0]), "{lineages:?}");
        }
    }
}

/// Where there is a budget, an application cannot have its Envoy repeat a call for it.
pub(crate) fn an_application_orders_no_repeats(swarm: &Swarm) {
    // Envoy takes such orders from an internal address, and the application says where it calls from.
    let order = json!([
        ["x-behave", "broken"],
        ["x-forwarded-for", "10.0.0.1"],
        ["x-envoy-retry-on", "5xx"],
        ["x-envoy-max-retries", "3"]
    ]);
    for (number, (budget, times)) in
        [("purpose: None.", 4), ("budget: {perRoot: 9}", 1)].into_iter().enumerate()
    {
        swarm.apply(&Policy { agents: &[("hop3", budget)], ..Policy::default() });
        let mark = swarm.mark("tool");
        let task = json!({"carry": ["traceparent"], "forge": order});
        let answer = swarm.ask("alice", &["hop3"], task, &[("traceparent", &trace(52_000 + number))]);
        assert_eq!(answer.status, 500);
        assert_eq!(swarm.since("tool", mark).len(), times, "{budget}");
    }
}

/// Calls after the response belong to the request for a window, found by its id or not; then they are no one's.
pub(crate) fn work_after_the_response_falls_in_the_window(swarm: &Swarm) {
    let windows = [("hop3", "lineage: {window: 10m}"), ("hop4", "lineage: {window: 0s}")];
    swarm.apply(&Policy { agents: &windows, ..Policy::default() });
    swarm.until_quiet(&["hop3", "hop4"]);
    for (number, (hop, carry, who, expected)) in [
        ("hop3", json!(["traceparent"]), "alice", ALLOWED),
        ("hop3", json!([]), "alice", ALLOWED),
        ("hop3", json!(["traceparent"]), "bob", NOT_GRANTED),
        ("hop3", json!(["traceparent"]), "alice", ALLOWED),
        ("hop3", json!([]), "alice", NOT_GRANTED),
        ("hop4", json!(["traceparent"]), "bob", (403, "may-not-originate")),
    ]
    .into_iter()
    .enumerate()
    {
        swarm.close_gate();
        let task = json!({"later": true, "carry": carry});
        let answer = swarm.ask(who, &[hop], task, &[("traceparent", &trace(53_000 + number))]);
        assert_eq!(answer.status, 202);
        if hop == "hop4" {
            swarm.until_quiet(&[hop]);
        }
        swarm.open_gate();
        let (status, code) = swarm.later();
        assert_eq!((status, code.as_str()), expected, "case {number}");
    }
}
