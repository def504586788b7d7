//! The shape of a lineage, missions, and where a lineage does not go.

use ambit_harness::client::{Request, Response};
use ambit_harness::envoy::config::Direction;
use serde_json::{Value, json};

use crate::swarm::{ALLOWED, NOT_GRANTED, Policy, Swarm, outcome, trace, via};

/// A task of a trace of its own, which every hop hands on.
fn traced(swarm: &Swarm, who: &str, through: &[&str], number: usize, task: Value) -> Response {
    let mut task = task;
    task["carry"] = json!(["traceparent"]);
    swarm.ask(who, through, task, &[("traceparent", &trace(number))])
}

pub(crate) fn cycles_are_refused_or_tolerated(swarm: &Swarm) {
    let path = ["hop1", "hop2", "hop1"];
    let mark = swarm.mark("tool");
    assert_eq!(outcome(&traced(swarm, "alice", &path, 1, json!({}))), ALLOWED);
    assert_eq!(outcome(&traced(swarm, "bob", &path, 2, json!({}))), NOT_GRANTED, "a cycle resets nothing");
    // Both of alice's requests are live in the first hop's pod under one trace.
    let lineage = &swarm.lineages_since("tool", mark)[0];
    assert!(
        lineage.contains("alice") && lineage.contains("hop2") && lineage.contains("merged=3"),
        "{lineage}"
    );
    swarm.apply(&Policy { mesh: "cycles: refuse", ..Policy::default() });
    assert_eq!(outcome(&traced(swarm, "alice", &path, 3, json!({}))), (403, "cycle"));
    assert_eq!(outcome(&traced(swarm, "alice", &path[..2], 4, json!({}))), ALLOWED);
    swarm.apply(&Policy { mesh: "maxDepth: 3", ..Policy::default() });
    assert_eq!(outcome(&traced(swarm, "alice", &path, 5, json!({}))), (403, "depth-exceeded"));
}

pub(crate) fn a_revoked_member_ends_every_chain(swarm: &Swarm) {
    let chain = ["hop1", "hop2", "hop3"];
    for (place, revoked) in ["alice", "hop1", "hop2", "hop3"].into_iter().enumerate() {
        swarm.apply(&Policy { agents: &[(revoked, "revoked: true")], ..Policy::default() });
        let answer = traced(swarm, "alice", &chain, 10 + place, json!({}));
        assert_eq!(outcome(&answer), (403, "member-revoked"), "{revoked}");
    }
    swarm.apply(&Policy { agents: &[("hop4", "revoked: true")], ..Policy::default() });
    assert_eq!(outcome(&traced(swarm, "alice", &chain, 14, json!({}))), ALLOWED, "not of this chain");
}

pub(crate) fn grants_are_direct_or_through(swarm: &Swarm) {
    let through = "grants: [{actions: [PASS_ON]}, {actions: [tool/read], through: [hop1, hop2]}]";
    swarm.apply(&Policy { agents: &[("alice", through)], ..Policy::default() });
    assert_eq!(outcome(&swarm.read("alice", &[])), (403, "not-granted-this-way"));
    for (number, (path, expected)) in [
        (&["hop1"][..], ALLOWED),
        (&["hop1", "hop2"], ALLOWED),
        (&["hop3"], (403, "not-granted-this-way")),
        (&["hop1", "hop3"], (403, "not-granted-this-way")),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(outcome(&traced(swarm, "alice", path, 20 + number, json!({}))), expected, "{path:?}");
    }
    let direct = "grants: [{actions: [PASS_ON]}, {actions: [tool/read], direct: true}]";
    swarm.apply(&Policy { agents: &[("alice", direct)], ..Policy::default() });
    assert_eq!(outcome(&swarm.read("alice", &[])), ALLOWED);
    let answer = traced(swarm, "alice", &["hop1"], 25, json!({}));
    assert_eq!(outcome(&answer), (403, "not-granted-this-way"));
}

pub(crate) fn ceilings_hold_along_the_chain(swarm: &Swarm) {
    for (number, who) in ["alice", "hop1", "hop2"].into_iter().enumerate() {
        swarm.apply(&Policy { agents: &[(who, "effects: {ceiling: [send]}")], ..Policy::default() });
        let answer = traced(swarm, "alice", &["hop1", "hop2"], 30 + number, json!({}));
        assert_eq!(outcome(&answer), (403, "effect-ceiling"), "{who}");
    }
}

const MISSIONS: [(&str, &str, &str); 2] =
    [("look", ", tool/read", "purpose: To read."), ("talk", "", "purpose: To pass tasks on.")];

pub(crate) fn missions_narrow(swarm: &Swarm) {
    let path = ["hop1", "hop2"];
    let declare = |mission: &str| json!([["x-ambit-mission", mission]]);
    let ask = |number: usize, of_alice: &str, task: Value| {
        let mut headers = vec![("traceparent", trace(40 + number))];
        if !of_alice.is_empty() {
            headers.push(("x-ambit-mission", of_alice.to_owned()));
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut task = task;
        task["carry"] = json!(["traceparent"]);
        swarm.ask("alice", &path, task, &headers)
    };
    let at_hop2 = |mission: &str| json!({"at": {"hop2": {"forge": declare(mission)}}});

    swarm.apply(&Policy { missions: &MISSIONS, ..Policy::default() });
    let mark = swarm.mark("tool");
    assert_eq!(outcome(&ask(0, "look", json!({}))), ALLOWED);
    assert_eq!(outcome(&ask(1, "", at_hop2("look"))), ALLOWED, "anyone may declare one");
    for request in swarm.since("tool", mark) {
        assert!(request.header("x-ambit-lineage").unwrap().contains("mission=(\"look\")"));
        assert_eq!(request.header("x-ambit-mission"), None, "it is in the lineage now");
    }
    assert_eq!(outcome(&ask(2, "talk", json!({}))), NOT_GRANTED, "hops away");
    assert_eq!(outcome(&ask(3, "", at_hop2("talk"))), NOT_GRANTED);
    assert_eq!(outcome(&ask(4, "look", at_hop2("talk"))), NOT_GRANTED, "two of them intersect");
    assert_eq!(outcome(&ask(5, "talk", at_hop2("look"))), NOT_GRANTED, "in any order");
    assert_eq!(outcome(&ask(6, "look, look", json!({}))), ALLOWED);
    assert_eq!(outcome(&ask(7, "nothing-of-this-name", json!({}))), (403, "mission-unknown"));
    assert_eq!(outcome(&ask(8, "no name", json!({}))), (403, "mission-unknown"));

    let required = [("hop2", "missions: {oneOf: [look], required: true}")];
    swarm.apply(&Policy { missions: &MISSIONS, agents: &required, ..Policy::default() });
    assert_eq!(outcome(&ask(9, "", json!({}))), (403, "mission-required"));
    assert_eq!(outcome(&ask(10, "talk", json!({}))), (403, "mission-not-permitted"));
    assert_eq!(outcome(&ask(11, "look", json!({}))), ALLOWED);

    // Policy chooses one for the work that alice begins, unless she declares one; not for what is done for others.
    let chosen =
        [("alice", "missions: {oneOf: [look, talk], default: look}"), ("bob", "missions: {default: look}")];
    swarm.apply(&Policy { missions: &MISSIONS, agents: &chosen, ..Policy::default() });
    let mark = swarm.mark("tool");
    assert_eq!(outcome(&ask(12, "", json!({}))), ALLOWED);
    assert_eq!(outcome(&swarm.read("alice", &[])), ALLOWED);
    for lineage in swarm.lineages_since("tool", mark) {
        assert!(lineage.contains("mission=(\"look\")"), "{lineage}");
    }
    assert_eq!(outcome(&ask(13, "talk", json!({}))), NOT_GRANTED);
    let chosen = [("alice", "missions: {oneOf: [talk], required: true, default: talk}")];
    swarm.apply(&Policy { missions: &MISSIONS, agents: &chosen, ..Policy::default() });
    assert_eq!(outcome(&ask(14, "", json!({}))), NOT_GRANTED);
    assert_eq!(outcome(&ask(15, "look", json!({}))), (403, "mission-not-permitted"));
}

/// A lineage and a mission go to names of the mesh only.
pub(crate) fn nothing_leaves_the_mesh(swarm: &Swarm) {
    swarm.apply(&Policy::default());
    let call = |swarm: &Swarm| {
        let mark = swarm.mark("outside");
        let request = Request::get("/data")
            .header("x-ambit-lineage", "v=1, via=()")
            .header("x_ambit_lineage", "v=1, via=()")
            .header("x-ambit-mission", "look");
        assert_eq!(swarm.mesh.between("alice", "outside").send(&request).unwrap().status, 200);
        swarm.since("outside", mark).remove(0)
    };
    let sent = call(swarm);
    assert_eq!(sent.header("x-ambit-mission"), None);
    assert!(sent.header("x-ambit-lineage").unwrap().ends_with("via=(), mission=(\"look\")"));
    swarm.apply_with(&Policy::default(), &|name, direction, lineage| {
        if (name, direction) == ("alice", Direction::Outbound) {
            lineage.insert("mesh".into(), json!(["elsewhere"]));
        }
    });
    let sent = call(swarm);
    for name in ["x-ambit-lineage", "x_ambit_lineage", "x-ambit-mission"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
    assert_eq!(outcome(&swarm.read("alice", &[])), (403, "lineage-missing"), "so it does not get in again");
}

/// Hidden from the application, a lineage still limits what it does.
pub(crate) fn an_application_may_not_see_it(swarm: &Swarm) {
    swarm.apply(&Policy::default());
    for (number, hide) in [false, true].into_iter().enumerate() {
        swarm.apply_with(&Policy::default(), &|_, direction, lineage| {
            if direction == Direction::Inbound {
                lineage.insert("hide".into(), json!(hide));
            }
        });
        let (hop, tool) = (swarm.mark("hop2"), swarm.mark("tool"));
        let path = ["hop1", "hop2"];
        assert_eq!(outcome(&traced(swarm, "alice", &path, 60 + number, json!({}))), ALLOWED);
        assert_eq!(outcome(&traced(swarm, "bob", &path, 62 + number, json!({}))), NOT_GRANTED);
        let seen = [swarm.lineages_since("hop2", hop), swarm.lineages_since("tool", tool)].concat();
        assert!(seen.iter().all(|lineage| (lineage == "none") == hide), "{seen:?}");
        assert!(hide || seen.last().unwrap().contains(&via(&["alice", "hop1"])), "{seen:?}");
    }
    swarm.apply(&Policy::default());
}
