//! The table of live contexts, shared by the workers of one proxy.
//!
//! Each worker of Envoy runs a VM of its own, and a request and the calls it causes meet on different
//! ones. What VMs share is one map of the process: `get`, `set`, and a number by which a `set` can ask
//! that nobody was faster. The whole table is one value in it.
//!
//! # Operations
//!
//! Beginning a context costs one `get` and one `set`, which also end those that ended before; a call costs one `get`,
//! and a `get` and a `set` more if it is counted for a budget; a tick costs one `get`, and a `get` and a `set` more in
//! each worker where something has ended since, and in one of them while something is live. A `set` that
//! meets a faster worker is tried again, [`MAX_STORE_TRIES`] times, and then the request that begins is
//! refused ([`Refused::Contended`]). An end is kept and written with the next
//! context that begins in the same worker, or the next tick, unless windows are shorter than that: until then the context
//! limits, which is the safe side.
//!
//! # Who else can write
//!
//! The map has one namespace for all plugins of the proxy, because Istio gives none of them a VM id. So
//! what is read from it is an allegation. Four things make it more:
//!
//! 1. *The name is secret.* The table's key is derived from the [`Secret`], and the host offers no way to
//!    list keys. Whoever does not know the secret can neither read, write, remove nor put back the
//!    table, also not through a plugin that lets a request choose the key it writes.
//! 2. *The content has a tag* under the secret ([`SipHasher24`](siphasher::sip128::SipHasher24), 128
//!    bits). A table that is altered, cut or invented is damage. The bits of its filter of ids have tags of their own
//!    in it; a worker that knows the bits of a tag takes its own, and does not look at those that it reads.
//! 3. *Absence is damage.* The host has no call that removes a key, and [`Contexts::install`] writes the
//!    first table before any worker has a request. An empty map never reads as "nothing is live".
//! 4. *Age is checked against memory.* Each VM remembers the newest stamp it saw, and the host's number
//!    under which it saw it. An older table, the same one written again, another one with the same
//!    stamp, or one that was built anew in the same epoch is damage. So is a table without each live context of the reader's own.
//!
//! # What damage does
//!
//! It never reads as less. The VM that finds it builds a new table of the contexts it knows itself, in a
//! new epoch and in *quarantine*: nothing is answered ([`Answer::Quarantine`], deny) for the longest
//! window and [`QUARANTINE_TICKS`] ticks. By then every other worker has seen the new epoch and added
//! its own live contexts, and whatever had ended is over. Each such event is counted ([`Events::damage`]).
//! A writer that goes on doing damage keeps the proxy's outbound calls denied; that is all it gets.
//!
//! What was spent of budgets outlives damage too: each VM adds what it last saw to the new table, the
//! greater number wins, and the VM that wrote the last true table saw all of it.
//!
//! # What is left
//!
//! Someone who knows the secret (who can read the plugin's configuration, and runs code in the same
//! proxy) can forge. Someone who knows only the name could put back a table that a VM has not seen
//! the successor of; that VM believes it until its next look, and the VM whose context is missing
//! finds out at its next operation or tick. The host offers nothing fresh to bind a table to: its
//! numbers come from one counter for all keys, and a value is written before its number is known.
//! Both are code that the people who configure the proxy put there, and such code could as well
//! rewrite the header after this filter.
//!
//! A worker that is blocked for longer than a quarantine, while the table is damaged, is missing from
//! the new table until it runs again. One that is silent for [`DEAD_AFTER_MS`](crate::limits::DEAD_AFTER_MS)
//! is taken for dead, because a VM that crashed cannot end its contexts; its contexts count as ended, and
//! it adds them again if it was not dead.
//!
//! # Alternatives that lost
//!
//! One key per worker needs no retries, but a call then costs a `get` for each worker, and which workers
//! there are is again a shared fact that can be damaged. Keys per context cannot be removed, so an
//! application could fill the map. Queues can be drained by any plugin, and deliver too late. Reading
//! "so that it can only narrow" without a tag does not exist: what is missing widens.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::budget::{Budget, Exhausted, Holder};
use crate::context::{Answer, Bill, Context, Place, Spent, Table, Trust, carry, keep_root};
use crate::correlation::{Correlation, Ids};
use crate::limits::{
    BEAT_MS, DEFAULT_WINDOW_MS, MAX_BYTES_PER_WORKER, MAX_LIVE_PER_WORKER, MAX_STORE_TRIES, MAX_WINDOW_MS,
    TICK_MS,
};
use crate::lineage::Lineage;
use crate::name::{Principal, RootId};
use crate::secret::{Secret, Use};

mod store;
#[cfg(test)]
mod tests;
mod view;

pub use store::{Cas, SetError, Store, StoreFault};
use view::{Seen, Trouble, tag_of};

/// How many ticks a quarantine lasts beyond the longest window.
pub const QUARANTINE_TICKS: u64 = 3;

/// Where all can see which secret the proxy runs with. Whoever writes here can have configurations refused,
/// and no more.
const FINGERPRINT_KEY: &str = "ambit.lineage";

/// One worker's part in the table: the live contexts that began here, and what was last seen of all.
///
/// There is one in each VM, whatever the number of plugin configurations in it, so that a new
/// configuration does not forget what is live.
#[derive(Debug)]
pub struct Contexts {
    secret: Secret,
    key: String,
    own: Vec<Own>,
    /// How many of them have ended, and the bytes of the others.
    ended: usize,
    own_bytes: usize,
    next_serial: u64,
    joined: Option<Joined>,
    seen: Option<Seen>,
    /// What was spent, as seen in tables of former epochs, until the table of this one has it.
    carried_over: Spent,
    window_ms: u32,
    /// The longest window of all that were set here or seen in the table.
    longest_window_ms: u32,
    events: Events,
}

/// A context that began, to be given back when it ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a context that never ends limits for ever"]
pub struct Ticket(u64);

/// Why a request must be denied although its lineage allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// This worker has as many live contexts as it may have.
    TooMany,
    /// The table has as many workers as it may have.
    Workers,
    /// Other workers were faster, [`MAX_STORE_TRIES`] times.
    Contended,
    /// The store cannot be reached, or [`Contexts::install`] did not succeed.
    Store,
    /// The proxy runs with another secret.
    Secret,
}

/// Why a call must be denied although its lineage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unspent {
    /// A budget is used up.
    Exhausted {
        /// Its place among those that were given.
        place: usize,
        /// Which part of it.
        part: Exhausted,
    },
    /// It could not be counted.
    Refused(Refused),
}

/// What happened since [`Contexts::take_events`] was last called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// How often the table was found damaged and built anew.
    pub damage: u32,
    /// How often a write was tried again because another worker was faster.
    pub contention: u32,
}

/// A live context that began here.
#[derive(Debug)]
struct Own {
    context: Context,
    place: Place,
    /// Its window, if it ended and the table does not know.
    ended: Option<u32>,
}

/// Where this worker's contexts are.
#[derive(Clone, Copy, Debug)]
struct Joined {
    epoch: u64,
    owner: u32,
    beat_ms: u64,
}

/// What is to be done to the table, besides what is always done.
#[derive(Clone, Copy)]
enum Deed<'d> {
    Nothing,
    Begin(&'d Context),
    Spend(&'d Bill),
}

/// What a change of the table means for the worker that made it.
#[derive(Default)]
struct Changed {
    joined: Option<Joined>,
    /// Where its contexts are now, if it had to add them all.
    places: Option<Vec<Place>>,
    /// Where the new one is.
    place: Option<Place>,
    /// What is used up, so that nothing is to be written.
    exhausted: Option<(usize, Exhausted)>,
}

impl Contexts {
    /// A worker's part. All workers and all roles of a proxy must have the same secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        let mut key = String::from("ambit.lineage.");
        for byte in secret.tag(Use::Name, b"") {
            for digit in [byte >> 4, byte & 15] {
                key.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Self {
            secret,
            key,
            own: Vec::new(),
            ended: 0,
            own_bytes: 0,
            next_serial: 1,
            joined: None,
            seen: None,
            carried_over: Spent::default(),
            window_ms: DEFAULT_WINDOW_MS,
            longest_window_ms: DEFAULT_WINDOW_MS,
            events: Events::default(),
        }
    }

    /// Writes the first table, if none was ever written. To be called when the plugin is configured.
    ///
    /// Envoy configures a plugin on its main thread before any worker has it, so no worker can have
    /// begun a context in between.
    ///
    /// # Errors
    /// [`Refused::Store`], or [`Refused::Secret`] if the proxy runs with another secret. The configuration
    /// must then be refused too; until this succeeds once, every operation is refused.
    pub fn install(&mut self, store: &mut impl Store, now_ms: u64) -> Result<(), Refused> {
        let fingerprint = self.secret.tag(Use::Fingerprint, b"");
        match store.get(FINGERPRINT_KEY).map_err(|StoreFault| Refused::Store)? {
            Some((other, _)) if other != fingerprint => return Err(Refused::Secret),
            Some(_) => {}
            None => store.set(FINGERPRINT_KEY, &fingerprint, None).map_err(|_| Refused::Store)?,
        }
        if self.seen.is_none() && store.get(&self.key).map_err(|StoreFault| Refused::Store)?.is_none() {
            // Its epoch is before all others: where a table was there all the same, this one is damage to those who saw it.
            let bytes = self.seal(&mut Table::new(0, 0, now_ms, 0));
            store.set(&self.key, &bytes, None).map_err(|_| Refused::Store)?;
        }
        match self.refresh(store) {
            // The first operation repairs the damage.
            Ok(()) | Err(Trouble::Damage(_)) => Ok(()),
            Err(Trouble::Store) => Err(Refused::Store),
        }
    }

    /// The ids of a request as this proxy keeps them.
    #[must_use]
    pub fn ids(&self, correlation: &Correlation<'_>) -> Ids {
        correlation.ids(&self.secret)
    }

    /// Begins the context of a request from `peer`, which came with `lineage` and is let through.
    ///
    /// A lineage that cannot have `peer` added within its bounds is no reason to refuse the request; the
    /// calls it causes are denied.
    ///
    /// # Errors
    /// [`Refused`]: the request must be denied, because the calls it causes could not be tied to it.
    pub fn begin(
        &mut self,
        store: &mut impl Store,
        ids: &Ids,
        peer: Principal<'_>,
        lineage: &Lineage<'_>,
        now_ms: u64,
    ) -> Result<Ticket, Refused> {
        let stamped = lineage.stamp(peer);
        let carried = carry(stamped);
        let tag = self.secret.short_tag(Use::Lineage, carried.as_deref().unwrap_or(&[]));
        let origin = stamped.ok().and_then(|stamped| stamped.via().first().copied());
        let context = Context {
            serial: self.next_serial,
            ids: *ids,
            root: keep_root(lineage.root_id()),
            asker: self.secret.short_tag(Use::Peer, peer.as_str().as_bytes()),
            tag,
            work: lineage.root_id().zip(origin).map_or(tag, |(root, origin)| self.work(root, origin)),
            lineage: carried,
        };
        let live = self.own.len().saturating_sub(self.ended);
        let own_bytes = self.own_bytes.saturating_add(context.len());
        if live >= MAX_LIVE_PER_WORKER || own_bytes > MAX_BYTES_PER_WORKER {
            return Err(Refused::TooMany);
        }
        self.next_serial = self.next_serial.saturating_add(1);
        let place = self.update(store, Deed::Begin(&context), now_ms)?.place.ok_or(Refused::Workers)?;
        self.own_bytes = own_bytes;
        let ticket = Ticket(context.serial);
        self.own.push(Own { context, place, ended: None });
        Ok(ticket)
    }

    /// Sets the window of the contexts that end from now on, [`MAX_WINDOW_MS`] at most. To be called when the
    /// plugin is configured, with the same window in each worker; [`DEFAULT_WINDOW_MS`] holds until then.
    pub fn set_window(&mut self, window_ms: u32) {
        self.window_ms = window_ms.min(MAX_WINDOW_MS);
        self.longest_window_ms = self.longest_window_ms.max(self.window_ms);
    }

    /// Ends a context: its response is over. It limits for a window more, which begins when the table says so: with the
    /// next context that begins here, or the next [`tick`](Self::tick). Where windows are shorter than the time between
    /// ticks, that is at once.
    pub fn end(&mut self, store: &mut impl Store, ticket: Ticket, now_ms: u64) {
        let (Ticket(serial), window_ms) = (ticket, self.window_ms);
        if let Some(own) = self.own.iter_mut().find(|own| own.context.serial == serial) {
            own.ended = Some(window_ms);
            self.ended = self.ended.saturating_add(1);
            self.own_bytes = self.own_bytes.saturating_sub(own.context.len());
            if u64::from(window_ms) < TICK_MS {
                // What cannot be written now is written later.
                let _ = self.update(store, Deed::Nothing, now_ms);
            }
        }
    }

    /// On whose behalf a call with `ids` is made. The lineage is ready to be stamped.
    pub fn lookup(&mut self, store: &mut impl Store, ids: &Ids, trust: Trust, now_ms: u64) -> Answer<'_> {
        match self.refresh(store) {
            Ok(()) => {}
            Err(Trouble::Store) => return Answer::Unavailable,
            Err(Trouble::Damage(_)) => {
                // Begins the repair; if that fails, the next operation tries again.
                let _ = self.update(store, Deed::Nothing, now_ms);
                return Answer::Quarantine;
            }
        }
        if self.must_join() && self.update(store, Deed::Nothing, now_ms).is_err() {
            return Answer::Unavailable;
        }
        match self.table() {
            Some(table) => table.lookup(ids, trust, now_ms),
            None => Answer::Unavailable,
        }
    }

    /// Counts a call with `ids` for each of `budgets`, or for none of them if one is used up. To be called for
    /// a call that [`lookup`](Self::lookup) was called for, with the same ids and trust, before it is sent.
    ///
    /// # Errors
    /// [`Unspent`]: the call must be denied, and was not counted.
    pub fn spend(
        &mut self,
        store: &mut impl Store,
        ids: &Ids,
        trust: Trust,
        budgets: &[(Holder<'_>, Budget)],
        now_ms: u64,
    ) -> Result<(), Unspent> {
        let holder = |holder: &Holder<'_>| match holder {
            // No mission has an empty name.
            Holder::Agent => self.secret.short_tag(Use::Holder, b""),
            Holder::Mission(mission) => self.secret.short_tag(Use::Holder, mission.as_str().as_bytes()),
        };
        let items = budgets.iter().map(|(whose, budget)| (holder(whose), *budget)).collect();
        let bill = Bill { ids: *ids, trust, items, window_ms: self.window_ms };
        match self.update(store, Deed::Spend(&bill), now_ms) {
            Ok(Changed { exhausted: Some((place, part)), .. }) => Err(Unspent::Exhausted { place, part }),
            Ok(_) => Ok(()),
            Err(refused) => Err(Unspent::Refused(refused)),
        }
    }

    /// Looks after the table. To be called every [`TICK_MS`] in each worker's VM.
    ///
    /// # Errors
    /// [`Refused`]: nothing was done; the next call tries again.
    pub fn tick(&mut self, store: &mut impl Store, now_ms: u64) -> Result<(), Refused> {
        let has_work = match self.refresh(store) {
            Err(Trouble::Store) => return Err(Refused::Store),
            Err(Trouble::Damage(_)) => true,
            Ok(()) => {
                let beat_is_old = |table: &Table| {
                    let beat_ms = self.joined.map_or(u64::MAX, |joined| joined.beat_ms);
                    beat_ms.saturating_add(BEAT_MS) <= table.clock_ms()
                };
                // Workers tick at about the same time, and one of them is enough.
                let upkeep_ms = TICK_MS.saturating_sub(TICK_MS >> 2);
                self.must_join()
                    || self.own.iter().any(|own| own.ended.is_some())
                    || self
                        .table()
                        .is_some_and(|table| beat_is_old(table) || table.wants_upkeep(now_ms, upkeep_ms))
            }
        };
        if has_work {
            self.update(store, Deed::Nothing, now_ms)?;
        }
        Ok(())
    }

    /// What happened since this was last called.
    pub fn take_events(&mut self) -> Events {
        core::mem::take(&mut self.events)
    }

    /// Reads the table, makes the change, writes the table: until no one was faster.
    fn update(&mut self, store: &mut impl Store, deed: Deed<'_>, now_ms: u64) -> Result<Changed, Refused> {
        for _ in 0..MAX_STORE_TRIES {
            let (mut table, cas) = match self.refresh(store) {
                Ok(()) => self.table_to_change().ok_or(Refused::Store)?,
                Err(Trouble::Store) => return Err(Refused::Store),
                Err(Trouble::Damage(cas)) => {
                    self.events.damage = self.events.damage.saturating_add(1);
                    let mut table = self.new_epoch(now_ms);
                    let Some(cas) = cas else {
                        // There is nothing whose number could be asked for, until this is there.
                        let bytes = self.seal(&mut table);
                        store.set(&self.key, &bytes, None).map_err(|_| Refused::Store)?;
                        continue;
                    };
                    (table, cas)
                }
            };
            let changed = self.change(&mut table, cas, deed, now_ms)?;
            if changed.exhausted.is_some() {
                return Ok(changed);
            }
            table.stamp.version = table.stamp.version.saturating_add(1);
            let bytes = self.seal(&mut table);
            match store.set(&self.key, &bytes, Some(cas)) {
                Ok(()) => {
                    let len = bytes.len();
                    self.seen = tag_of(&bytes).map(|tag| Seen { table, tag: *tag, len, cas: None });
                    self.carried_over = Spent::default();
                    self.note(&changed);
                    return Ok(changed);
                }
                Err(SetError::Mismatch) => self.events.contention = self.events.contention.saturating_add(1),
                Err(SetError::Fault) => return Err(Refused::Store),
            }
        }
        Err(Refused::Contended)
    }

    /// Makes time pass, ends what ended here, begins what begins.
    fn change(&self, table: &mut Table, cas: Cas, deed: Deed<'_>, now_ms: u64) -> Result<Changed, Refused> {
        table.spent.absorb(&self.carried_over);
        table.advance(now_ms);
        if let Deed::Spend(bill) = deed {
            if table.is_quarantined() {
                return Err(Refused::Store);
            }
            if let Err(exhausted) = table.spend(bill) {
                return Ok(Changed { exhausted: Some(exhausted), ..Changed::default() });
            }
        }
        let begins = match deed {
            Deed::Begin(context) => Some(context),
            Deed::Nothing | Deed::Spend(_) => None,
        };
        let epoch = table.stamp.epoch;
        let joined = self.joined.filter(|joined| joined.epoch == epoch && table.has_owner(joined.owner));
        if joined.is_none() && begins.is_none() && self.own.is_empty() {
            return Ok(Changed::default());
        }
        let (owner, places) = match joined {
            Some(joined) => (joined.owner, None),
            None => {
                // Only one write can follow the one with this number, so no other worker has this id.
                let owner = table.join(cas.0.get()).ok_or(Refused::Workers)?;
                let places: Vec<Place> =
                    self.own.iter().map(|own| table.begin(owner, &own.context)).collect();
                (owner, Some(places))
            }
        };
        for (at, own) in self.own.iter().enumerate() {
            if let Some(window_ms) = own.ended {
                let place = places.as_ref().and_then(|places| places.get(at)).unwrap_or(&own.place);
                table.end(owner, own.context.serial, &own.context.ids, *place, window_ms);
            }
        }
        let place = begins.map(|context| table.begin(owner, context));
        let stays = place.is_some() || self.own.iter().any(|own| own.ended.is_none());
        if stays {
            table.beat(owner);
        } else {
            table.leave(owner);
        }
        let joined = stays.then_some(Joined { epoch, owner, beat_ms: table.clock_ms() });
        Ok(Changed { joined, places, place, exhausted: None })
    }

    /// Notes a change that was written.
    fn note(&mut self, changed: &Changed) {
        self.joined = changed.joined;
        for (own, place) in self.own.iter_mut().zip(changed.places.iter().flatten()) {
            own.place = *place;
        }
        self.own.retain(|own| own.ended.is_none());
        self.ended = 0;
    }

    /// The root that a request is part of, hashed: no one can make up that of another's work.
    fn work(&self, root: RootId<'_>, origin: Principal<'_>) -> u64 {
        let mut name = Vec::from(root.as_str().as_bytes());
        // Neither holds a space.
        name.push(b' ');
        name.extend_from_slice(origin.as_str().as_bytes());
        self.secret.short_tag(Use::Root, &name)
    }
}

impl Refused {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooMany => "lineage-too-many-live",
            Self::Workers => "lineage-too-many-workers",
            Self::Contended => "lineage-store-contended",
            Self::Store => "lineage-store-unavailable",
            Self::Secret => "lineage-secret-changed",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many live requests in this worker",
            Self::Workers => "too many workers with live requests in this proxy",
            Self::Contended => "the table of live requests is written too often",
            Self::Store => "the table of live requests cannot be reached",
            Self::Secret => {
                "the secret is not the one that this proxy runs with; restart the pod to change it"
            }
        })
    }
}

impl core::error::Error for Refused {}
