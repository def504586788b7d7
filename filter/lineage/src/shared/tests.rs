use core::num::NonZeroU32;
use std::collections::HashMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::{Cas, Contexts, Events, FINGERPRINT_KEY, Refused, SetError, Store, StoreFault};
use crate::context::{Answer, Trust};
use crate::correlation::{Correlation, Ids};
use crate::limits::{
    DEAD_AFTER_MS, DEFAULT_WINDOW_MS, MAX_LIVE_PER_WORKER, MAX_STORE_TRIES, MIN_GENERATION_BYTES, TICK_MS,
};
use crate::lineage::Lineage;
use crate::name::RootId;
use crate::sample::principal;
use crate::secret::Secret;

mod spending;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_700_000_000_000;

/// A map that counts what it is asked.
#[derive(Default)]
struct Map {
    values: HashMap<String, (Vec<u8>, u32)>,
    counter: u32,
    gets: usize,
    sets: usize,
    /// How the next sets go wrong.
    failures: Vec<SetError>,
    is_gone: bool,
}

impl Store for Map {
    fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, Cas)>, StoreFault> {
        self.gets += 1;
        if self.is_gone {
            return Err(StoreFault);
        }
        Ok(self.values.get(key).map(|(value, cas)| (value.clone(), Cas(NonZeroU32::new(*cas).unwrap()))))
    }

    fn set(&mut self, key: &str, value: &[u8], cas: Option<Cas>) -> Result<(), SetError> {
        self.sets += 1;
        if self.is_gone {
            return Err(SetError::Fault);
        }
        if let Some(error) = self.failures.pop() {
            return Err(error);
        }
        if let (Some((_, current)), Some(cas)) = (self.values.get(key), cas)
            && *current != cas.0.get()
        {
            return Err(SetError::Mismatch);
        }
        self.write(key, value);
        Ok(())
    }
}

impl Map {
    fn write(&mut self, key: &str, value: &[u8]) {
        self.counter += 1;
        self.values.insert(key.into(), (value.to_vec(), self.counter));
    }

    fn only(&self) -> (String, Vec<u8>) {
        let (key, (value, _)) = self.values.iter().find(|(key, _)| *key != FINGERPRINT_KEY).unwrap();
        (key.clone(), value.clone())
    }
}

fn worker(map: &mut Map) -> Contexts {
    let mut contexts = Contexts::new(Secret::new(*b"0123456789abcdef"));
    contexts.install(map, NOW).unwrap();
    contexts
}

fn ids(contexts: &Contexts, request: &str) -> Ids {
    let mut correlation = Correlation::default();
    correlation.header(b"x-request-id", request.as_bytes());
    contexts.ids(&correlation)
}

fn begin(
    contexts: &mut Contexts,
    map: &mut Map,
    request: &str,
    peer: usize,
) -> Result<super::Ticket, Refused> {
    let known_by = ids(contexts, request);
    contexts.begin(map, &known_by, principal(peer), &Lineage::root(RootId::parse(b"root")), NOW)
}

/// Requests that end at once.
fn serve(contexts: &mut Contexts, map: &mut Map, requests: usize) {
    for request in 0..requests {
        let ticket = begin(contexts, map, &format!("served-{request}"), 0).unwrap();
        contexts.end(map, ticket, NOW);
    }
    contexts.tick(map, NOW).unwrap();
}

/// A request that never ends.
fn live(contexts: &mut Contexts, map: &mut Map, request: &str, peer: usize) {
    let _ticket = begin(contexts, map, request, peer).unwrap();
}

fn call<'c>(contexts: &'c mut Contexts, map: &mut Map, request: &str, now_ms: u64) -> Answer<'c> {
    let known_by = ids(contexts, request);
    contexts.lookup(map, &known_by, Trust::Ids, now_ms)
}

fn stamped(peer: usize) -> Lineage<'static> {
    Lineage::root(RootId::parse(b"root")).stamp(principal(peer)).unwrap()
}

fn without_root(peer: usize) -> Lineage<'static> {
    Lineage::root(None).stamp(principal(peer)).unwrap()
}

#[test]
fn workers_meet() {
    let mut map = Map::default();
    let (mut inbound, mut outbound) = (worker(&mut map), worker(&mut map));
    let ticket = begin(&mut inbound, &mut map, "one", 0).unwrap();
    assert_eq!(call(&mut outbound, &mut map, "one", NOW), Answer::Found(stamped(0)));
    live(&mut outbound, &mut map, "two", 1);
    assert_eq!(call(&mut outbound, &mut map, "one", NOW), Answer::Found(stamped(0)));
    assert_eq!(call(&mut inbound, &mut map, "two", NOW), Answer::Found(stamped(1)));
    assert!(matches!(call(&mut outbound, &mut map, "?", NOW), Answer::Merged { lineages: 2, .. }));
    inbound.end(&mut map, ticket, NOW);
    assert_eq!(call(&mut outbound, &mut map, "one", NOW), Answer::Found(stamped(0)), "nobody wrote it");
    inbound.tick(&mut map, NOW).unwrap();
    assert_eq!(call(&mut outbound, &mut map, "one", NOW), Answer::Found(without_root(0)));
    for tick in 0..=u64::from(DEFAULT_WINDOW_MS) / TICK_MS {
        inbound.tick(&mut map, NOW + tick * TICK_MS).unwrap();
    }
    let after = NOW + u64::from(DEFAULT_WINDOW_MS);
    assert!(matches!(call(&mut outbound, &mut map, "one", after), Answer::Merged { lineages: 1, .. }));
}

#[test]
fn operations_cost_what_they_should() {
    #[track_caller]
    fn check(map: &mut Map, gets: usize, sets: usize) {
        assert_eq!((core::mem::take(&mut map.gets), core::mem::take(&mut map.sets)), (gets, sets));
    }
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    check(&mut map, 6, 2);
    let ticket = begin(&mut first, &mut map, "one", 0).unwrap();
    check(&mut map, 1, 1);
    call(&mut second, &mut map, "one", NOW);
    check(&mut map, 1, 0);
    first.end(&mut map, ticket, NOW);
    check(&mut map, 0, 0);
    // A context that begins takes the end of the other along.
    let ticket = begin(&mut first, &mut map, "two", 0).unwrap();
    check(&mut map, 1, 1);
    first.end(&mut map, ticket, NOW);
    // Of the ticks at one time only that of who has something to end writes, and with nothing to wait for none does.
    first.tick(&mut map, NOW + TICK_MS).unwrap();
    check(&mut map, 2, 1);
    second.tick(&mut map, NOW + TICK_MS).unwrap();
    check(&mut map, 1, 0);
    for tick in 2..20 {
        first.tick(&mut map, NOW + tick * TICK_MS).unwrap();
    }
    check(&mut map, 24, 6);
}

/// A short window begins when the response is over, not at some tick long after it.
#[test]
fn short_windows_end_at_once() {
    #[track_caller]
    fn check(window_ms: u32, after_ms: u64, limits: u32) {
        let mut map = Map::default();
        let mut contexts = worker(&mut map);
        contexts.set_window(window_ms);
        let ticket = begin(&mut contexts, &mut map, "one", 0).unwrap();
        contexts.end(&mut map, ticket, NOW);
        let answer = call(&mut contexts, &mut map, "?", NOW + after_ms);
        let found = if let Answer::Merged { lineages, .. } = answer { lineages } else { 0 };
        assert_eq!(found, limits, "{window_ms} ms, after {after_ms}: {answer:?}");
    }
    check(0, 0, 0);
    check(4_999, 4_998, 1);
    check(4_999, 4_999, 0);
    check(5_000, 5_000, 1);
}

#[test]
fn every_bit_counts() {
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    live(&mut first, &mut map, "one", 0);
    serve(&mut first, &mut map, 3);
    let (key, value) = map.only();
    for bit in 0..value.len() * 8 {
        let mut map = Map::default();
        let mut damaged = value.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        map.write(&key, &damaged);
        assert!(matches!(second.refresh(&mut map), Err(super::Trouble::Damage(_))), "bit {bit}");
    }
    for len in 0..value.len() {
        let mut map = Map::default();
        map.write(&key, &value[..len]);
        assert!(matches!(second.refresh(&mut map), Err(super::Trouble::Damage(_))), "cut to {len}");
    }
    assert!(second.refresh(&mut map).is_ok());
}

/// Bits of the filter that a worker knows are not hashed again: then they are not taken from the table either.
#[test]
fn what_is_known_is_not_believed_anew() {
    let mut map = Map::default();
    let mut first = worker(&mut map);
    serve(&mut first, &mut map, 3);
    let (key, before) = map.only();
    live(&mut first, &mut map, "one", 0);
    let (_, value) = map.only();
    let mut passed = 0;
    for bit in 0..value.len() * 8 {
        let mut map = Map::default();
        map.write(FINGERPRINT_KEY, &first.secret.tag(super::Use::Fingerprint, b""));
        map.write(&key, &before);
        let mut second = worker(&mut map);
        let mut damaged = value.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        map.write(&key, &damaged);
        if second.refresh(&mut map).is_ok() {
            passed += 1;
            assert_eq!(second.table(), first.table(), "bit {bit}");
        }
    }
    assert_eq!(passed, MIN_GENERATION_BYTES * 8, "the bits of the filter, and no others");
}

#[test]
fn damage_is_repaired_and_nothing_is_forgotten() {
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    live(&mut first, &mut map, "one", 0);
    live(&mut second, &mut map, "two", 1);
    let (key, _) = map.only();
    map.write(&key, b"");
    assert_eq!(call(&mut second, &mut map, "two", NOW), Answer::Quarantine);
    assert_eq!(second.take_events(), Events { damage: 1, contention: 0 });
    // The first worker adds its own, whatever it does next.
    assert_eq!(call(&mut first, &mut map, "two", NOW), Answer::Quarantine);
    assert_eq!(first.take_events(), Events::default());
    let mut now = NOW;
    while now < NOW + 45_000 {
        assert_eq!(call(&mut first, &mut map, "one", now), Answer::Quarantine);
        now += TICK_MS;
        first.tick(&mut map, now).unwrap();
        second.tick(&mut map, now).unwrap();
    }
    assert_eq!(call(&mut first, &mut map, "two", now), Answer::Found(stamped(1)));
    assert_eq!(call(&mut second, &mut map, "one", now), Answer::Found(stamped(0)));
}

/// Three workers, of which each repairs what the one before it wrote, all in one millisecond.
#[test]
fn repairs_at_one_time_are_not_taken_for_each_other() {
    let mut map = Map::default();
    let mut workers = [worker(&mut map), worker(&mut map), worker(&mut map)];
    let (key, _) = map.only();
    for (peer, name) in ["one", "two", "three"].into_iter().enumerate() {
        live(&mut workers[peer], &mut map, name, peer);
        if peer < 2 {
            map.write(&key, b"");
        }
    }
    let mut now = NOW;
    while call(&mut workers[2], &mut map, "?", now) == Answer::Quarantine {
        assert!(now < NOW + 120_000, "it ends");
        now += TICK_MS;
        for contexts in &mut workers {
            contexts.tick(&mut map, now).unwrap();
        }
    }
    for (peer, name) in ["one", "two", "three"].into_iter().enumerate() {
        assert_eq!(call(&mut workers[2], &mut map, name, now), Answer::Found(stamped(peer)));
    }
}

#[test]
fn what_was_seen_cannot_be_put_back() {
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    let (key, empty) = map.only();
    live(&mut first, &mut map, "one", 0);
    let (_, current) = map.only();
    call(&mut second, &mut map, "one", NOW);
    // Not the older one, and not even the same one again.
    for table in [empty, current] {
        map.write(&key, &table);
        assert_eq!(call(&mut second, &mut map, "one", NOW), Answer::Quarantine);
        assert_eq!(second.take_events().damage, 1);
    }
}

/// What `shared` documents as left: someone who knows the table's secret name puts back an older table, and
/// a worker that did not look in between believes it, until the worker whose context is missing runs.
#[test]
fn what_was_not_seen_is_found_out_by_its_owner() {
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    let (key, empty) = map.only();
    live(&mut first, &mut map, "one", 0);
    map.write(&key, &empty);
    first.tick(&mut map, NOW + TICK_MS).unwrap();
    assert_eq!(first.take_events().damage, 1);
    assert_eq!(call(&mut second, &mut map, "one", NOW + TICK_MS), Answer::Quarantine);
}

#[test]
fn a_table_without_an_own_context_is_damage() {
    let mut map = Map::default();
    let (mut first, mut second) = (worker(&mut map), worker(&mut map));
    live(&mut first, &mut map, "zero", 0);
    call(&mut second, &mut map, "zero", NOW);
    let (key, old) = map.only();
    live(&mut first, &mut map, "one", 0);
    // The second worker builds on what was put back, so the table is newer than all that the first saw.
    second.seen.as_mut().unwrap().cas = None;
    map.write(&key, &old);
    live(&mut second, &mut map, "two", 1);
    live(&mut second, &mut map, "three", 1);
    assert_eq!(second.take_events().damage, 0);
    assert_eq!(call(&mut first, &mut map, "one", NOW), Answer::Quarantine);
    assert_eq!(first.take_events().damage, 1);
}

#[test]
fn without_a_table_nothing_is_answered() {
    let mut map = Map::default();
    let mut contexts = Contexts::new(Secret::new([0; 16]));
    assert_eq!(call(&mut contexts, &mut map, "one", NOW), Answer::Unavailable);
    assert_eq!(begin(&mut contexts, &mut map, "one", 0), Err(Refused::Store));
    let mut contexts = worker(&mut map);
    map.values.clear();
    assert_eq!(call(&mut contexts, &mut map, "one", NOW), Answer::Quarantine);
    map.is_gone = true;
    assert_eq!(call(&mut contexts, &mut map, "one", NOW), Answer::Unavailable);
    assert_eq!(begin(&mut contexts, &mut map, "one", 0), Err(Refused::Store));
    assert_eq!(contexts.tick(&mut map, NOW), Err(Refused::Store));
}

#[test]
fn contention_is_bounded() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    map.failures = std::vec![SetError::Mismatch; MAX_STORE_TRIES - 1];
    let ticket = begin(&mut contexts, &mut map, "one", 0).unwrap();
    map.failures = std::vec![SetError::Mismatch; MAX_STORE_TRIES];
    map.sets = 0;
    assert_eq!(begin(&mut contexts, &mut map, "two", 1), Err(Refused::Contended));
    assert_eq!(map.sets, MAX_STORE_TRIES);
    assert_eq!(contexts.take_events().contention as usize, 2 * MAX_STORE_TRIES - 1);
    assert!(matches!(call(&mut contexts, &mut map, "two", NOW), Answer::Merged { contexts: 1, .. }));

    // An end that could not be written is written with the next operation.
    map.failures = std::vec![SetError::Fault];
    contexts.end(&mut map, ticket, NOW);
    assert_eq!(contexts.tick(&mut map, NOW), Err(Refused::Store));
    assert!(matches!(call(&mut contexts, &mut map, "two", NOW), Answer::Merged { contexts: 1, .. }));
    contexts.tick(&mut map, NOW).unwrap();
    assert!(matches!(call(&mut contexts, &mut map, "two", NOW), Answer::Merged { contexts: 0, .. }));
}

#[test]
fn a_dead_worker_is_buried_and_a_slow_one_comes_back() {
    let mut map = Map::default();
    let (mut slow, mut other) = (worker(&mut map), worker(&mut map));
    live(&mut slow, &mut map, "one", 0);
    let mut now = NOW;
    let mut pass = |other: &mut Contexts, map: &mut Map, ms: u64| {
        let end = now + ms;
        while now < end {
            now += TICK_MS;
            other.tick(map, now).unwrap();
        }
        now
    };
    let at = pass(&mut other, &mut map, DEAD_AFTER_MS - TICK_MS);
    assert_eq!(call(&mut other, &mut map, "one", at), Answer::Found(stamped(0)));
    let at = pass(&mut other, &mut map, u64::from(DEFAULT_WINDOW_MS));
    assert_eq!(call(&mut other, &mut map, "one", at), Answer::Found(without_root(0)));
    let at = pass(&mut other, &mut map, 2 * TICK_MS);
    assert_eq!(call(&mut other, &mut map, "one", at), Answer::Root);
    assert_eq!(call(&mut slow, &mut map, "one", at), Answer::Found(stamped(0)));
    assert_eq!(call(&mut other, &mut map, "one", at), Answer::Found(stamped(0)));
    assert_eq!((slow.take_events().damage, other.take_events().damage), (0, 0));
}

/// However many end one after the other, nothing of them is left.
#[test]
fn bytes_are_those_of_what_is_live() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    for _ in 0..10 {
        let ticket = begin(&mut contexts, &mut map, "one", 0).unwrap();
        let bytes = contexts.own_bytes;
        assert!(bytes > 0);
        contexts.end(&mut map, ticket, NOW);
        assert_eq!(contexts.own_bytes, 0);
        live(&mut contexts, &mut map, "two", 0);
        assert_eq!(contexts.own_bytes, bytes);
        contexts.end(&mut map, super::Ticket(contexts.next_serial - 1), NOW);
    }
}

#[test]
fn live_contexts_are_bounded() {
    let mut map = Map::default();
    let mut contexts = worker(&mut map);
    for _ in 1..MAX_LIVE_PER_WORKER {
        live(&mut contexts, &mut map, "one", 0);
    }
    // What has ended takes no place, before it is written too.
    for _ in 0..3 {
        let ticket = begin(&mut contexts, &mut map, "one", 0).unwrap();
        assert_eq!(begin(&mut contexts, &mut map, "one", 0), Err(Refused::TooMany));
        contexts.end(&mut map, ticket, NOW);
    }
    live(&mut contexts, &mut map, "one", 0);
    assert_eq!(begin(&mut contexts, &mut map, "one", 0), Err(Refused::TooMany));
    let Answer::Merged { contexts: live, .. } = call(&mut contexts, &mut map, "two", NOW) else { panic!() };
    assert_eq!(live as usize, MAX_LIVE_PER_WORKER);
}

#[test]
fn a_proxy_has_one_secret() {
    let mut map = Map::default();
    worker(&mut map);
    let mut other = Contexts::new(Secret::new([0; 16]));
    assert_eq!(other.install(&mut map, NOW), Err(Refused::Secret));
    assert_eq!(begin(&mut other, &mut map, "one", 0), Err(Refused::Store));
    assert_eq!(call(&mut other, &mut map, "one", NOW), Answer::Unavailable);
}

#[test]
fn names_differ_with_secrets() {
    let name = |secret| Contexts::new(Secret::new(secret)).key;
    assert_ne!(name([1; 16]), name([2; 16]));
    assert_eq!(name([1; 16]).len(), "ambit.lineage.".len() + 32);
    assert_eq!(std::format!("{:?}", Secret::new([1; 16])), "Secret");
}
