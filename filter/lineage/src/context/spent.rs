//! What was spent of the budgets: part of the table.

use alloc::vec::Vec;

use super::{Groups, Listed, Table, Trust};
use crate::budget::{Budget, Exhausted, Rate};
use crate::correlation::Ids;
use crate::limits::{MAX_HOLDERS, MAX_RATE_WINDOW_MS, MAX_ROOT_COUNTS};

/// The slots that a window and the one under way take together.
pub(super) const SLOTS: usize = 9;

/// The slots of a window.
const SLOTS_IN_WINDOW: u32 = 8;

/// In place of a root: all of them.
const ALL: u64 = 0;

/// What was spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(super) counts: Vec<Count>,
    pub(super) windows: Vec<Window>,
}

/// The calls that count for one root of one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// The holder, hashed.
    pub(super) holder: u64,
    /// The root, hashed, or [`ALL`].
    pub(super) root: u64,
    pub(super) calls: u32,
    /// When they may be forgotten.
    pub(super) until_ms: u64,
}

/// The calls of one holder in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The holder, hashed.
    pub(super) holder: u64,
    pub(super) slot_ms: u32,
    /// The number of the youngest slot, by the table's clock.
    pub(super) youngest: u64,
    /// Calls of each slot, the youngest first.
    pub(super) slots: [u32; SLOTS],
}

/// A call that is to be counted.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) ids: Ids,
    pub(crate) trust: Trust,
    /// Holders, hashed, each once.
    pub(crate) items: Vec<(u64, Budget)>,
    /// How long a root is counted after its last call.
    pub(crate) window_ms: u32,
}

impl Table {
    /// Counts a call. If a budget is used up, its place and which part: the table is then to be dropped, since some
    /// of the call is counted.
    pub(crate) fn spend(&mut self, bill: &Bill) -> Result<(), (usize, Exhausted)> {
        let roots = self.blamed(&bill.ids, bill.trust);
        let until_ms = self.clock_ms.saturating_add(u64::from(bill.window_ms));
        for (place, (holder, budget)) in bill.items.iter().enumerate() {
            if let Some(rate) = budget.rate {
                let window = self.spent.window(*holder);
                let fits = window.is_some_and(|window| window.count(rate, self.clock_ms));
                fits.then_some(()).ok_or((place, Exhausted::Window))?;
            }
            if let Some(most) = budget.per_root {
                let fits = self.spent.count(*holder, &roots, until_ms, most);
                fits.then_some(()).ok_or((place, Exhausted::Root))?;
            }
        }
        Ok(())
    }

    /// The roots of the requests on whose behalf a call may be made, with [`ALL`] if there are some that are not
    /// listed.
    fn blamed(&self, ids: &Ids, trust: Trust) -> Vec<u64> {
        let is_meant = |listed: &Listed| {
            listed.state.limits_at(self.clock_ms)
                && (trust == Trust::Nothing
                    || ids.as_slice().iter().any(|id| listed.ids.as_slice().contains(id)))
        };
        let mut roots = Vec::new();
        let mut groups = Groups::default();
        for listed in self.listed.iter().filter(|listed| is_meant(listed)) {
            groups.insert(listed.group);
            if !roots.contains(&listed.work) {
                roots.push(listed.work);
            }
        }
        if trust == Trust::Ids && roots.is_empty() {
            return self.blamed(&Ids::none(), Trust::Nothing);
        }
        let active = self.active(self.clock_ms);
        for place in (0_u8..32).filter(|place| active.has(*place)) {
            let is_crowded = self.crowds.iter().any(|crowd| crowd.group == place);
            let tag = self.tag_of(place);
            let is_meant =
                trust == Trust::Nothing || ids.as_slice().iter().any(|id| self.filter.has(*id, tag));
            if is_meant && (is_crowded || !groups.has(place)) && !roots.contains(&ALL) {
                roots.push(ALL);
            }
        }
        roots
    }

    /// Forgets what is over. In quarantine it is not known yet which roots still have a request.
    pub(super) fn drop_old_spent(&mut self) {
        let clock_ms = self.clock_ms;
        let is_incomplete = self.is_quarantined();
        let Self { spent, listed, crowds, .. } = self;
        spent.counts.retain(|count| {
            let is_listed =
                || listed.iter().any(|one| one.work == count.root && one.state.limits_at(clock_ms));
            is_incomplete || count.until_ms > clock_ms || !crowds.is_empty() || is_listed()
        });
        spent.windows.retain_mut(|window| {
            window.roll(window.slot_at(clock_ms));
            window.calls() > 0
        });
    }

    /// Keeps what was counted for a root that has just lost a request, or for all where it is not known which.
    pub(super) fn keep_spent(&mut self, root: Option<u64>, until_ms: u64) {
        for count in &mut self.spent.counts {
            if root.is_none_or(|root| count.root == root) {
                count.until_ms = count.until_ms.max(until_ms);
            }
        }
    }
}

impl Spent {
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.windows.is_empty()
    }

    /// Takes in what another worker saw. Both saw the same calls, and one of them perhaps more.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for theirs in &other.counts {
            if let Some(ours) = self.count_of(theirs.holder, theirs.root) {
                ours.calls = ours.calls.max(theirs.calls);
                ours.until_ms = ours.until_ms.max(theirs.until_ms);
            }
        }
        for theirs in &other.windows {
            if let Some(ours) = self.window(theirs.holder) {
                ours.absorb(*theirs);
            }
        }
    }

    /// Counts a call for its roots, and says whether none of them has more than `most` now.
    fn count(&mut self, holder: u64, roots: &[u64], until_ms: u64, most: u32) -> bool {
        let mut counts_for_all = false;
        for root in roots {
            let Some(count) = self.count_of(holder, *root) else { return false };
            count.calls = count.calls.saturating_add(1);
            count.until_ms = count.until_ms.max(until_ms);
            counts_for_all |= count.root == ALL;
        }
        let of_holder = || self.counts.iter().filter(|count| count.holder == holder);
        let for_all = of_holder().find(|count| count.root == ALL).map_or(0, |count| count.calls);
        of_holder().filter(|count| counts_for_all || roots.contains(&count.root)).all(|count| {
            let others = if count.root == ALL { 0 } else { for_all };
            count.calls.saturating_add(others) <= most
        })
    }

    /// The count of a root, or of all if there is no room for one of its own; `None` if there is none for that.
    fn count_of(&mut self, holder: u64, root: u64) -> Option<&mut Count> {
        let place = |root| self.counts.iter().position(|count| count.holder == holder && count.root == root);
        let (mut found, mut root) = (place(root), root);
        if found.is_none() && self.counts.len() >= MAX_ROOT_COUNTS {
            (found, root) = (place(ALL), ALL);
        }
        let room = MAX_ROOT_COUNTS.saturating_add(MAX_HOLDERS);
        if found.is_none() && self.counts.len() < room {
            self.counts.push(Count { holder, root, calls: 0, until_ms: 0 });
            return self.counts.last_mut();
        }
        self.counts.get_mut(found?)
    }

    fn window(&mut self, holder: u64) -> Option<&mut Window> {
        let found = self.windows.iter().position(|window| window.holder == holder);
        if found.is_none() && self.windows.len() < MAX_HOLDERS {
            self.windows.push(Window { holder, slot_ms: 0, youngest: 0, slots: [0; SLOTS] });
            return self.windows.last_mut();
        }
        self.windows.get_mut(found?)
    }
}

impl Window {
    /// Counts a call, if the window has not had all its calls.
    fn count(&mut self, rate: Rate, clock_ms: u64) -> bool {
        let window_ms = rate.window_ms.clamp(SLOTS_IN_WINDOW, MAX_RATE_WINDOW_MS);
        let slot_ms = window_ms.div_ceil(SLOTS_IN_WINDOW);
        let counted = Self { slot_ms, youngest: 0, slots: [0; SLOTS], ..*self };
        let counted = Self { youngest: counted.slot_at(clock_ms), ..counted };
        let before = core::mem::replace(self, counted);
        self.absorb(before);
        if self.calls() >= rate.calls {
            return false;
        }
        self.add_to_youngest(1);
        true
    }

    fn slot_at(&self, clock_ms: u64) -> u64 {
        clock_ms.checked_div(u64::from(self.slot_ms)).unwrap_or(0)
    }

    /// Lets time pass until this slot is the youngest, if it has not yet.
    fn roll(&mut self, slot: u64) {
        while self.youngest < slot && self.calls() > 0 {
            self.slots.rotate_right(1);
            if let Some(youngest) = self.slots.first_mut() {
                *youngest = 0;
            }
            self.youngest = self.youngest.saturating_add(1);
        }
        self.youngest = self.youngest.max(slot);
    }

    fn calls(&self) -> u32 {
        self.slots.iter().fold(0, |sum, calls| sum.saturating_add(*calls))
    }

    fn add_to_youngest(&mut self, calls: u32) {
        if let Some(youngest) = self.slots.first_mut() {
            *youngest = youngest.saturating_add(calls);
        }
    }

    /// Takes in the calls of one who saw the same of them, or more, or fewer.
    fn absorb(&mut self, mut other: Self) {
        if self.slot_ms == other.slot_ms {
            self.roll(other.youngest);
            other.roll(self.youngest);
            for (ours, theirs) in self.slots.iter_mut().zip(other.slots) {
                *ours = (*ours).max(theirs);
            }
        } else {
            // One of them is of a policy that has been replaced: its calls count as if they were made now.
            let calls = other.calls().saturating_sub(self.calls());
            self.add_to_youngest(calls);
        }
    }
}

const _: () = assert!(MAX_HOLDERS < 256 && MAX_ROOT_COUNTS < 1 << 15, "counts are 16 bits");
