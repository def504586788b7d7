//! The secret of a proxy: what makes its part of the shared store its own.
//!
//! One primitive does all of it: SipHash-2-4 with 128 bits of key and of tag, which is made for short
//! messages and is a few hundred bytes of Wasm. Uses are kept apart by their first byte.

use core::fmt;
use core::hash::Hasher as _;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// The length of a tag, in bytes.
pub(crate) const TAG_BYTES: usize = 16;

/// 16 bytes that this module's configuration carries and no one else in the proxy knows.
#[derive(Clone)]
pub struct Secret([u8; 16]);

/// What a tag is made for.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// The name of the table in the shared store.
    Name,
    /// The table itself.
    Table,
    /// A trace id, whichever header carried it.
    TraceId,
    /// A request id.
    RequestId,
    /// A peer that asks.
    Peer,
    /// A lineage that is carried.
    Lineage,
}

impl Secret {
    /// A secret of the given bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn tag(&self, purpose: Use, message: &[u8]) -> [u8; TAG_BYTES] {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write_u8(match purpose {
            Use::Name => 1,
            Use::Table => 2,
            Use::TraceId => 3,
            Use::RequestId => 4,
            Use::Peer => 5,
            Use::Lineage => 6,
        });
        hasher.write(message);
        hasher.finish128().as_bytes()
    }

    /// The first half of a tag, where only chance is to be kept out.
    pub(crate) fn short_tag(&self, purpose: Use, message: &[u8]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.tag(purpose, message);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for Secret {
    /// Nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
