use std::vec::Vec;

use proptest::prelude::*;

use super::{Lineage, Order, Overflow};
use crate::limits::{MAX_MEMBERS, MAX_MISSIONS};
use crate::name::Principal;
use crate::sample::{any_lineage, any_principal, is_merged, members, mission, principal};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn chain(hops: &[usize]) -> Lineage<'static> {
    hops.iter().fold(Lineage::root(None), |lineage, hop| lineage.stamp(principal(*hop)).unwrap())
}

proptest! {
    #[test]
    fn merge_has_everyone_of_both_and_no_one_else(left in any_lineage(), right in any_lineage()) {
        let Ok(merged) = left.merge(&right) else { return Ok(()) };
        let mut both: Vec<Principal<'_>> = left.members().chain(right.members()).collect();
        both.sort();
        both.dedup();
        prop_assert_eq!(members(&merged), both);
        for hop in left.via().iter().chain(right.via()) {
            prop_assert!(merged.via().contains(hop));
        }
        for mission in left.missions().iter().chain(right.missions()) {
            prop_assert!(merged.missions().contains(mission));
        }
        prop_assert!(merged.depth() >= left.depth().max(right.depth()));
    }

    #[test]
    fn merge_is_commutative_associative_idempotent(
        a in any_lineage(), b in any_lineage(), c in any_lineage(),
    ) {
        prop_assert_eq!(a.merge(&b), b.merge(&a));
        prop_assert_eq!(a.merge(&a), Ok(a));
        let left = a.merge(&b).and_then(|ab| ab.merge(&c));
        let right = b.merge(&c).and_then(|bc| a.merge(&bc));
        if let (Ok(left), Ok(right)) = (left, right) {
            prop_assert_eq!(left, right);
        } else {
            prop_assert_eq!(left.is_err(), right.is_err());
        }
    }

    #[test]
    fn stamp_adds_the_peer_and_a_hop(lineage in any_lineage(), peer in any_principal()) {
        let Ok(stamped) = lineage.stamp(peer) else { return Ok(()) };
        let mut expected = members(&lineage);
        expected.push(peer);
        expected.sort();
        expected.dedup();
        prop_assert_eq!(members(&stamped), expected);
        prop_assert!(stamped.via().contains(&peer));
        prop_assert_eq!(stamped.depth(), lineage.depth() + 1);
        prop_assert_eq!(stamped.missions(), lineage.missions());
        prop_assert_eq!(stamped.root_id(), lineage.root_id());
        prop_assert_eq!(is_merged(&stamped), is_merged(&lineage));
    }

    #[test]
    fn claims_keep_everyone_and_prove_nothing(lineage in any_lineage()) {
        let claimed = lineage.claimed();
        prop_assert_eq!(members(&claimed), members(&lineage));
        prop_assert_eq!(claimed.missions(), lineage.missions());
        prop_assert!(claimed.via().is_empty());
        prop_assert_eq!(claimed.depth(), 0);
    }
}

#[test]
fn equal_chains_stay_a_chain() {
    let twice = chain(&[0, 1, 0]).merge(&chain(&[0, 1, 0])).unwrap();
    assert_eq!(twice.order(), Order::Chain);
    assert_eq!(twice.via(), [principal(0), principal(1), principal(0)]);
}

#[test]
fn a_merge_remembers_the_depth_that_its_set_forgets() {
    let merged = chain(&[0, 1, 0, 1, 0]).merge(&chain(&[1])).unwrap();
    assert_eq!(merged.via(), [principal(0), principal(1)]);
    assert_eq!(merged.depth(), 5);
    assert_eq!(merged.stamp(principal(0)).unwrap().depth(), 6);
}

#[test]
fn bounds_deny() {
    let longest = (0..MAX_MEMBERS).fold(Lineage::root(None), |all, _| all.stamp(principal(0)).unwrap());
    assert_eq!(longest.stamp(principal(0)), Err(Overflow::Depth));
    assert_eq!(longest.merge(&chain(&[1])).unwrap().stamp(principal(2)), Err(Overflow::Depth));
    let most: Vec<usize> = (0..MAX_MEMBERS).collect();
    assert_eq!(chain(&most).merge(&chain(&[MAX_MEMBERS])), Err(Overflow::Members));
    assert_eq!(chain(&most).claimed().stamp(principal(0)), Err(Overflow::Members));
    let missions = (0..MAX_MISSIONS).fold(chain(&[]), |all, name| all.with_mission(mission(name)).unwrap());
    assert_eq!(missions.with_mission(mission(MAX_MISSIONS)), Err(Overflow::Missions));
    assert_eq!(missions.with_mission(mission(0)), Ok(missions));
}

#[test]
fn cycles_are_seen() {
    #[track_caller]
    fn check(hops: &[usize], peer: usize, has_cycle: bool) {
        assert_eq!(chain(hops).has_cycle(principal(peer)), has_cycle);
    }
    check(&[], 0, false);
    check(&[0, 1], 2, false);
    check(&[0, 1], 0, true);
    check(&[0, 1, 2, 1], 3, true);
    check(&[1], 1, true);
}
