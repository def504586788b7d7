//! The table against a map, and contexts that a host should not have named.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::table::Table;
use super::{create, delete, with_root, with_stream};
use crate::callbacks::{
    proxy_on_configure, proxy_on_request_body, proxy_on_request_headers, proxy_on_request_trailers,
};
use crate::host::Action;

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u32, u8),
    Take(u32),
    PutBack(u32, u8),
    Remove(u32),
}

fn step() -> impl Strategy<Value = Step> {
    // Ids are few, and some are such as follow when a host's count has gone round.
    let id = prop_oneof![0_u32..6, u32::MAX - 2..=u32::MAX];
    (0..4_u8, id, any::<u8>()).prop_map(|(kind, id, value)| match kind {
        0 => Step::Insert(id, value),
        1 => Step::Take(id),
        2 => Step::PutBack(id, value),
        _ => Step::Remove(id),
    })
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(step(), 0..64)) {
        let mut table = Table::new();
        let mut map: BTreeMap<u32, Option<u8>> = BTreeMap::new();
        for step in steps {
            let (found, wanted) = match step {
                Step::Insert(id, value) => (table.insert(id, Box::new(value)), map.insert(id, Some(value)).flatten()),
                Step::Take(id) => (table.take(id), map.get_mut(&id).and_then(Option::take)),
                Step::PutBack(id, value) => {
                    let wanted = match map.get_mut(&id) {
                        Some(place @ None) => {
                            *place = Some(value);
                            None
                        }
                        _ => Some(value),
                    };
                    (table.put_back(id, Box::new(value)), wanted)
                }
                Step::Remove(id) => (table.remove(id), map.remove(&id).flatten()),
            };
            prop_assert_eq!(found.map(|found| *found), wanted);
            prop_assert_eq!(table.len(), map.len());
        }
    }
}

/// Without a host nothing can be read, so that every request is denied.
fn check_denies(stream: u32) {
    assert_eq!(proxy_on_request_headers(stream, 3, 0), Action::Pause);
    assert_eq!(proxy_on_request_body(stream, 10, 1), Action::Pause);
    assert_eq!(proxy_on_request_trailers(stream, 1), Action::Pause);
}

#[test]
fn contexts_that_are_not_there_deny() {
    assert_eq!(proxy_on_configure(1, 10), 0);
    check_denies(2);
    delete(1);
    delete(2);

    create(4, 3);
    check_denies(4);
    delete(4);
    check_denies(4);

    create(5, 0);
    create(6, 5);
    check_denies(6);
    delete(5);
    check_denies(6);
    create(7, 5);
    check_denies(7);
    create(7, 7);
    check_denies(7);
}

#[test]
fn a_context_in_use_is_not_there_and_may_be_deleted() {
    create(1, 0);
    create(2, 1);
    let inner = with_stream(2, |_| {
        assert!(with_root(1, |_| ()).is_some(), "another context is there");
        check_denies(2);
        delete(2);
        with_stream(2, |_| ()).is_some()
    });
    assert_eq!(inner, Some(false));
    assert!(with_stream(2, |_| ()).is_none(), "it came back after it was deleted");
    assert_eq!(with_root(1, |_| with_root(1, |_| ()).is_some()), Some(false));
    assert!(with_root(1, |_| ()).is_some());
}
