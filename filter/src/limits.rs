//! Every bound this crate holds, in one place.

/// The largest body that is read for a decision, in bytes, where the service declares no smaller one.
pub const MAX_BODY_BYTES: u32 = ambit_bytecode::limits::MAX_BODY_BYTES;

/// Most bytes of replies that one worker holds at a time, over all replies.
pub const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;

/// Most bytes that are written to the log of a destination that is none.
pub const MAX_LOGGED_DESTINATION_BYTES: usize = 256;

/// The longest value of a field that a record shows as it is, and the most of a key, in bytes.
pub const MAX_SHOWN_BYTES: usize = 256;

/// The longest list whose elements a record shows: a longer one is not looked into by conditions either.
pub const MAX_SHOWN_ELEMENTS: u32 = 64;

/// About how many bytes a record says of fields: the last of them may go beyond.
pub const MAX_EVIDENCE_BYTES: usize = 4096;

/// The most records that a worker writes between two ticks. What comes after is counted.
pub const MAX_RECORDS_A_TICK: u32 = 200;

/// Most templates of one reply that are looked up. More are left out.
pub const MAX_TEMPLATES: usize = 256;
