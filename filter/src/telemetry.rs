//! Metrics: few names, no identities in them. Counted in memory, and handed to the host on a tick, so that a request
//! costs no host call for them.
//!
//! The host has one metric of a name for all VMs of the proxy. What they count adds up; of a gauge it has what the VM says
//! that ticked last. So a VM says one thing only, whatever the number of configurations in it, and says it on every tick:
//! while workers disagree, the gauge goes back and forth between what they say.

use core::cell::{Cell, RefCell};

use ambit_bytecode::Code;
use ambit_eval::Verdict;

use crate::host::{self, Metric};
use crate::in_force;
use crate::limits::MAX_RECORDS_A_TICK;
use crate::record::DecisionId;

/// What there is a number of: verdicts by code, after them events, and after those what gauges show.
const FIRST_EVENT: usize = 128;
const FIRST_GAUGE: usize = 132;
const CELLS: usize = 135;

/// The names of what is no verdict, as it follows.
const NAMES: [&str; 7] = [
    "shadow",
    "lineage.lost",
    "records.dropped",
    "steps",
    "policy.generation",
    "policy.since",
    "policy.until",
];

/// What is counted besides verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Shadow mode let a deny pass.
    Shadow,
    /// A call of the application could not be tied to one request.
    LostLineage,
    /// A decision was not recorded, because there were too many.
    Dropped,
    /// A step of a judgement.
    Step,
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
    metrics: RefCell<[Option<Metric>; CELLS]>,
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
            metrics: RefCell::new([None; CELLS]),
        }
    };
}

/// Counts one decision.
pub(crate) fn count(verdict: &Verdict) {
    COUNTERS.with(|cells| {
        bump(cells, usize::from(verdict.code.number()), 1);
        if verdict.shadow && !verdict.allows() {
            bump(cells, place_of(Event::Shadow), 1);
        }
    });
}

/// Counts a deny that no program judged.
pub(crate) fn count_code(code: Code) {
    COUNTERS.with(|cells| bump(cells, usize::from(code.number()), 1));
}

/// Counts an event.
pub(crate) fn count_event(event: Event) {
    COUNTERS.with(|cells| bump(cells, place_of(event), 1));
}

/// Counts the steps of a judgement, whether or not it is the one that decides: a request may be judged again as its body
/// comes, and a list for each of its entries.
pub(crate) fn count_steps(verdict: &Verdict) {
    COUNTERS.with(|cells| bump(cells, place_of(Event::Step), u64::from(verdict.steps)));
}

const fn place_of(event: Event) -> usize {
    match event {
        Event::Shadow => FIRST_EVENT,
        Event::LostLineage => FIRST_EVENT.saturating_add(1),
        Event::Dropped => FIRST_EVENT.saturating_add(2),
        Event::Step => FIRST_EVENT.saturating_add(3),
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
        bump(cells, place_of(Event::Dropped), 1);
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

fn bump(cells: &Cells, place: usize, by: u64) {
    if let Some(cell) = cells.pending.get(place) {
        cell.set(cell.get().saturating_add(by));
    }
}

/// Hands what was counted to the host, and what is in force.
pub(crate) fn flush() {
    COUNTERS.with(|cells| {
        cells.records.set(0);
        let [.., generation, since, until] = &cells.pending;
        let shown = in_force::shown();
        generation.set(shown.generation);
        since.set(shown.since);
        until.set(shown.until);
        let Ok(mut metrics) = cells.metrics.try_borrow_mut() else { return };
        for (place, (cell, metric)) in cells.pending.iter().zip(metrics.iter_mut()).enumerate() {
            let is_gauge = place >= FIRST_GAUGE;
            let amount = cell.get();
            // What was shown once and is no more, such as the end of a policy, has to be taken back.
            if amount == 0 && (metric.is_none() || !is_gauge) {
                continue;
            }
            *metric = metric.or_else(|| host::define_metric(is_gauge, &name(place)));
            let Some(metric) = *metric else { continue };
            if is_gauge {
                host::set(metric, amount);
            } else {
                host::add(metric, amount);
                cell.set(0);
            }
        }
    });
}

/// The names of all metrics, as the host is told them. Envoy's Prometheus output has `_` for `.` and `-`.
#[must_use]
pub fn names() -> Vec<String> {
    let verdicts = Code::ALL.iter().map(|code| usize::from(code.number()));
    verdicts.chain(FIRST_EVENT..CELLS).map(name).collect()
}

fn name(place: usize) -> String {
    let (kind, word) = match u8::try_from(place).ok().and_then(Code::from_number) {
        Some(Code::Allowed) => ("", "allow"),
        Some(code) => ("deny.", code.word()),
        None => {
            ("", place.checked_sub(FIRST_EVENT).and_then(|place| NAMES.get(place)).copied().unwrap_or(""))
        }
    };
    format!("ambit.{kind}{word}")
}
