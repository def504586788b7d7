//! A filter of the ids of contexts that are not listed.
//!
//! It may say that it knows an id which it does not, never the reverse, until the window of the
//! id's context is over.

use alloc::vec;
use alloc::vec::Vec;

use crate::correlation::{Id, Ids};
use crate::limits::{
    FILTER_BITS_PER_ID, MAX_FILTER_BYTES, MAX_GENERATION_BYTES, MAX_GENERATIONS, MIN_GENERATION_BYTES,
};
use crate::secret::Tag;

/// Some generations of ids. Only the youngest takes in ids, until it is full or as old as the longest
/// window; each is dropped when all of its windows are over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdFilter {
    pub(super) generations: Vec<Generation>,
    /// The longest window of an id.
    pub(super) window_ms: u32,
}

/// A Bloom filter with three bits for each id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) opened_ms: u64,
    /// When the last of its windows is over.
    pub(super) until_ms: u64,
    pub(super) ids: u32,
    /// A power of two of bytes.
    pub(super) bytes: Vec<u8>,
    /// Their tag, if it was made since they changed.
    pub(super) tag: Option<Tag>,
}

impl IdFilter {
    pub(super) const fn new() -> Self {
        Self { generations: Vec::new(), window_ms: 0 }
    }

    /// Keeps `ids` of a context of the group named `tag` for `window_ms`.
    pub(super) fn insert(&mut self, ids: &Ids, tag: u64, clock_ms: u64, window_ms: u32) {
        self.window_ms = self.window_ms.max(window_ms);
        let until_ms = clock_ms.saturating_add(u64::from(window_ms));
        for id in ids.as_slice() {
            if let Some(len) = self.next_len(clock_ms) {
                let bytes = vec![0; len];
                self.generations.push(Generation { opened_ms: clock_ms, until_ms, ids: 0, bytes, tag: None });
            }
            if let Some(youngest) = self.generations.last_mut() {
                youngest.insert(*id, tag, until_ms);
            }
        }
    }

    /// Whether `id` may be known of the group named `tag`.
    pub(super) fn has(&self, id: Id, tag: u64) -> bool {
        self.generations.iter().any(|generation| generation.has(id, tag))
    }

    /// Drops what is over. While `holds`, contexts are live whose ids are nowhere else, and nothing is.
    pub(super) fn drop_old(&mut self, clock_ms: u64, holds: bool) {
        self.generations.retain(|generation| holds || generation.until_ms > clock_ms);
    }

    /// Keeps everything until `until_ms` at least.
    pub(super) fn keep_until(&mut self, until_ms: u64) {
        for generation in &mut self.generations {
            generation.until_ms = generation.until_ms.max(until_ms);
        }
    }

    /// The length of a generation to be opened now, if one is wanted and there is room. Without room the
    /// youngest takes in more than it should, and errs more often.
    fn next_len(&self, clock_ms: u64) -> Option<usize> {
        let Some(youngest) = self.generations.last() else { return Some(MIN_GENERATION_BYTES) };
        let age_ms = clock_ms.saturating_sub(youngest.opened_ms);
        let len = if youngest.is_full() {
            youngest.bytes.len().saturating_mul(2)
        } else if age_ms >= u64::from(self.window_ms) {
            bytes_for(youngest.ids).next_power_of_two()
        } else {
            return None;
        };
        let len = len.clamp(MIN_GENERATION_BYTES, MAX_GENERATION_BYTES);
        let total = self.generations.iter().fold(len, |sum, other| sum.saturating_add(other.bytes.len()));
        (total <= MAX_FILTER_BYTES && self.generations.len() < MAX_GENERATIONS).then_some(len)
    }
}

impl Generation {
    fn is_full(&self) -> bool {
        bytes_for(self.ids) >= self.bytes.len()
    }

    fn insert(&mut self, id: Id, tag: u64, until_ms: u64) {
        self.tag = None;
        self.ids = self.ids.saturating_add(1);
        self.until_ms = self.until_ms.max(until_ms);
        for (byte, bit) in self.places(id, tag) {
            if let Some(byte) = self.bytes.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    fn has(&self, id: Id, tag: u64) -> bool {
        let mut places = self.places(id, tag).into_iter();
        places.all(|(byte, bit)| self.bytes.get(byte).is_some_and(|byte| byte & bit != 0))
    }

    /// Where `id` is noted for the group named `tag`. Both are keyed hashes, so their bits are as good as
    /// random, and so are those of their sum.
    fn places(&self, id: Id, tag: u64) -> [(usize, u8); 3] {
        let mixed = id.0.wrapping_add(tag);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let last = self.bytes.len().saturating_sub(1);
        [mixed >> 48, (mixed >> 32) & 0xFFFF, (mixed >> 16) & 0xFFFF].map(|place| {
            let byte = usize::try_from(place >> 3).unwrap_or(0) & last;
            (byte, 1_u8 << (place & 7))
        })
    }
}

/// The bytes that so many ids want.
fn bytes_for(ids: u32) -> usize {
    usize::try_from(ids).unwrap_or(usize::MAX).saturating_mul(FILTER_BITS_PER_ID) >> 3
}

const _: () = assert!(MAX_GENERATION_BYTES == 1 << 13, "a place is 16 bits of a hash");
const _: () = assert!(MIN_GENERATION_BYTES.is_power_of_two(), "a length is a power of two");
