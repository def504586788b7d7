//! The bytes of a table, little-endian. Whoever reads them has checked their tag, so an error here
//! means that another version of this crate wrote them.
//!
//! The bits of the filter of ids are most of a large table, and few of them change at once. They are kept apart: the
//! table has a tag for those of each generation, so that only what has changed is hashed when it is written or read.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::filter::{Generation, IdFilter};
use super::spent::{Count, SLOTS, Spent, Window};
use super::{Crowd, Group, Listed, Owner, Stamp, State, Table};
use crate::correlation::{Id, Ids};
use crate::limits::{
    MAX_GENERATION_BYTES, MAX_GENERATIONS, MAX_GROUPS, MAX_HOLDERS, MAX_LISTED, MAX_LISTED_ENDED, MAX_OWNERS,
    MAX_ROOT_COUNTS,
};
use crate::secret::Tag;

/// The first byte of every table.
const FORMAT: u8 = 3;

/// No owner has this id.
const NO_OWNER: u32 = 0;

impl Table {
    /// Writes the table at the end of `out`, without the [bits](Self::bits) of its filter, and with what `tag_of` says
    /// of them.
    pub(crate) fn encode(&mut self, tag_of: impl Fn(&[u8]) -> Tag, out: &mut Vec<u8>) {
        let mut out = Writer(out);
        out.u8(FORMAT);
        out.u64(self.stamp.epoch);
        out.u64(self.stamp.built);
        out.u64(self.stamp.version);
        out.u64(self.clock_ms);
        out.u64(self.host_clock_ms);
        out.u64(self.quarantine_until_ms);
        out.count(self.owners.len());
        for owner in &self.owners {
            out.u32(owner.id);
            out.u64(owner.beat_ms);
        }
        out.count(self.groups.len());
        for group in &self.groups {
            out.option(group.as_ref(), |out, group| {
                out.u64(group.asker);
                out.u64(group.tag);
                out.u64(group.ended_until_ms);
                out.option(group.lineage.as_deref(), |out, bytes| out.bytes(bytes));
            });
        }
        out.count(self.listed.len());
        for listed in &self.listed {
            match listed.state {
                State::Live { owner, serial } => {
                    out.u32(owner);
                    out.u64(serial);
                }
                State::Ended { until_ms } => {
                    out.u32(NO_OWNER);
                    out.u64(until_ms);
                }
            }
            out.u8(listed.group);
            out.count(listed.ids.as_slice().len());
            for id in listed.ids.as_slice() {
                out.u64(id.0);
            }
            out.u64(listed.work);
            out.option(listed.root.as_deref(), |out, root| out.bytes(root.as_bytes()));
        }
        out.count(self.crowds.len());
        for crowd in &self.crowds {
            out.u32(crowd.owner);
            out.u8(crowd.group);
            out.u32(crowd.count);
        }
        out.u32(self.filter.window_ms);
        out.count(self.filter.generations.len());
        for generation in &mut self.filter.generations {
            out.u64(generation.opened_ms);
            out.u64(generation.until_ms);
            out.u32(generation.ids);
            out.count(generation.bytes.len());
            out.0.extend_from_slice(generation.tag.get_or_insert_with(|| tag_of(&generation.bytes)));
        }
        out.count(self.spent.counts.len());
        for count in &self.spent.counts {
            out.u64(count.holder);
            out.u64(count.root);
            out.u32(count.calls);
            out.u64(count.until_ms);
        }
        out.count(self.spent.windows.len());
        for window in &self.spent.windows {
            out.u64(window.holder);
            out.u32(window.slot_ms);
            out.u64(window.youngest);
            for calls in window.slots {
                out.u32(calls);
            }
        }
    }

    /// The bits of each generation of the filter.
    pub(crate) fn bits(&self) -> impl Iterator<Item = &[u8]> {
        self.filter.generations.iter().map(|generation| generation.bytes.as_slice())
    }

    /// The bits of the generation that has this tag, if there is one.
    pub(crate) fn bits_of(&self, tag: &Tag) -> Option<&[u8]> {
        let has_it = |generation: &&Generation| generation.tag.as_ref() == Some(tag);
        self.filter.generations.iter().find(has_it).map(|generation| generation.bytes.as_slice())
    }

    /// Reads a table; `None` if `bytes` and `bits` are not exactly one. `believe` is handed the tag of a generation and
    /// the bits in its place, and gives back the bits that have this tag.
    pub(crate) fn decode(
        bytes: &[u8],
        mut bits: &[u8],
        believe: impl Fn(&Tag, &[u8]) -> Option<Vec<u8>>,
    ) -> Option<Self> {
        let mut input = Reader(bytes);
        if input.u8()? != FORMAT {
            return None;
        }
        let table = Self {
            stamp: Stamp { epoch: input.u64()?, built: input.u64()?, version: input.u64()? },
            clock_ms: input.u64()?,
            host_clock_ms: input.u64()?,
            quarantine_until_ms: input.u64()?,
            owners: input
                .list(MAX_OWNERS, |input| Some(Owner { id: input.u32()?, beat_ms: input.u64()? }))?,
            groups: input.list(MAX_GROUPS, |input| {
                input.option(|input| {
                    Some(Group {
                        asker: input.u64()?,
                        tag: input.u64()?,
                        ended_until_ms: input.u64()?,
                        lineage: input.option(|input| input.bytes().map(Rc::from))?,
                    })
                })
            })?,
            listed: input.list(MAX_LISTED.saturating_add(MAX_LISTED_ENDED), Reader::listed)?,
            crowds: input.list(MAX_OWNERS.saturating_mul(MAX_GROUPS), |input| {
                Some(Crowd { owner: input.u32()?, group: input.group()?, count: input.u32()? })
            })?,
            filter: IdFilter {
                window_ms: input.u32()?,
                generations: input.list(MAX_GENERATIONS, |input| {
                    let (opened_ms, until_ms, ids) = (input.u64()?, input.u64()?, input.u32()?);
                    let len = input.count()?;
                    let tag = input.array()?;
                    let (own, rest) = bits.split_at_checked(len)?;
                    bits = rest;
                    let bytes = believe(&tag, own)?;
                    let fits = bytes.len().is_power_of_two() && bytes.len() <= MAX_GENERATION_BYTES;
                    fits.then_some(Generation { opened_ms, until_ms, ids, bytes, tag: Some(tag) })
                })?,
            },
            spent: Spent {
                counts: input.list(MAX_ROOT_COUNTS.saturating_add(MAX_HOLDERS), |input| {
                    let (holder, root) = (input.u64()?, input.u64()?);
                    Some(Count { holder, root, calls: input.u32()?, until_ms: input.u64()? })
                })?,
                windows: input.list(MAX_HOLDERS, Reader::window)?,
            },
        };
        (input.0.is_empty() && bits.is_empty()).then_some(table)
    }
}

struct Writer<'o>(&'o mut Vec<u8>);

impl Writer<'_> {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A length; all are bounded far below.
    fn count(&mut self, value: usize) {
        self.0.extend_from_slice(&u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        self.array().map(u16::from_le_bytes).map(usize::from)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = self.count()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn group(&mut self) -> Option<u8> {
        self.u8().filter(|place| usize::from(*place) < MAX_GROUPS)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn list<T>(&mut self, max: usize, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count().filter(|count| *count <= max)?;
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(read(self)?);
        }
        Some(list)
    }

    fn listed(&mut self) -> Option<Listed> {
        Some(Listed {
            state: match (self.u32()?, self.u64()?) {
                (NO_OWNER, until_ms) => State::Ended { until_ms },
                (owner, serial) => State::Live { owner, serial },
            },
            group: self.group()?,
            ids: {
                let mut ids = Ids::none();
                for _ in 0..self.count()? {
                    ids.push(Id(self.u64()?))?;
                }
                ids
            },
            work: self.u64()?,
            root: self.option(|input| core::str::from_utf8(input.bytes()?).ok().map(Rc::from))?,
        })
    }

    fn window(&mut self) -> Option<Window> {
        let (holder, slot_ms, youngest) = (self.u64()?, self.u32()?, self.u64()?);
        let mut slots = [0; SLOTS];
        for calls in &mut slots {
            *calls = self.u32()?;
        }
        Some(Window { holder, slot_ms, youngest, slots })
    }
}
