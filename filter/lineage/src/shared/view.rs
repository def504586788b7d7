//! What a worker last saw of the table, and whether it believes what it reads.

use alloc::vec::Vec;

use super::{Cas, Contexts, Joined, QUARANTINE_TICKS, Store, StoreFault};
use crate::context::{Spent, Stamp, Table};
use crate::limits::{DEAD_AFTER_MS, TICK_MS};
use crate::secret::{TAG_BYTES, Use};

/// By how many bytes a table usually grows at once: a context with its lineage.
const ROOM_TO_GROW: usize = 512;

/// The newest table that was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) stamp: Stamp,
    pub(super) clock_ms: u64,
    pub(super) bytes: Vec<u8>,
    /// Its number; not known of a table that was written here and not read since.
    pub(super) cas: Option<Cas>,
    pub(super) table: Option<Table>,
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
        // The same tag is on the same table, or else on bytes that are not looked at: what was seen before is believed.
        if let Some(seen) = &mut self.seen
            && tag_of(&seen.bytes) == tag_of(&bytes)
        {
            // No worker writes the same table twice.
            if *seen.cas.get_or_insert(cas) != cas {
                return Err(Trouble::Damage(Some(cas)));
            }
            if seen.table.is_some() {
                return Ok(());
            }
        } else {
            let is_later =
                |table: &Table| self.seen.as_ref().is_none_or(|seen| table.stamp.follows(seen.stamp));
            let table = self.open(&bytes).filter(|table| is_later(table) && self.has_own(table));
            let table = table.ok_or(Trouble::Damage(Some(cas)))?;
            self.longest_window_ms = self.longest_window_ms.max(table.longest_window_ms());
            if self.seen.as_ref().is_some_and(|seen| seen.stamp.epoch != table.stamp.epoch) {
                let spent = self.spent();
                self.carried_over.absorb(&spent);
            }
            self.seen = Some(Seen {
                stamp: table.stamp,
                clock_ms: table.clock_ms(),
                bytes,
                cas: Some(cas),
                table: Some(table),
            });
            return Ok(());
        }
        if let Some(seen) = &mut self.seen {
            seen.table = Table::decode(content(&seen.bytes));
        }
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

    /// What was spent, as last seen.
    fn spent(&self) -> Spent {
        let Some(seen) = &self.seen else { return Spent::default() };
        match &seen.table {
            Some(table) => table.spent.clone(),
            None => Table::decode(content(&seen.bytes)).map(|table| table.spent).unwrap_or_default(),
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        self.seen.as_ref()?.table.as_ref()
    }

    /// The table as last seen and its number, to be changed.
    pub(super) fn take_table(&mut self) -> Option<(Table, Cas)> {
        let seen = self.seen.as_mut()?;
        let cas = seen.cas?;
        Some((seen.table.take()?, cas))
    }

    /// An empty table in place of a damaged one.
    pub(super) fn new_epoch(&self, now_ms: u64) -> Table {
        let (epoch, clock_ms) = self.seen.as_ref().map_or((0, 0), |seen| (seen.stamp.epoch, seen.clock_ms));
        let ticks_ms = TICK_MS.saturating_mul(QUARANTINE_TICKS);
        let quarantine_ms = u64::from(self.longest_window_ms).saturating_add(ticks_ms);
        let mut table = Table::new(epoch.saturating_add(1).max(now_ms), clock_ms, now_ms, quarantine_ms);
        table.spent = self.spent();
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        table.stamp.built = self.secret.short_tag(Use::Built, &bytes);
        table
    }

    /// The bytes of a table and its tag.
    pub(super) fn seal(&self, table: &Table) -> Vec<u8> {
        // It is about as long as the last one.
        let last = self.seen.as_ref().map_or(0, |seen| seen.bytes.len());
        let mut bytes = Vec::with_capacity(last.saturating_add(ROOM_TO_GROW));
        table.encode(&mut bytes);
        let tag = self.secret.tag(Use::Table, &bytes);
        bytes.extend_from_slice(&tag);
        bytes
    }

    /// The table in sealed bytes.
    fn open(&self, bytes: &[u8]) -> Option<Table> {
        let (content, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        if self.secret.tag(Use::Table, content) != *tag {
            return None;
        }
        Table::decode(content)
    }
}

/// The tag of sealed bytes, if they are so long.
fn tag_of(bytes: &[u8]) -> Option<&[u8; TAG_BYTES]> {
    bytes.last_chunk()
}

/// Sealed bytes without their tag.
fn content(bytes: &[u8]) -> &[u8] {
    bytes.split_last_chunk::<TAG_BYTES>().map_or(&[], |(content, _)| content)
}
