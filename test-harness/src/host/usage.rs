use std::collections::BTreeMap;

/// What callbacks cost, summed over their calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub calls: u64,
    /// Wasm instructions, those of the guest's allocator included.
    pub fuel: u64,
    /// Hostcalls by name.
    pub hostcalls: BTreeMap<&'static str, u64>,
    /// Times the host asked the guest's allocator for room.
    pub allocations: u64,
    pub allocated_bytes: u64,
    /// Bytes that the guest asked its own allocator for, those for the host included, if it exports a count of them.
    pub guest_bytes: u64,
}

/// Usage by callback.
pub(super) type Ledger = BTreeMap<&'static str, Usage>;

impl Usage {
    /// How often `hostcall` was called.
    pub fn hostcall(&self, hostcall: &str) -> u64 {
        self.hostcalls.get(hostcall).copied().unwrap_or(0)
    }

    /// All hostcalls together.
    pub fn hostcall_total(&self) -> u64 {
        self.hostcalls.values().sum()
    }

    /// What was used after `earlier`, which this has grown from.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let hostcalls = self.hostcalls.iter().map(|(name, count)| (*name, count - earlier.hostcall(name)));
        Self {
            calls: self.calls - earlier.calls,
            fuel: self.fuel - earlier.fuel,
            hostcalls: hostcalls.filter(|(_, count)| *count > 0).collect(),
            allocations: self.allocations - earlier.allocations,
            allocated_bytes: self.allocated_bytes - earlier.allocated_bytes,
            guest_bytes: self.guest_bytes - earlier.guest_bytes,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.fuel += other.fuel;
        for (name, count) in &other.hostcalls {
            *self.hostcalls.entry(name).or_default() += count;
        }
        self.allocations += other.allocations;
        self.allocated_bytes += other.allocated_bytes;
        self.guest_bytes += other.guest_bytes;
    }

    pub(super) fn total(ledger: &Ledger) -> Self {
        let mut total = Self::default();
        ledger.values().for_each(|usage| total.add(usage));
        total
    }
}
