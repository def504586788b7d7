use std::time::Duration;

/// Both clocks of the process. They move only when a test moves them.
pub(super) struct Clock {
    /// Since the proxy started. Drives ticks and the reload back-off; never goes backwards.
    pub(super) monotonic: Duration,
    /// Nanoseconds since the Unix epoch, as `proxy_get_current_time_nanoseconds` shows them. May be set to anything.
    pub(super) wall_ns: u64,
}

/// 2026-01-01T00:00:00Z.
const START_NS: u64 = 1_767_225_600_000_000_000;

impl Clock {
    pub(super) fn new() -> Self {
        Self { monotonic: Duration::ZERO, wall_ns: START_NS }
    }

    pub(super) fn move_to(&mut self, monotonic: Duration) {
        let step = monotonic.saturating_sub(self.monotonic);
        self.monotonic += step;
        let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        self.wall_ns = self.wall_ns.saturating_add(step_ns);
    }
}
