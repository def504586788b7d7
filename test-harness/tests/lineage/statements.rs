//! What a peer that has gone around its own sidecar may state, and what it gets.

use ambit_harness::client::Request;

use crate::swarm::{Policy, Swarm, outcome};

pub(crate) fn are_taken_strictly(swarm: &Swarm) {
    swarm.apply(&Policy::default());
    let endpoint = swarm.mesh.impersonate("alice", "tool").unwrap();
    let member = |name: &str| format!("\"spiffe://cluster.local/ns/mesh/sa/{name}\"");
    let many = |count: usize| {
        let members: Vec<_> =
            (0..count).map(|place| member(if place == 0 { "alice" } else { "hop1" })).collect();
        format!("v=1, via=({})", members.join(" "))
    };
    let long = format!("v=1, via=(), root=\"{}\"", "a".repeat(5 * 1024));
    let cases: [(&[String], u16, &str); 9] = [
        (&["v=1, via=()".to_owned()], 200, ""),
        (&[], 403, "lineage-missing"),
        (&["v=1, via=()".to_owned(), "v=1, via=()".to_owned()], 403, "lineage-repeated"),
        (&["v=1, via=(), v=1".to_owned()], 403, "lineage-malformed"),
        (&["v=2, via=()".to_owned()], 403, "lineage-malformed"),
        (&[long], 403, "lineage-too-long"),
        (&[many(17)], 403, "lineage-too-many-members"),
        (&[many(9)], 403, "depth-exceeded"),
        (&[format!("v=1, via=({})", member("nobody"))], 403, "lineage-member-unmapped"),
    ];
    for (values, status, code) in cases {
        let request = values
            .iter()
            .fold(Request::get("/data"), |request, value| request.header("x-ambit-lineage", value));
        let answer = endpoint.send(&request).unwrap();
        assert_eq!(outcome(&answer), (status, code), "{values:?}");
    }
}
