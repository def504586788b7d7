//! What a worker last saw of the table, and whether it believes what it reads.

use alloc::vec::Vec;

use super::{Cas, Contexts, Joined, QUARANTINE_TICKS, Store, StoreFault};
use crate::context::Table;
use crate::limits::{DEAD_AFTER_MS, TICK_MS};
use crate::secret::{Tag, Use};

/// By how many bytes a table usually grows at once: a context with its lineage.
const ROOM_TO_GROW: usize = 512;

/// The newest table that was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) table: Table,
    /// Whatever has this tag is this table, or else is not looked at.
    pub(super) tag: Tag,
    /// How many bytes it was.
    pub(super) len: usize,
    /// Its number; not known of a table that was written here and not read since.
    pub(super) cas: Option<Cas>,
}

/// Why there is no table.
pub(super) enum Trouble {
    /// What is there is not what the workers wrote. Its number, if anything is there.
    Damage(Option<Cas>),
    /// It cannot be known what is there.
    Store,
}

impl Contexts {
    /// Reads the store, and makes sure that what it says is the newest that the workers wrote, as far as
    /// this one can tell.
    pub(super) fn refresh(&mut self, store: &mut impl Store) -> Result<(), Trouble> {
        let value = store.get(&self.key).map_err(|StoreFault| Trouble::Store)?;
        let Some((bytes, cas)) = value else {
            return Err(if self.seen.is_some() { Trouble::Damage(None) } else { Trouble::Store });
        };
        let tag = tag_of(&bytes).ok_or(Trouble::Damage(Some(cas)))?;
        if let Some(seen) = &mut self.seen
            && seen.tag == *tag
        {
            // No worker writes the same table twice.
            return if *seen.cas.get_or_insert(cas) == cas {
                Ok(())
            } else {
                Err(Trouble::Damage(Some(cas)))
            };
        }
        let is_later =
            |table: &Table| self.seen.as_ref().is_none_or(|seen| table.stamp.follows(seen.table.stamp));
        let table = self.open(&bytes).filter(|table| is_later(table) && self.has_own(table));
        let table = table.ok_or(Trouble::Damage(Some(cas)))?;
        self.longest_window_ms = self.longest_window_ms.max(table.longest_window_ms());
        if let Some(seen) = &self.seen
            && seen.table.stamp.epoch != table.stamp.epoch
        {
            self.carried_over.absorb(&seen.table.spent);
        }
        self.seen = Some(Seen { table, tag: *tag, len: bytes.len(), cas: Some(cas) });
        Ok(())
    }

    /// Whether the contexts that are live here are in `table`, unless there is a reason why not.
    fn has_own(&self, table: &Table) -> bool {
        let Some(joined) = self.joined else { return true };
        if joined.epoch != table.stamp.epoch {
            return true;
        }
        if !table.has_owner(joined.owner) {
            return joined.beat_ms.saturating_add(DEAD_AFTER_MS) <= table.clock_ms();
        }
        let listed = self.own.iter().filter(|own| own.place.is_listed);
        let crowd = self.own.iter().filter(|own| !own.place.is_listed).count();
        table.listed_of(joined.owner).eq(listed.map(|own| own.context.serial))
            && table.crowd_of(joined.owner) == crowd
    }

    /// Whether something is known here that the table, as last seen, does not have: contexts that are live, or what
    /// was spent.
    pub(super) fn must_join(&self) -> bool {
        let is_in = |joined: Joined| {
            self.table()
                .is_some_and(|table| table.stamp.epoch == joined.epoch && table.has_owner(joined.owner))
        };
        let must_add_own = !self.own.is_empty() && !self.joined.is_some_and(is_in);
        must_add_own || !self.carried_over.is_empty()
    }

    pub(super) fn table(&self) -> Option<&Table> {
        self.seen.as_ref().map(|seen| &seen.table)
    }

    /// The table as last seen, to be changed, and its number.
    pub(super) fn table_to_change(&self) -> Option<(Table, Cas)> {
        let seen = self.seen.as_ref()?;
        Some((seen.table.clone(), seen.cas?))
    }

    /// An empty table in place of a damaged one.
    pub(super) fn new_epoch(&self, now_ms: u64) -> Table {
        let (epoch, clock_ms) = self.table().map_or((0, 0), |table| (table.stamp.epoch, table.clock_ms()));
        let ticks_ms = TICK_MS.saturating_mul(QUARANTINE_TICKS);
        let quarantine_ms = u64::from(self.longest_window_ms).saturating_add(ticks_ms);
        let mut table = Table::new(epoch.saturating_add(1).max(now_ms), clock_ms, now_ms, quarantine_ms);
        table.spent = self.table().map(|seen| seen.spent.clone()).unwrap_or_default();
        let mut bytes = Vec::new();
        table.encode(|bits| self.secret.tag(Use::Generation, bits), &mut bytes);
        table.stamp.built = self.secret.short_tag(Use::Built, &bytes);
        table
    }

    /// The bytes of a table, the bits of its filter, the length of the bytes, and their tag.
    pub(super) fn seal(&self, table: &mut Table) -> Vec<u8> {
        // It is about as long as the last one.
        let last = self.seen.as_ref().map_or(0, |seen| seen.len);
        let mut sealed = Vec::with_capacity(last.saturating_add(ROOM_TO_GROW));
        table.encode(|bits| self.secret.tag(Use::Generation, bits), &mut sealed);
        let tag = self.secret.tag(Use::Table, &sealed);
        // Its bounds keep it far below.
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        table.bits().for_each(|bits| sealed.extend_from_slice(bits));
        sealed.extend_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// The table in sealed bytes.
    fn open(&self, sealed: &[u8]) -> Option<Table> {
        let Parts { bytes, bits, tag } = Parts::of(sealed)?;
        if self.secret.tag(Use::Table, bytes) != *tag {
            return None;
        }
        // Most bits are those of the table that was seen last.
        Table::decode(bytes, bits, |tag, bits| match self.table().and_then(|seen| seen.bits_of(tag)) {
            Some(known) => Some(known.to_vec()),
            None => (self.secret.tag(Use::Generation, bits) == *tag).then(|| bits.to_vec()),
        })
    }
}

/// What sealed bytes are made of.
struct Parts<'s> {
    bytes: &'s [u8],
    bits: &'s [u8],
    tag: &'s Tag,
}

impl<'s> Parts<'s> {
    fn of(sealed: &'s [u8]) -> Option<Self> {
        let (rest, tag) = sealed.split_last_chunk()?;
        let (rest, length) = rest.split_last_chunk()?;
        let (bytes, bits) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some(Self { bytes, bits, tag })
    }
}

/// The tag of sealed bytes, if they are so long.
pub(super) fn tag_of(sealed: &[u8]) -> Option<&Tag> {
    sealed.last_chunk()
}
