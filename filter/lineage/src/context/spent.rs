//! What was spent of the budgets: part of the table.

use alloc::vec::Vec;

use super::{Groups, Table, Trust, small};
use crate::budget::{Budget, Exhausted, Rate};
use crate::correlation::Ids;
use crate::limits::{MAX_ACCOUNTS, MAX_RATE_WINDOW_MS, MAX_ROOT_COUNTS};

/// The slots that a window and the one under way take together.
pub(super) const SLOTS: usize = 9;

/// The slots of a window.
const SLOTS_IN_WINDOW: u32 = 8;

/// What was spent, by holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(super) accounts: Vec<Account>,
}

/// What was spent of one holder's budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The holder, hashed.
    pub(super) holder: u64,
    pub(super) roots: Vec<RootCount>,
    /// Calls that count for every root.
    pub(super) rest: Count,
    pub(super) slot_ms: u32,
    /// The number of the youngest slot, by the table's clock.
    pub(super) youngest: u64,
    /// Calls of each slot, the youngest first.
    pub(super) slots: [u32; SLOTS],
}

/// The calls for one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RootCount {
    /// The root, hashed.
    pub(super) root: u64,
    pub(super) count: Count,
}

/// A number of calls, and when it may be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) calls: u32,
    pub(super) until_ms: u64,
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

/// What a call is counted for.
struct Blamed {
    /// Roots, each once.
    roots: Vec<u64>,
    /// And perhaps for others that are not listed.
    others: bool,
}

impl Table {
    /// Counts a call, for all of its budgets or for none: the place of the budget that is used up, and which part.
    pub(crate) fn spend(&mut self, bill: &Bill) -> Result<(), (usize, Exhausted)> {
        let blamed = self.blamed(&bill.ids, bill.trust);
        let until_ms = self.clock_ms.saturating_add(u64::from(bill.window_ms));
        let mut spent = self.spent.clone();
        for (place, (holder, budget)) in bill.items.iter().enumerate() {
            if let Some(rate) = budget.rate {
                spent
                    .account(*holder)
                    .and_then(|account| account.count_in_window(rate, self.clock_ms))
                    .ok_or((place, Exhausted::Window))?;
            }
            if let Some(most) = budget.per_root {
                spent.count_roots(*holder, most, &blamed, until_ms).ok_or((place, Exhausted::Root))?;
            }
        }
        self.spent = spent;
        Ok(())
    }

    /// The requests on whose behalf a call may be made, by their roots.
    fn blamed(&self, ids: &Ids, trust: Trust) -> Blamed {
        let known = || self.listed.iter().filter(|listed| listed.state.limits_at(self.clock_ms));
        let has_id = |other: &Ids| ids.as_slice().iter().any(|id| other.as_slice().contains(id));
        let is_found = trust == Trust::Ids && known().any(|listed| has_id(&listed.ids));
        let mut blamed = Blamed { roots: Vec::new(), others: false };
        let mut groups = Groups::default();
        for listed in known().filter(|listed| !is_found || has_id(&listed.ids)) {
            groups.insert(listed.group);
            if !blamed.roots.contains(&listed.work) {
                blamed.roots.push(listed.work);
            }
        }
        let active = self.active(self.clock_ms);
        let crowded = |place: usize| self.crowds.iter().any(|crowd| usize::from(crowd.group) == place);
        for (place, group) in self.groups.iter().enumerate().filter(|(place, _)| active.has_place(*place)) {
            let is_new = !groups.has(small(place)) || crowded(place);
            let is_meant = !is_found
                || group
                    .as_ref()
                    .is_some_and(|group| ids.as_slice().iter().any(|id| self.filter.has(*id, group.tag)));
            blamed.others |= is_new && is_meant;
        }
        blamed
    }

    /// Forgets what is over.
    pub(super) fn drop_old_spent(&mut self) {
        let clock_ms = self.clock_ms;
        let Self { spent, listed, crowds, .. } = self;
        let is_over = |count: &Count| count.until_ms <= clock_ms && crowds.is_empty();
        for account in &mut spent.accounts {
            account.roots.retain(|root| {
                !is_over(&root.count)
                    || listed.iter().any(|one| one.work == root.root && one.state.limits_at(clock_ms))
            });
            if is_over(&account.rest) {
                account.rest = Count::default();
            }
            account.roll(clock_ms);
        }
        spent.accounts.retain(|account| !account.is_idle());
    }

    /// Keeps what was counted for a root that has just lost a request, or for all where it is not known which.
    pub(super) fn keep_spent(&mut self, root: Option<u64>, until_ms: u64) {
        for account in &mut self.spent.accounts {
            for count in account.roots.iter_mut().filter(|count| root.is_none_or(|root| count.root == root)) {
                count.count.until_ms = count.count.until_ms.max(until_ms);
            }
        }
    }
}

impl Spent {
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Takes in what another worker saw. Both saw the same calls, and one of them perhaps more.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for theirs in &other.accounts {
            let Some(ours) = self.accounts.iter_mut().find(|ours| ours.holder == theirs.holder) else {
                if self.accounts.len() < MAX_ACCOUNTS {
                    self.accounts.push(theirs.clone());
                }
                continue;
            };
            ours.rest = ours.rest.max(theirs.rest);
            for root in &theirs.roots {
                match ours.roots.iter_mut().find(|one| one.root == root.root) {
                    Some(one) => one.count = one.count.max(root.count),
                    None => ours.roots.push(*root),
                }
            }
            ours.absorb_slots(theirs);
        }
        // What has no room counts for all.
        let mut room = MAX_ROOT_COUNTS;
        for account in &mut self.accounts {
            while account.roots.len() > room {
                if let Some(root) = account.roots.pop() {
                    account.rest.calls = account.rest.calls.saturating_add(root.count.calls);
                    account.rest.until_ms = account.rest.until_ms.max(root.count.until_ms);
                }
            }
            room = room.saturating_sub(account.roots.len());
        }
    }

    fn account(&mut self, holder: u64) -> Option<&mut Account> {
        let place = match self.accounts.iter().position(|account| account.holder == holder) {
            Some(place) => place,
            None if self.accounts.len() < MAX_ACCOUNTS => {
                self.accounts.push(Account::new(holder));
                self.accounts.len().saturating_sub(1)
            }
            None => return None,
        };
        self.accounts.get_mut(place)
    }

    /// Counts a call for its roots; `None` if one of them has had `most` calls.
    fn count_roots(&mut self, holder: u64, most: u32, blamed: &Blamed, until_ms: u64) -> Option<()> {
        let counted = self.accounts.iter().fold(0, |sum: usize, one| sum.saturating_add(one.roots.len()));
        let mut room = MAX_ROOT_COUNTS.saturating_sub(counted);
        let account = self.account(holder)?;
        let mut others = blamed.others;
        for root in &blamed.roots {
            match account.roots.iter_mut().find(|one| one.root == *root) {
                Some(one) => one.count.add(until_ms),
                None if room > 0 => {
                    room = room.saturating_sub(1);
                    let mut count = Count::default();
                    count.add(until_ms);
                    account.roots.push(RootCount { root: *root, count });
                }
                None => others = true,
            }
        }
        if others {
            account.rest.add(until_ms);
        }
        let mut roots = account.roots.iter().filter(|one| others || blamed.roots.contains(&one.root));
        let fits = |calls: u32| calls.saturating_add(account.rest.calls) <= most;
        let is_blamed = others || !blamed.roots.is_empty();
        (!is_blamed || (fits(0) && roots.all(|one| fits(one.count.calls)))).then_some(())
    }
}

impl Account {
    const fn new(holder: u64) -> Self {
        Self {
            holder,
            roots: Vec::new(),
            rest: Count { calls: 0, until_ms: 0 },
            slot_ms: 0,
            youngest: 0,
            slots: [0; SLOTS],
        }
    }

    fn is_idle(&self) -> bool {
        self.roots.is_empty() && self.rest.calls == 0 && self.slots == [0; SLOTS]
    }

    /// Counts a call for the window; `None` if it has had all its calls.
    fn count_in_window(&mut self, rate: Rate, clock_ms: u64) -> Option<()> {
        let window_ms = rate.window_ms.clamp(SLOTS_IN_WINDOW, MAX_RATE_WINDOW_MS);
        let slot_ms = window_ms.div_ceil(SLOTS_IN_WINDOW);
        if slot_ms != self.slot_ms {
            // The policy changed. What was counted before counts as if it were now.
            self.roll(clock_ms);
            let calls = self.in_window();
            self.slot_ms = slot_ms;
            self.youngest = self.slot_at(clock_ms);
            self.slots = [0; SLOTS];
            if let Some(youngest) = self.slots.first_mut() {
                *youngest = calls;
            }
        }
        self.roll(clock_ms);
        if self.in_window() >= rate.calls {
            return None;
        }
        let youngest = self.slots.first_mut()?;
        *youngest = youngest.saturating_add(1);
        Some(())
    }

    fn slot_at(&self, clock_ms: u64) -> u64 {
        clock_ms.checked_div(u64::from(self.slot_ms)).unwrap_or(0)
    }

    /// Lets time pass.
    fn roll(&mut self, clock_ms: u64) {
        let slot = self.slot_at(clock_ms);
        while self.youngest < slot && self.slots != [0; SLOTS] {
            self.slots.rotate_right(1);
            if let Some(youngest) = self.slots.first_mut() {
                *youngest = 0;
            }
            self.youngest = self.youngest.saturating_add(1);
        }
        self.youngest = self.youngest.max(slot);
    }

    fn in_window(&self) -> u32 {
        self.slots.iter().fold(0, |sum, calls| sum.saturating_add(*calls))
    }

    /// Takes in the slots of one who saw the same calls, or more, or fewer.
    fn absorb_slots(&mut self, other: &Self) {
        if self.slot_ms != other.slot_ms {
            // One of them is of a policy that has been replaced.
            let calls = self.in_window().max(other.in_window());
            if let Some(youngest) = self.slots.first_mut() {
                *youngest = (*youngest).max(calls);
            }
            return;
        }
        let mut theirs = other.clone();
        let youngest = self.youngest.max(other.youngest);
        for account in [&mut *self, &mut theirs] {
            account.roll(youngest.saturating_mul(u64::from(account.slot_ms)));
        }
        for (ours, theirs) in self.slots.iter_mut().zip(theirs.slots) {
            *ours = (*ours).max(theirs);
        }
    }
}

impl Count {
    fn add(&mut self, until_ms: u64) {
        self.calls = self.calls.saturating_add(1);
        self.until_ms = self.until_ms.max(until_ms);
    }

    fn max(self, other: Self) -> Self {
        Self { calls: self.calls.max(other.calls), until_ms: self.until_ms.max(other.until_ms) }
    }
}
