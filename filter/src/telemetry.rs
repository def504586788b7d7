//! Counters: few names, no identities in them. Counted in memory, and handed to the host on a tick, so that a request
//! costs no host call for them.

use core::cell::{Cell, RefCell};

use ambit_bytecode::Code;
use ambit_eval::Verdict;

use crate::host::{self, Counter};

/// What can be counted: verdicts by code, and denies that shadow mode let pass.
const SHADOW: usize = 128;
const CELLS: usize = 129;

struct Cells {
    pending: [Cell<u64>; CELLS],
    /// Defined when first needed, and once a VM: the host would make a new metric of every further call.
    counters: RefCell<[Option<Counter>; CELLS]>,
}

thread_local! {
    // Counters belong to the VM, not to a policy: they go on counting across updates.
    static COUNTERS: Cells = const {
        Cells { pending: [const { Cell::new(0) }; CELLS], counters: RefCell::new([None; CELLS]) }
    };
}

/// Counts one decision.
pub(crate) fn count(verdict: &Verdict) {
    COUNTERS.with(|cells| {
        bump(cells, usize::from(verdict.code.number()));
        if verdict.shadow && !verdict.allows() {
            bump(cells, SHADOW);
        }
    });
}

fn bump(cells: &Cells, place: usize) {
    if let Some(cell) = cells.pending.get(place) {
        cell.set(cell.get().saturating_add(1));
    }
}

/// Hands what was counted to the host.
pub(crate) fn flush() {
    COUNTERS.with(|cells| {
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

fn name(place: usize) -> String {
    match u8::try_from(place).ok().and_then(Code::from_number) {
        Some(Code::Allowed) => String::from("ambit.allow"),
        Some(code) => format!("ambit.deny.{}", code.word()),
        None => String::from("ambit.shadow"),
    }
}
