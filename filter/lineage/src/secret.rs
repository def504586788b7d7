//! The secret of a proxy: what makes its part of the shared store its own.
//!
//! One primitive does all of it: SipHash-2-4 with 128 bits of key and of tag, which is made for short
//! messages and is a few hundred bytes of Wasm.

use core::fmt;
use core::hash::Hasher as _;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// The length of a tag, in bytes.
pub(crate) const TAG_BYTES: usize = 16;

/// What says of bytes that someone who knows the secret wrote them.
pub(crate) type Tag = [u8; TAG_BYTES];

/// 16 bytes that this module's configuration carries and no one else in the proxy knows.
///
/// They must be the same for all roles and workers of a proxy, and stay the same as long as it runs,
/// whatever else of the configuration changes: VMs with different secrets do not see each other's contexts.
/// [`Contexts::install`](crate::shared::Contexts::install) refuses a second secret. Drawn at random for each
/// workload they need no rotation; to change them, restart its pods.
#[derive(Clone)]
pub struct Secret {
    keys: [[u8; TAG_BYTES]; USES],
}

/// What a tag is made for.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// The name of the table in the shared store.
    Name,
    /// The table itself.
    Table,
    /// A generation of the filter of ids in it.
    Generation,
    /// A trace id, whichever header carried it.
    TraceId,
    /// A request id.
    RequestId,
    /// A peer that asks.
    Peer,
    /// A lineage that is carried.
    Lineage,
    /// The secret itself, for others to compare.
    Fingerprint,
    /// A root id and who began it.
    Root,
    /// The holder of a budget.
    Holder,
    /// What a table is built with.
    Built,
    /// A field of a request, for records.
    Field,
}

/// The number of uses.
const USES: usize = 12;

impl Secret {
    /// A secret of the given bytes.
    #[must_use]
    pub fn new(bytes: [u8; TAG_BYTES]) -> Self {
        // A key for each use, so that no tag of one is a tag of another.
        let mut place = 0_u8;
        let keys = [(); USES].map(|()| {
            place = place.saturating_add(1);
            sip(&bytes, &[place])
        });
        Self { keys }
    }

    pub(crate) fn tag(&self, purpose: Use, message: &[u8]) -> Tag {
        let [
            name,
            table,
            trace_id,
            request_id,
            peer,
            lineage,
            fingerprint,
            root,
            holder,
            built,
            field,
            generation,
        ] = &self.keys;
        let key = match purpose {
            Use::Name => name,
            Use::Table => table,
            Use::Generation => generation,
            Use::TraceId => trace_id,
            Use::RequestId => request_id,
            Use::Peer => peer,
            Use::Lineage => lineage,
            Use::Fingerprint => fingerprint,
            Use::Root => root,
            Use::Holder => holder,
            Use::Built => built,
            Use::Field => field,
        };
        sip(key, message)
    }

    /// What stands for a field of a request where the field itself is not to be seen: equal fields have equal digests,
    /// and without the secret nothing can be told from one.
    #[must_use]
    pub fn field_digest(&self, field: &[u8]) -> u64 {
        self.short_tag(Use::Field, field)
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

fn sip(key: &[u8; 16], message: &[u8]) -> Tag {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(message);
    hasher.finish128().as_bytes()
}
