//! Every bound this crate holds, in one place.

/// The largest body that is read for a decision, in bytes: below what Envoy buffers by default (1 MiB: host facts, 4.3),
/// so that what is larger is refused here, with a code, before Envoy answers by itself.
pub const MAX_BODY_BYTES: usize = 960 * 1024;

/// Most bytes of replies that one worker holds at a time, over all replies.
pub const MAX_HELD_BYTES: usize = 2 * 1024 * 1024;

/// Most templates of one reply that are looked up. More are left out.
pub const MAX_TEMPLATES: usize = 256;
