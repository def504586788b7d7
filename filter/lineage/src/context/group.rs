//! Contexts with the same lineage share a group, and lineages without a place of their own share one.

use alloc::vec::Vec;

use super::{Carried, Context, Group, Table};
use crate::header;
use crate::limits::{MAX_GROUP_BYTES, MAX_GROUP_BYTES_PER_PEER, MAX_GROUPS, MAX_GROUPS_PER_PEER};
use crate::lineage::{Lineage, Overflow};

/// A set of groups by their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups(u32);

const _: () = assert!(MAX_GROUPS <= 32, "a set of groups is one word");

impl Groups {
    pub(super) fn insert(&mut self, place: u8) {
        self.0 |= 1_u32.checked_shl(u32::from(place)).unwrap_or(0);
    }

    pub(super) fn has(self, place: u8) -> bool {
        self.0 & 1_u32.checked_shl(u32::from(place)).unwrap_or(0) != 0
    }

    pub(super) fn has_place(self, place: usize) -> bool {
        self.has(small(place))
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Table {
    /// The name of a group in the filter of ids.
    pub(super) fn tag_of(&self, place: u8) -> u64 {
        self.groups.get(usize::from(place)).and_then(Option::as_ref).map_or(0, |group| group.tag)
    }

    /// The place of a group that covers the lineage of `context`.
    pub(super) fn group_for(&mut self, context: &Context) -> u8 {
        let Context { asker, tag, lineage, .. } = context;
        let (asker, tag) = (*asker, *tag);
        let open =
            || self.groups.iter().enumerate().filter_map(|(place, group)| Some((place, group.as_ref()?)));
        if let Some((place, _)) = open().find(|(_, group)| group.lineage == *lineage) {
            return small(place);
        }
        let of_asker = || open().filter(|(_, group)| group.asker == asker);
        let bytes = open().fold(len(lineage), |sum, (_, group)| sum.saturating_add(len(&group.lineage)));
        let its_bytes =
            of_asker().fold(len(lineage), |sum, (_, group)| sum.saturating_add(len(&group.lineage)));
        let free = self.groups.iter().position(Option::is_none).unwrap_or(self.groups.len());
        let asker_may = of_asker().count() < MAX_GROUPS_PER_PEER && its_bytes <= MAX_GROUP_BYTES_PER_PEER;
        if asker_may && free < MAX_GROUPS && bytes <= MAX_GROUP_BYTES {
            let group = Some(Group { asker, tag, lineage: lineage.clone(), ended_until_ms: 0 });
            match self.groups.get_mut(free) {
                Some(place) => *place = group,
                None => self.groups.push(group),
            }
            return small(free);
        }
        let shared = of_asker().next_back().or_else(|| open().next_back());
        let place = shared.map_or(0, |(place, _)| place);
        if let Some(Some(group)) = self.groups.get_mut(place) {
            group.lineage = merged(&group.lineage, lineage).filter(|_| bytes <= MAX_GROUP_BYTES);
        }
        small(place)
    }
}

/// Carries `lineage` in a table.
pub(crate) fn carry(lineage: Result<Lineage<'_>, Overflow>) -> Carried {
    let mut lineage = lineage.ok()?;
    lineage.set_root(None);
    let mut bytes = Vec::new();
    header::encode(&lineage, &mut bytes).ok()?;
    Some(bytes.into())
}

fn merged(left: &Carried, right: &Carried) -> Carried {
    let left = header::parse(left.as_ref()?).ok()?;
    let right = header::parse(right.as_ref()?).ok()?;
    carry(left.merge(&right))
}

pub(super) fn len(lineage: &Carried) -> usize {
    lineage.as_ref().map_or(0, |bytes| bytes.len())
}

/// The place of a group; there are fewer than 256.
pub(super) fn small(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}
