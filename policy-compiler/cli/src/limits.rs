//! Every bound that the command holds, in one place.

/// The most policy files of one command.
pub(crate) const MAX_FILES: usize = 100_000;
/// The deepest nesting of directories below one that is named.
pub(crate) const MAX_DIRECTORY_DEPTH: usize = 32;
/// The longest span map that is read beside a blob, in bytes.
pub(crate) const MAX_SPAN_MAP_BYTES: u64 = 256 << 20;
/// The longest manifest of an earlier render that is read, in bytes.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// The most ways through a mesh that are looked at, shortest first.
pub(crate) const MAX_WAYS: usize = 20_000;
/// The most questions that are asked of sidecars about them.
pub(crate) const MAX_QUESTIONS: usize = 200_000;
/// The longest circle of agents that is looked for.
pub(crate) const MAX_CIRCLE_LENGTH: usize = 6;
/// The most circles of agents that are told.
pub(crate) const MAX_CIRCLES: usize = 1_000;
/// The most lines of one kind that people are shown of what was found.
pub(crate) const MAX_LISTED: usize = 200;
/// The most agents that are drawn.
pub(crate) const MAX_DRAWN: usize = 150;
/// The longest line of a log that is read, in bytes: a longer one is left out.
pub(crate) const MAX_LOG_LINE_BYTES: u64 = 1 << 20;
/// How much of a log is read at a time, in bytes.
pub(crate) const LOG_BUFFER_BYTES: usize = 1 << 20;
/// How much of a log is replayed at a time by one thread, in bytes.
pub(crate) const REPLAY_BATCH_BYTES: usize = 1 << 20;
/// The longest key file, in bytes.
pub(crate) const MAX_KEY_BYTES: u64 = 4096;
