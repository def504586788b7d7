//! Every bound this crate holds, in one place.

/// The largest body that is read for a decision, in bytes, where the service declares no smaller one.
pub const MAX_BODY_BYTES: u32 = ambit_bytecode::limits::MAX_BODY_BYTES;

/// Most bytes of replies that one worker holds at a time, over all replies.
pub const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;

/// Most bytes that are written to the log of a destination that is none.
pub const MAX_LOGGED_DESTINATION_BYTES: usize = 256;

/// Most templates of one reply that are looked up. More are left out.
pub const MAX_TEMPLATES: usize = 256;
