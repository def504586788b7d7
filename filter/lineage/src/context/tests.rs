use std::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::filter::IdFilter;
use super::{Answer, Context, Place, Table, Trust, carry, keep_root};
use crate::correlation::{Id, Ids};
use crate::limits::{
    MAX_FILTER_BYTES, MAX_GENERATIONS, MAX_GROUPS, MAX_GROUPS_PER_PEER, MAX_LISTED, MAX_LISTED_ENDED,
    MAX_MEMBERS,
};
use crate::lineage::{Lineage, Order};
use crate::name::{Principal, RootId};
use crate::sample::{any_lineage, principal};
use crate::secret::{Secret, Use};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_700_000_000_000;

fn table() -> Table {
    let mut table = Table::new(1, 0, NOW, 0);
    assert_eq!(table.join(1), Some(1));
    table
}

fn ids(ids: &[u64]) -> Ids {
    let mut all = Ids::none();
    for id in ids {
        all.push(Id(*id)).unwrap();
    }
    all
}

fn context(serial: u64, asker: u64, lineage: Lineage<'_>, known_by: &[u64]) -> Context {
    let root = keep_root(lineage.root_id());
    let carried = carry(Ok(lineage));
    // Any injective tag does.
    let tag = carried
        .iter()
        .flat_map(|bytes| bytes.iter())
        .fold(7_u64, |sum, byte| sum.wrapping_mul(0x100_0000_01B3).wrapping_add(u64::from(*byte)));
    Context { serial, ids: ids(known_by), root, asker, tag, work: tag, lineage: carried }
}

fn of(hops: &[usize]) -> Lineage<'static> {
    hops.iter().fold(Lineage::root(RootId::parse(b"r")), |all, hop| all.stamp(principal(*hop)).unwrap())
}

fn members(answer: Answer<'_>) -> Vec<&str> {
    match answer {
        Answer::Found(lineage) | Answer::Merged { lineage, .. } => {
            lineage.via().iter().map(|member| member.as_str()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_id_selects_and_nothing_merges() {
    let mut table = table();
    table.begin(1, &context(1, 0, of(&[0, 1]), &[10, 11]));
    table.begin(1, &context(2, 0, of(&[2]), &[20]));

    let found = table.lookup(&ids(&[11]), Trust::Ids, NOW);
    assert_eq!(found, Answer::Found(of(&[0, 1])));
    for (known_by, trust) in [(&[99][..], Trust::Ids), (&[], Trust::Ids), (&[11], Trust::Nothing)] {
        let answer = table.lookup(&ids(known_by), trust, NOW);
        assert!(matches!(answer, Answer::Merged { lineages: 2, contexts: 2, .. }), "{answer:?}");
        assert_eq!(members(answer), ["spiffe://t/a", "spiffe://t/b", "spiffe://t/c"]);
    }
    // Two ids that point to two contexts.
    assert_eq!(members(table.lookup(&ids(&[10, 20]), Trust::Ids, NOW)).len(), 3);
}

#[test]
fn one_lineage_is_not_lost() {
    let mut table = table();
    assert_eq!(table.lookup(&ids(&[1]), Trust::Ids, NOW), Answer::Root);
    table.begin(1, &context(1, 0, of(&[0, 1]), &[]));
    let Answer::Merged { lineage, lineages, contexts } = table.lookup(&ids(&[1]), Trust::Ids, NOW) else {
        panic!("not merged")
    };
    assert_eq!((lineages, contexts), (1, 1));
    assert_eq!(lineage, of(&[0, 1]), "with its root id");

    table.begin(1, &context(2, 0, of(&[0, 1]), &[]));
    let Answer::Merged { lineage, lineages, contexts } = table.lookup(&ids(&[1]), Trust::Ids, NOW) else {
        panic!("not merged")
    };
    assert_eq!((lineages, contexts, lineage.root_id()), (1, 2, None));
    assert_eq!(lineage.order(), Order::Chain);
}

#[test]
fn a_context_limits_until_its_window_is_over() {
    let mut table = table();
    let place = table.begin(1, &context(1, 0, of(&[0]), &[10]));
    table.advance(NOW + 9_000);
    table.end(1, 1, &ids(&[10]), place, 5_000);
    let at = |ms| table.lookup(&ids(&[10]), Trust::Ids, NOW + ms);
    let mut ended = of(&[0]);
    ended.set_root(None);
    assert_eq!(at(9_000), Answer::Found(ended));
    assert_eq!(at(13_999), Answer::Found(ended));
    assert_eq!(at(14_000), Answer::Root);
}

#[test]
fn clocks_that_step_end_nothing_early() {
    let mut table = table();
    let place = table.begin(1, &context(1, 0, of(&[0]), &[10]));
    table.end(1, 1, &ids(&[10]), place, 30_000);
    // A day ahead counts as ten seconds, and a day back as none.
    for now in [NOW + 86_400_000, NOW, NOW, NOW + 5_000, NOW - 86_400_000, NOW - 86_395_000] {
        table.advance(now);
    }
    assert_eq!(table.clock_ms(), 20_000);
    assert_ne!(table.lookup(&Ids::none(), Trust::Ids, NOW - 86_395_000), Answer::Root);
    // Workers that read the clock at nearly the same time do not make it run fast.
    let before = table.clock_ms();
    for _ in 0..1_000 {
        table.advance(NOW - 86_395_001);
        table.advance(NOW - 86_395_000);
    }
    assert_eq!(table.clock_ms(), before);
}

#[test]
fn evicted_ids_still_add() {
    let mut table = table();
    let old = table.begin(1, &context(0, 0, of(&[0]), &[10]));
    table.end(1, 0, &ids(&[10]), old, 30_000);
    for serial in 1..=u64::try_from(MAX_LISTED_ENDED).unwrap() {
        let place = table.begin(1, &context(serial, 0, of(&[1]), &[1_000 + serial]));
        table.end(1, serial, &ids(&[1_000 + serial]), place, 30_000);
    }
    // The id alone is not known any more, which merges; with a listed context it adds.
    assert!(matches!(table.lookup(&ids(&[10]), Trust::Ids, NOW), Answer::Merged { .. }));
    table.begin(1, &context(500, 0, of(&[2]), &[10]));
    assert_eq!(members(table.lookup(&ids(&[10]), Trust::Ids, NOW)), ["spiffe://t/a", "spiffe://t/c"]);
}

#[test]
fn contexts_beyond_the_list_still_add() {
    let mut table = table();
    for serial in 0..u64::try_from(MAX_LISTED).unwrap() {
        assert!(table.begin(1, &context(serial, 0, of(&[0]), &[serial])).is_listed);
    }
    let crowded = context(900, 0, of(&[1]), &[3]);
    let place = table.begin(1, &crowded);
    assert!(!place.is_listed);
    let answer = |table: &Table| members(table.lookup(&ids(&[3]), Trust::Ids, NOW)).len();
    assert_eq!(answer(&table), 2);
    // Long after, it is still live, and so are its ids.
    for turn in 0..100 {
        table.advance(NOW + turn * 10_000);
        table.beat(1);
    }
    assert_eq!((answer(&table), table.crowd_of(1)), (2, 1));
    table.end(1, 900, &crowded.ids, place, 0);
    assert_eq!(table.crowd_of(1), 0);
}

#[test]
fn a_peer_that_makes_up_lineages_runs_out_of_its_own_places() {
    #[track_caller]
    fn check(name_len: usize) {
        let mut table = table();
        let names: Vec<std::string::String> =
            (0..40).map(|at| std::format!("spiffe://t/{at:0name_len$}")).collect();
        let made_up =
            |at: usize| Lineage::root(None).stamp(Principal::parse(names[at].as_bytes()).unwrap()).unwrap();
        let mut groups: Vec<Place> = Vec::new();
        for at in 0..40 {
            groups.push(table.begin(1, &context(at as u64, 666, made_up(at), &[at as u64])));
        }
        groups.dedup();
        assert!(groups.len() <= MAX_GROUPS_PER_PEER);
        // The rest share the last place, which overflowed; the first have their own.
        assert_eq!(table.lookup(&ids(&[0]), Trust::Ids, NOW), Answer::Found(made_up(0)));
        assert!(matches!(table.lookup(&ids(&[39]), Trust::Ids, NOW), Answer::Overflow(_)));
        table.begin(1, &context(100, 1, of(&[0]), &[100]));
        assert_eq!(table.lookup(&ids(&[100]), Trust::Ids, NOW), Answer::Found(of(&[0])));
    }
    check(2);
    check(2_000);
}

#[test]
fn a_full_table_merges() {
    let mut table = table();
    for at in 0..MAX_GROUPS as u64 {
        let lineage = of(&[at as usize % 20, at as usize / 20]);
        table.begin(1, &context(at, at / 8, lineage, &[at]));
    }
    let last = context(900, 77, of(&[19, 19]), &[900]);
    let place = table.begin(1, &last);
    let answer = members(table.lookup(&ids(&[900]), Trust::Ids, NOW));
    assert!(answer.contains(&principal(19).as_str()) && answer.len() > 1, "{answer:?}");
    assert_eq!(usize::from(place.group), MAX_GROUPS - 1);
}

#[test]
fn a_lineage_that_cannot_travel_denies() {
    let mut table = table();
    let full = (0..MAX_MEMBERS).fold(Lineage::root(None), |all, _| all.stamp(principal(0)).unwrap());
    let mut context = context(1, 0, of(&[]), &[1]);
    context.lineage = carry(full.stamp(principal(1)));
    table.begin(1, &context);
    assert!(matches!(table.lookup(&ids(&[1]), Trust::Ids, NOW), Answer::Overflow(_)));
    assert!(matches!(table.lookup(&ids(&[2]), Trust::Ids, NOW), Answer::Overflow(_)));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        contexts in vec((any_lineage(), vec(any::<u64>(), 0..3), 0_u64..5, any::<bool>()), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut table = table();
        for (serial, (lineage, known_by, asker, ends)) in contexts.into_iter().enumerate() {
            let context = context(serial as u64, asker, lineage, &known_by);
            let place = table.begin(1, &context);
            if ends {
                table.end(1, context.serial, &context.ids, place, 1_000);
            }
        }
        let (mut bytes, mut bits) = (Vec::new(), Vec::new());
        table.encode(|bits| Secret::new([9; 16]).tag(Use::Generation, bits), &mut bytes);
        table.bits().for_each(|one| bits.extend_from_slice(one));
        let decode = |bytes: &[u8], bits: &[u8]| Table::decode(bytes, bits, |_, bits| Some(bits.to_vec()));
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())], &bits), None);
        if !bits.is_empty() {
            prop_assert_eq!(decode(&bytes, &bits[..cut.index(bits.len())]), None);
        }
        prop_assert_eq!(decode(&bytes, &bits), Some(table));
        prop_assert_eq!(Table::decode(&bytes, &bits, |_, _| None).is_some(), bits.is_empty());
        bits.push(0);
        prop_assert_eq!(decode(&bytes, &bits), None);
        bits.pop();
        bytes.push(0);
        prop_assert_eq!(decode(&bytes, &bits), None);
    }

    #[test]
    fn the_filter_forgets_no_id_in_its_window(
        steps in vec((any::<u64>(), 0..8_u64, 0..60_000_u32, 0..20_000_u64), 1..60),
    ) {
        let mut filter = IdFilter::new();
        let mut clock_ms = 0;
        let mut kept = Vec::new();
        for (id, tag, window_ms, pass) in steps {
            filter.insert(&ids(&[id]), tag, clock_ms, window_ms);
            kept.push((Id(id), tag, clock_ms + u64::from(window_ms)));
            clock_ms += pass;
            filter.drop_old(clock_ms, false);
            for (id, tag, until) in &kept {
                prop_assert!(clock_ms >= *until || filter.has(*id, *tag));
            }
        }
        filter.drop_old(clock_ms + 60_000, false);
        prop_assert!(filter.generations.is_empty());
    }
}

/// At a steady rate, and within its bounds.
#[test]
fn the_filter_seldom_errs() {
    #[track_caller]
    fn check(ids_per_second: u64, wrong_at_most: usize) {
        let hash = |n: u64| Secret::new([9; 16]).short_tag(Use::RequestId, &n.to_le_bytes());
        let mut filter = IdFilter::new();
        for n in 0..100 * ids_per_second {
            let clock_ms = n * 1_000 / ids_per_second;
            filter.drop_old(clock_ms, false);
            filter.insert(&ids(&[hash(n)]), 1, clock_ms, 30_000);
        }
        let bytes: usize = filter.generations.iter().map(|generation| generation.bytes.len()).sum();
        assert!(bytes <= MAX_FILTER_BYTES && filter.generations.len() <= MAX_GENERATIONS);
        let wrong = (1_000_000..1_010_000).filter(|n| filter.has(Id(hash(*n)), 1)).count();
        assert!(wrong <= wrong_at_most, "{wrong} of 10,000 with {bytes} bytes");
    }
    check(1, 100);
    check(10, 400);
    check(100, 400);
}
