//! Every limit of the simulated host, with its source.

use std::time::Duration;

/// Longest list of pairs that the guest may hand over; a longer one counts as empty (cpp-host `limits.h`).
pub(super) const MAX_PAIRS_BYTES: usize = 1024 * 1024;

/// Most pairs that the guest may hand over; more count as none (cpp-host `limits.h`).
pub(super) const MAX_PAIRS: usize = 1024;

/// Largest linear memory of a VM (cpp-host `limits.h`).
pub const MAX_MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// What a stream may buffer before Envoy itself answers 413: the default limit of an HTTP/1 connection. HTTP/2
/// streams have their initial window instead, 16 MiB by default.
pub const DEFAULT_BUFFER_LIMIT: usize = 1024 * 1024;

/// Least time between two loads of a VM under `FAIL_RELOAD`. Envoy adds jitter; the simulated host does not.
pub const RELOAD_BACKOFF: Duration = Duration::from_secs(1);

/// Instructions that one callback may spend. Envoy has no such limit and would hang; here the VM fails instead, so
/// that a test of a runaway loop ends.
pub const FUEL_PER_CALL: u64 = 2_000_000_000;
