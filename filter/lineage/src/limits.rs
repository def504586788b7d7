//! Every bound of this crate.

/// The longest `x-ambit-lineage` value read or written, in bytes.
pub const MAX_HEADER_BYTES: usize = 4096;

/// The most members of one lineage, claims included. The peer that sends a request is not counted: it
/// speaks for itself on the connection.
pub const MAX_MEMBERS: usize = 16;

/// The greatest depth of one lineage; a chain's depth is its length, so this equals [`MAX_MEMBERS`].
pub const MAX_DEPTH: u8 = 16;

/// The most missions of one lineage.
pub const MAX_MISSIONS: usize = 4;

/// The longest name of a mission, in bytes.
pub const MAX_MISSION_BYTES: usize = 64;

/// The longest root id, in bytes. A UUID has 36, a trace id 32.
pub const MAX_ROOT_BYTES: usize = 64;

/// The longest principal, in bytes (SPIFFE-ID section 2.3).
pub const MAX_PRINCIPAL_BYTES: usize = 2048;

/// The longest trust domain, in bytes (SPIFFE-ID section 2.1).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// The longest `x-request-id` used to tie calls together, in bytes.
pub const MAX_REQUEST_ID_BYTES: usize = 128;

/// The most correlation ids of one request: `traceparent`, `x-request-id`, B3.
pub const MAX_IDS: usize = 3;

/// The most live contexts of a proxy whose ids are listed. More are counted with their lineage, and
/// their ids are kept in the filter of ids.
pub const MAX_LISTED: usize = 256;

/// The most contexts of a proxy that ended and are still listed.
pub const MAX_LISTED_ENDED: usize = 64;

/// The most live contexts of one worker; a request beyond is refused.
pub const MAX_LIVE_PER_WORKER: usize = 2048;

/// The most bytes of lineages that one worker keeps for its live contexts; a request beyond is refused.
pub const MAX_BYTES_PER_WORKER: usize = 512 * 1024;

/// The most lineages told apart in the table of a proxy. More share a place, merged.
pub const MAX_GROUPS: usize = 32;

/// The most places that the lineages of one asking peer take in the table, so that a peer which makes
/// up lineages runs out of its own places and not of everyone's.
pub const MAX_GROUPS_PER_PEER: usize = 8;

/// The most bytes that they take, for the same reason.
pub const MAX_GROUP_BYTES_PER_PEER: usize = 8 * 1024;

/// The most bytes of lineages in the table of a proxy.
pub const MAX_GROUP_BYTES: usize = 32 * 1024;

/// The most workers with live contexts in one proxy.
pub const MAX_OWNERS: usize = 128;

/// The bits that one id should have in the filter of ids; with three of them set, it then errs once in
/// two hundred times.
pub const FILTER_BITS_PER_ID: usize = 16;

/// The fewest bytes of a generation of the filter of ids.
pub const MIN_GENERATION_BYTES: usize = 1024;

/// The most bytes of a generation of the filter of ids.
pub const MAX_GENERATION_BYTES: usize = 8192;

/// The most generations of the filter of ids.
pub const MAX_GENERATIONS: usize = 8;

/// The most bytes of the filter of ids: enough for 8,000 ids. With more it errs more often, and then
/// calls are limited by more lineages than they have to be.
pub const MAX_FILTER_BYTES: usize = 16 * 1024;

/// The most holders of budgets that a table keeps count for: the agent, and missions. A call under another is
/// denied.
pub const MAX_HOLDERS: usize = 32;

/// The most counts by root that a table keeps, of all holders together. A call that finds no place among them
/// counts for all roots.
pub const MAX_ROOT_COUNTS: usize = 256;

/// The longest window of a rate, in milliseconds: an hour.
pub const MAX_RATE_WINDOW_MS: u32 = 3_600_000;

/// How long a context limits after its last response, in milliseconds, unless policy says otherwise.
pub const DEFAULT_WINDOW_MS: u32 = 30_000;

/// The longest such time that policy may set, in milliseconds.
pub const MAX_WINDOW_MS: u32 = 600_000;

/// How often each worker must call [`tick`](crate::shared::Contexts::tick), in milliseconds.
pub const TICK_MS: u64 = 5_000;

/// The most that the table's clock goes forward at once, in milliseconds, whatever the host's clock says.
pub const MAX_CLOCK_STEP_MS: u64 = 10_000;

/// How old the last sign of life of a worker with live contexts may be before it gives another, in
/// milliseconds.
pub const BEAT_MS: u64 = 60_000;

/// How long a worker with live contexts may be silent before it is taken for dead, in milliseconds.
pub const DEAD_AFTER_MS: u64 = 300_000;

/// How often a write to the shared store is tried again when another worker was faster.
pub const MAX_STORE_TRIES: usize = 16;
