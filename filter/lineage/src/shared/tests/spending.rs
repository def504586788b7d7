//! Budgets, where random interleavings seldom get.

use std::format;

use super::{Contexts, Map, NOW, begin, ids, live, worker};
use crate::budget::{Budget, Exhausted, Holder, Rate};
use crate::context::Trust;
use crate::limits::{DEFAULT_WINDOW_MS, MAX_HOLDERS, MAX_LISTED, MAX_ROOT_COUNTS, TICK_MS};
use crate::lineage::Lineage;
use crate::name::{Mission, RootId};
use crate::sample::principal;
use crate::shared::Unspent;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ROOT: Unspent = Unspent::Exhausted { place: 0, part: Exhausted::Root };
const WINDOW: Unspent = Unspent::Exhausted { place: 0, part: Exhausted::Window };

fn per_root(calls: u32) -> Budget {
    Budget { per_root: Some(calls), rate: None }
}

fn rate(calls: u32, window_ms: u32) -> Budget {
    Budget { per_root: None, rate: Some(Rate { calls, window_ms }) }
}

fn spend(
    contexts: &mut Contexts,
    map: &mut Map,
    request: &str,
    budget: Budget,
    now: u64,
) -> Result<(), Unspent> {
    let known_by = ids(contexts, request);
    contexts.spend(map, &known_by, Trust::Ids, &[(Holder::Agent, budget)], now)
}

/// A request of a root of its own, which never ends.
fn of_root(contexts: &mut Contexts, map: &mut Map, name: &str) {
    let known_by = ids(contexts, name);
    let lineage = Lineage::root(RootId::parse(name.as_bytes()));
    let _ticket = contexts.begin(map, &known_by, principal(0), &lineage, NOW).unwrap();
}

#[test]
fn workers_spend_from_one_budget() {
    let mut map = Map::default();
    let (mut one, mut other) = (worker(&mut map), worker(&mut map));
    of_root(&mut one, &mut map, "a");
    of_root(&mut other, &mut map, "b");
    assert_eq!(spend(&mut one, &mut map, "a", per_root(2), NOW), Ok(()));
    assert_eq!(spend(&mut other, &mut map, "a", per_root(2), NOW), Ok(()));
    let before = map.only();
    assert_eq!(spend(&mut one, &mut map, "a", per_root(2), NOW), Err(ROOT));
    assert_eq!(map.only(), before, "what is refused is not written");
    assert_eq!(spend(&mut one, &mut map, "b", per_root(2), NOW), Ok(()), "another root");
    assert_eq!(spend(&mut one, &mut map, "b", per_root(0), NOW), Err(ROOT), "none at all");
}

#[test]
fn a_root_is_known_by_who_began_it() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    // Two peers whose requests have one root id.
    live(&mut contexts, &mut map, "a", 0);
    live(&mut contexts, &mut map, "b", 1);
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(1), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "b", per_root(1), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "b", per_root(1), NOW), Err(ROOT));
}

#[test]
fn a_call_that_hides_its_request_counts_for_all() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    of_root(&mut contexts, &mut map, "a");
    of_root(&mut contexts, &mut map, "b");
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(3), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "?", per_root(3), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "?", per_root(3), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(3), NOW), Err(ROOT));
    assert_eq!(
        spend(&mut contexts, &mut map, "?", per_root(3), NOW),
        Err(ROOT),
        "for one of them it is too much"
    );
    assert_eq!(spend(&mut contexts, &mut map, "b", per_root(3), NOW), Ok(()));
}

/// Requests that find no place in the list: their calls count for every root, also for those that come later.
#[test]
fn a_call_for_what_is_not_listed_counts_for_all() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    for place in 0..MAX_LISTED {
        live(&mut contexts, &mut map, &format!("listed-{place}"), 0);
    }
    live(&mut contexts, &mut map, "crowded", 1);
    assert_eq!(spend(&mut contexts, &mut map, "listed-0", per_root(3), NOW), Ok(()));
    // It counts for the root that is listed, and for those that are not and may be the same.
    assert_eq!(spend(&mut contexts, &mut map, "crowded", per_root(3), NOW), Ok(()));
    assert_eq!(spend(&mut contexts, &mut map, "listed-0", per_root(3), NOW), Err(ROOT));
    assert_eq!(spend(&mut contexts, &mut map, "crowded", per_root(3), NOW), Err(ROOT));
}

#[test]
fn roots_without_room_count_for_all() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    let mut tickets = std::vec::Vec::new();
    for place in 0..=MAX_ROOT_COUNTS {
        let name = format!("root-{place}");
        let known_by = ids(&contexts, &name);
        let lineage = Lineage::root(RootId::parse(name.as_bytes()));
        tickets.push(contexts.begin(&mut map, &known_by, principal(0), &lineage, NOW).unwrap());
        assert_eq!(spend(&mut contexts, &mut map, &name, per_root(2), NOW), Ok(()), "{name}");
        contexts.end(&mut map, tickets.pop().unwrap(), NOW);
    }
    // The last one shares with all, so each of them has one left; and so has the last.
    of_root(&mut contexts, &mut map, "root-7");
    assert_eq!(spend(&mut contexts, &mut map, "root-7", per_root(2), NOW), Err(ROOT));
    assert_eq!(spend(&mut contexts, &mut map, "root-7", per_root(3), NOW), Ok(()));
}

#[test]
fn what_was_spent_outlives_damage() {
    let mut map = Map::default();
    let (mut one, mut other) = (worker(&mut map), worker(&mut map));
    of_root(&mut one, &mut map, "a");
    let both = Budget { per_root: Some(4), rate: Some(Rate { calls: 4, window_ms: 600_000 }) };
    assert_eq!(spend(&mut other, &mut map, "a", both, NOW), Ok(()));
    // In another slot of the window.
    let mut now = NOW;
    while now < NOW + 100_000 {
        now += TICK_MS;
        one.tick(&mut map, now).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(spend(&mut one, &mut map, "a", both, now), Ok(()));
    }
    // The one who has seen the least finds the damage and repairs it.
    let (key, _) = map.only();
    map.write(&key, b"garbage");
    assert!(matches!(spend(&mut other, &mut map, "a", both, now), Err(Unspent::Refused(_))));
    let end = now + u64::from(DEFAULT_WINDOW_MS) + 4 * TICK_MS;
    while now < end {
        now += TICK_MS;
        for contexts in [&mut other, &mut one] {
            contexts.tick(&mut map, now).unwrap();
        }
    }
    assert_eq!(spend(&mut other, &mut map, "a", both, now), Ok(()), "of four, three were spent");
    assert_eq!(spend(&mut other, &mut map, "a", per_root(4), now), Err(ROOT));
    assert_eq!(spend(&mut other, &mut map, "a", rate(4, 600_000), now), Err(WINDOW));
}

#[test]
fn a_root_is_counted_while_it_is_live_and_for_a_window() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    let ticket = begin(&mut contexts, &mut map, "a", 0).unwrap();
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(1), NOW), Ok(()));
    let mut now = NOW;
    let mut pass = |contexts: &mut Contexts, map: &mut Map, ms: u64| {
        let end = now + ms;
        while now < end {
            now += TICK_MS;
            contexts.tick(map, now).unwrap();
        }
        now
    };
    let now = pass(&mut contexts, &mut map, 10 * u64::from(DEFAULT_WINDOW_MS));
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(1), now), Err(ROOT), "it is live");
    contexts.end(&mut map, ticket, now);
    let now = pass(&mut contexts, &mut map, u64::from(DEFAULT_WINDOW_MS) - TICK_MS);
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(1), now), Err(ROOT), "its window is not over");
    let now = pass(&mut contexts, &mut map, 2 * TICK_MS);
    live(&mut contexts, &mut map, "a", 0);
    assert_eq!(spend(&mut contexts, &mut map, "a", per_root(1), now), Ok(()));
}

#[test]
fn a_window_slides() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    let mut now = NOW;
    let mut at = |ms: u64, budget| {
        while now + TICK_MS <= NOW + ms {
            now += TICK_MS;
            contexts.tick(&mut map, now).unwrap();
        }
        spend(&mut contexts, &mut map, "?", budget, NOW + ms)
    };
    let minute = rate(4, 60_000);
    for ms in [0, 1_000, 8_000, 16_000] {
        assert_eq!(at(ms, minute), Ok(()), "{ms}");
    }
    for ms in [25_000, 43_000, 61_000, 67_000] {
        assert_eq!(at(ms, minute), Err(WINDOW), "{ms}");
    }
    // The eighth in which the first two were made is over, and that of the third is not.
    assert_eq!(at(68_000, minute), Ok(()));
    assert_eq!(at(68_000, minute), Ok(()));
    assert_eq!(at(68_000, minute), Err(WINDOW));
    // A shorter window forgets nothing that the longer one counted, until it is over itself.
    assert_eq!(at(68_000, rate(4, 8_000)), Err(WINDOW));
    assert_eq!(at(90_000, rate(4, 8_000)), Ok(()));
}

#[test]
fn each_mission_has_a_budget_and_all_or_none_are_charged() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    let none = ids(&contexts, "?");
    let mission = |name: &'static str| Holder::Mission(Mission::parse(name.as_bytes()).unwrap());
    let minute = |calls| rate(calls, 60_000);
    let two = [(Holder::Agent, minute(3)), (mission("x"), minute(1))];
    assert_eq!(contexts.spend(&mut map, &none, Trust::Ids, &two, NOW), Ok(()));
    let refused = Unspent::Exhausted { place: 1, part: Exhausted::Window };
    for _ in 0..5 {
        assert_eq!(contexts.spend(&mut map, &none, Trust::Ids, &two, NOW), Err(refused));
    }
    let other = [(Holder::Agent, minute(3)), (mission("y"), minute(1))];
    assert_eq!(contexts.spend(&mut map, &none, Trust::Ids, &other, NOW), Ok(()), "the agent was not charged");
    // More holders than there is room for.
    for place in 3..MAX_HOLDERS {
        let name = format!("mission-{place}");
        let one = [(Holder::Mission(Mission::parse(name.as_bytes()).unwrap()), minute(9))];
        assert_eq!(contexts.spend(&mut map, &none, Trust::Ids, &one, NOW), Ok(()), "{place}");
    }
    assert_eq!(contexts.spend(&mut map, &none, Trust::Ids, &[(mission("z"), minute(9))], NOW), Err(WINDOW));
}
