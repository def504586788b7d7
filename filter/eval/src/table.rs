//! Views of a section's records: where they lie, how many, and how to reach one. They hold offsets, not borrows, so
//! that a program can own its bytes.

use ambit_bytecode::cursor::index;
use ambit_bytecode::hash::{displacement_of, slot_of};

/// Records of `SIZE` bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table<const SIZE: usize> {
    /// Offset of the first record from the start of the blob.
    pub(crate) start: usize,
    /// How many records.
    pub(crate) count: u32,
}

impl<const SIZE: usize> Table<SIZE> {
    /// Where the record at a place begins, from the start of the blob.
    pub(crate) fn offset(self, place: u32) -> usize {
        self.start.saturating_add(index(place).saturating_mul(SIZE))
    }

    /// The record at a place.
    #[inline]
    pub(crate) fn record(self, bytes: &[u8], place: u32) -> Option<&[u8; SIZE]> {
        if place >= self.count {
            return None;
        }
        let at = index(place).checked_mul(SIZE)?.checked_add(self.start)?;
        bytes.get(at..)?.first_chunk()
    }
}

impl Table<2> {
    /// The number at a place.
    #[inline]
    pub(crate) fn u16(self, bytes: &[u8], place: u32) -> Option<u16> {
        self.record(bytes, place).map(|record| u16::from_le_bytes(*record))
    }
}

impl Table<4> {
    /// The number at a place.
    #[inline]
    pub(crate) fn u32(self, bytes: &[u8], place: u32) -> Option<u32> {
        self.record(bytes, place).map(|record| u32::from_le_bytes(*record))
    }
}

/// Items in groups: group `i` runs from `firsts[i]` to `firsts[i + 1]`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups<const SIZE: usize> {
    /// One more than there are groups.
    pub(crate) firsts: Table<4>,
    pub(crate) items: Table<SIZE>,
}

impl<const SIZE: usize> Groups<SIZE> {
    /// How many groups there are.
    pub(crate) fn count(self) -> u32 {
        self.firsts.count.saturating_sub(1)
    }

    /// The places of a group's items.
    #[inline]
    pub(crate) fn group(self, bytes: &[u8], place: u32) -> Option<core::ops::Range<u32>> {
        Some(self.firsts.u32(bytes, place)?..self.firsts.u32(bytes, place.checked_add(1)?)?)
    }

    /// The group as a table of its own.
    #[inline]
    pub(crate) fn table(self, bytes: &[u8], place: u32) -> Option<Table<SIZE>> {
        let range = self.group(bytes, place)?;
        let skipped = index(range.start).checked_mul(SIZE)?;
        Some(Table {
            start: self.items.start.checked_add(skipped)?,
            count: range.end.checked_sub(range.start)?,
        })
    }
}

/// A perfect hash table; `FORMAT.md`, section identities, says how a key leads to its one candidate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Index<const SIZE: usize> {
    pub(crate) seed: u32,
    pub(crate) displacements: Table<2>,
    pub(crate) slots: Table<SIZE>,
}

impl<const SIZE: usize> Index<SIZE> {
    /// The one slot that may hold the key of this hash.
    #[inline]
    pub(crate) fn candidate(self, bytes: &[u8], hash: u64) -> Option<&[u8; SIZE]> {
        let displacement = self.displacements.u16(bytes, displacement_of(hash, self.displacements.count)?)?;
        self.slots.record(bytes, slot_of(hash, displacement, self.slots.count)?)
    }
}

/// Finds a `u16` in a strictly ascending table of them.
#[inline]
pub(crate) fn find(bytes: &[u8], table: Table<2>, wanted: u16) -> Option<u32> {
    search(table.count, wanted, |place| table.u16(bytes, place))
}

/// Finds the place of a `u16` among `count` that ascend strictly.
#[inline]
pub(crate) fn search(count: u32, wanted: u16, at: impl Fn(u32) -> Option<u16>) -> Option<u32> {
    let mut low = 0_u32;
    let mut high = count;
    while low < high {
        let middle = low.midpoint(high);
        let found = at(middle)?;
        match found.cmp(&wanted) {
            core::cmp::Ordering::Equal => return Some(middle),
            core::cmp::Ordering::Less => low = middle.checked_add(1)?,
            core::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

#[cfg(test)]
mod tests;
