//! Counters: few names, no identities in them. Counted in memory, and handed to the host on a tick, so that a request
//! costs no host call for them.

use core::cell::{Cell, RefCell};

use ambit_bytecode::Code;
use ambit_eval::Verdict;

use crate::host::{self, Counter};
use crate::limits::MAX_RECORDS_A_TICK;
use crate::record::DecisionId;

/// What can be counted: verdicts by code, and after them events.
const FIRST_EVENT: usize = 128;
const CELLS: usize = 131;

/// What is counted besides verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Shadow mode let a deny pass.
    Shadow,
    /// A call of the application could not be tied to one request.
    LostLineage,
    /// A decision was not recorded, because there were too many.
    Dropped,
}

struct Cells {
    pending: [Cell<u64>; CELLS],
    decisions: Cell<u64>,
    /// How many records were written since the last tick.
    records: Cell<u32>,
    /// How many were not written since the last one that was.
    dropped: Cell<u64>,
    /// Counts allows, of which some are recorded.
    allows: Cell<u32>,
    /// Defined when first needed, and once a VM: the host would make a new metric of every further call.
    counters: RefCell<[Option<Counter>; CELLS]>,
}

thread_local! {
    // Counters belong to the VM, not to a policy: they go on counting across updates.
    static COUNTERS: Cells = const {
        Cells {
            pending: [const { Cell::new(0) }; CELLS],
            decisions: Cell::new(0),
            records: Cell::new(0),
            dropped: Cell::new(0),
            allows: Cell::new(0),
            counters: RefCell::new([None; CELLS]),
        }
    };
}

/// Counts one decision.
pub(crate) fn count(verdict: &Verdict) {
    COUNTERS.with(|cells| {
        bump(cells, usize::from(verdict.code.number()));
        if verdict.shadow && !verdict.allows() {
            bump(cells, place_of(Event::Shadow));
        }
    });
}

/// Counts a deny that no program judged.
pub(crate) fn count_code(code: Code) {
    COUNTERS.with(|cells| bump(cells, usize::from(code.number())));
}

/// Counts an event.
pub(crate) fn count_event(event: Event) {
    COUNTERS.with(|cells| bump(cells, place_of(event)));
}

const fn place_of(event: Event) -> usize {
    match event {
        Event::Shadow => FIRST_EVENT,
        Event::LostLineage => FIRST_EVENT.saturating_add(1),
        Event::Dropped => FIRST_EVENT.saturating_add(2),
    }
}

/// Whether a record may be written, and how many were not since the last one.
pub(crate) fn admit_record() -> Option<u64> {
    COUNTERS.with(|cells| {
        let written = cells.records.get();
        if written < MAX_RECORDS_A_TICK {
            cells.records.set(written.saturating_add(1));
            return Some(cells.dropped.take());
        }
        cells.dropped.set(cells.dropped.get().saturating_add(1));
        bump(cells, place_of(Event::Dropped));
        None
    })
}

/// Whether this request is to be recorded even if it is allowed: one in so many is.
pub(crate) fn is_sampled(one_in: u32) -> bool {
    one_in > 0
        && COUNTERS.with(|cells| {
            let count = cells.allows.get().wrapping_add(1);
            cells.allows.set(count);
            count.checked_rem(one_in) == Some(0)
        })
}

/// The next decision's id: unlikely to come twice, and nothing more is asked of it. It ties a caller's complaint to a
/// line of the log.
pub(crate) fn next_decision() -> DecisionId {
    let count = COUNTERS.with(|cells| {
        cells.decisions.set(cells.decisions.get().wrapping_add(1));
        cells.decisions.get()
    });
    let [a, b, c, d, e, f, g, h] = host::now_ns().to_le_bytes();
    let [i, j, k, l, ..] = count.to_le_bytes();
    DecisionId(ambit_bytecode::hash::hash(0, &[a, b, c, d, e, f, g, h, i, j, k, l]))
}

fn bump(cells: &Cells, place: usize) {
    if let Some(cell) = cells.pending.get(place) {
        cell.set(cell.get().saturating_add(1));
    }
}

/// Hands what was counted to the host.
pub(crate) fn flush() {
    COUNTERS.with(|cells| {
        cells.records.set(0);
        let Ok(mut counters) = cells.counters.try_borrow_mut() else { return };
        for (place, (cell, counter)) in cells.pending.iter().zip(counters.iter_mut()).enumerate() {
            let amount = cell.get();
            if amount == 0 {
                continue;
            }
            *counter = counter.or_else(|| host::define_counter(&name(place)));
            if let Some(counter) = counter {
                host::add(*counter, amount);
                cell.set(0);
            }
        }
    });
}

/// The names of all counters, as the host is told them. Envoy's Prometheus output has `_` for `.` and `-`.
#[must_use]
pub fn names() -> Vec<String> {
    let verdicts = Code::ALL.iter().map(|code| usize::from(code.number()));
    let events = [Event::Shadow, Event::LostLineage, Event::Dropped].map(place_of);
    verdicts.chain(events).map(name).collect()
}

fn name(place: usize) -> String {
    match u8::try_from(place).ok().and_then(Code::from_number) {
        Some(Code::Allowed) => String::from("ambit.allow"),
        Some(code) => format!("ambit.deny.{}", code.word()),
        None if place == place_of(Event::Shadow) => String::from("ambit.shadow"),
        None if place == place_of(Event::LostLineage) => String::from("ambit.lineage.lost"),
        None => String::from("ambit.records.dropped"),
    }
}
