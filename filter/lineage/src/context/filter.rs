//! A filter of the ids of contexts that are not listed.
//!
//! It may say that it knows an id which it does not, never the reverse, until the window of the
//! id's context is over.

use alloc::vec;
use alloc::vec::Vec;

use crate::correlation::{Id, Ids};
use crate::limits::FILTER_BITS;

/// The words of one generation.
pub(super) const WORDS: usize = FILTER_BITS / 64;

const _: () = assert!(FILTER_BITS == 1 << 13, "a place is 13 bits of a hash");

/// Two generations: ids go into the younger one, and the older one is dropped when the younger is as
/// old as the longest window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdFilter {
    /// Empty as long as no id is in it.
    pub(super) younger: Vec<u64>,
    pub(super) older: Vec<u64>,
    /// The longest window of an id.
    pub(super) window_ms: u32,
    /// When the younger generation becomes the older one.
    pub(super) turn_at_ms: u64,
}

impl IdFilter {
    pub(super) const fn new() -> Self {
        Self { younger: Vec::new(), older: Vec::new(), window_ms: 0, turn_at_ms: 0 }
    }

    /// Keeps `ids` of a context of the group named `tag` for `window_ms` at least.
    pub(super) fn insert(&mut self, ids: &Ids, tag: u64, clock_ms: u64, window_ms: u32) {
        self.window_ms = self.window_ms.max(window_ms);
        if self.younger.is_empty() {
            if ids.as_slice().is_empty() {
                return;
            }
            self.younger = vec![0; WORDS];
            self.turn_at_ms = clock_ms.saturating_add(u64::from(self.window_ms));
        }
        for id in ids.as_slice() {
            for (word, bit) in places(*id, tag) {
                if let Some(word) = self.younger.get_mut(word) {
                    *word |= bit;
                }
            }
        }
    }

    /// Whether `id` may be known of the group named `tag`.
    pub(super) fn has(&self, id: Id, tag: u64) -> bool {
        [&self.younger, &self.older].into_iter().any(|generation| {
            let mut places = places(id, tag).into_iter();
            places.all(|(word, bit)| generation.get(word).is_some_and(|word| word & bit != 0))
        })
    }

    /// Drops what is over. While `holds`, contexts are live whose ids are nowhere else, and nothing is.
    pub(super) fn turn(&mut self, clock_ms: u64, holds: bool) {
        if holds {
            self.turn_at_ms = clock_ms.saturating_add(u64::from(self.window_ms));
            return;
        }
        // Twice: both generations may be over.
        for _ in 0..2 {
            if clock_ms < self.turn_at_ms || (self.younger.is_empty() && self.older.is_empty()) {
                return;
            }
            self.older = core::mem::take(&mut self.younger);
            self.turn_at_ms = self.turn_at_ms.saturating_add(u64::from(self.window_ms));
        }
    }
}

/// Where `id` is noted for the group named `tag`. Both are keyed hashes, so their bits are as good as
/// random, and so are those of their sum.
fn places(id: Id, tag: u64) -> [(usize, u64); 3] {
    let mixed = id.0.wrapping_add(tag);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    [mixed >> 51, mixed >> 38, mixed >> 25].map(|bits| {
        let word = usize::try_from((bits >> 6) & 0x7F).unwrap_or(0);
        (word, 1_u64 << (bits & 0x3F))
    })
}
