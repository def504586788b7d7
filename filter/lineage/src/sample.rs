//! Lineages for tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::lineage::{Lineage, Order};
use crate::name::{Mission, Principal, RootId};

const PRINCIPALS: [&str; 20] = [
    "spiffe://t/a",
    "spiffe://t/b",
    "spiffe://t/c",
    "spiffe://t/d",
    "spiffe://t/e",
    "spiffe://t/f",
    "spiffe://t/g",
    "spiffe://t/h",
    "spiffe://t/i",
    "spiffe://t/j",
    "spiffe://t/k",
    "spiffe://t/l",
    "spiffe://t/m",
    "spiffe://t/n",
    "spiffe://t/o",
    "spiffe://t/p",
    "spiffe://t/q",
    "spiffe://t/r",
    "spiffe://mesh.example/ns/agents/sa/planner",
    "spiffe://mesh.example/ns/support/sa/support-agent",
];

const MISSIONS: [&str; 6] = ["audit", "close-books", "refund-order", "resolve-ticket", "restock", "x"];

/// A principal named by one letter, or by its place.
pub(crate) fn principal(place: usize) -> Principal<'static> {
    Principal::parse(PRINCIPALS[place % PRINCIPALS.len()].as_bytes()).unwrap()
}

pub(crate) fn mission(place: usize) -> Mission<'static> {
    Mission::parse(MISSIONS[place % MISSIONS.len()].as_bytes()).unwrap()
}

pub(crate) fn any_principal() -> impl Strategy<Value = Principal<'static>> {
    (0..PRINCIPALS.len()).prop_map(principal)
}

/// A lineage as the operations of this crate build it: a chain, or a merge of chains.
pub(crate) fn any_lineage() -> impl Strategy<Value = Lineage<'static>> {
    vec(any_chain(), 1..3).prop_map(|chains| {
        chains[1..].iter().fold(chains[0], |merged, chain| merged.merge(chain).unwrap_or(merged))
    })
}

fn any_chain() -> impl Strategy<Value = Lineage<'static>> {
    let root = option::of(prop_oneof![Just("req-7"), Just("4bf92f3577b34da6a3ce929d0e0e4736")]);
    let via = vec(any_principal(), 0..10);
    let claims = vec(any_principal(), 0..3);
    let missions = vec(0..MISSIONS.len(), 0..3);
    (root, via, claims, missions).prop_map(|(root, via, claims, missions)| {
        let root = root.and_then(|id| RootId::parse(id.as_bytes()));
        let mut lineage = Lineage::root(root);
        for claim in claims {
            lineage = lineage.stamp(claim).unwrap().claimed();
        }
        for hop in via {
            lineage = lineage.stamp(hop).unwrap();
        }
        for place in missions {
            lineage = lineage.with_mission(mission(place)).unwrap();
        }
        lineage
    })
}

/// The members of a lineage, sorted, each once.
pub(crate) fn members<'a>(lineage: &Lineage<'a>) -> std::vec::Vec<Principal<'a>> {
    let mut members: std::vec::Vec<_> = lineage.members().collect();
    members.sort();
    members.dedup();
    members
}

pub(crate) fn is_merged(lineage: &Lineage<'_>) -> bool {
    matches!(lineage.order(), Order::Merged { .. })
}
