//! Every limit of the format, in one place. Counts are checked against these before anything is read by them.

/// The longest blob, in bytes. A plugin configuration that is larger does not fit the API server (host facts, 2.1).
pub const MAX_BLOB_BYTES: usize = 1 << 20;
/// The most members of a lineage before the caller.
pub const MAX_MEMBERS: usize = 16;
/// The most missions that one lineage may ride under.
pub const MAX_MISSIONS: usize = 4;
/// The most elements of a list that a quantifier or `in` looks at.
pub const MAX_LIST: u32 = 64;
/// The deepest stack that a condition may need.
pub const MAX_STACK: usize = 16;
/// The deepest nesting of quantifiers.
pub const MAX_NESTING: usize = 2;
/// The most trust domains of a mesh.
pub const MAX_TRUST_DOMAINS: usize = 16;
/// The most effect labels.
pub const MAX_EFFECTS: usize = 64;
/// The most columns, or arms, that rows name by one byte each.
pub const MAX_NARROW_IDS: u16 = 255;
/// The longest condition, in bytes of code.
pub const MAX_CODE_BYTES: usize = 1 << 14;
/// The most steps that a condition may stamp.
pub const MAX_CONDITION_STEPS: u32 = 1 << 16;
/// The most steps that a blob may stamp for one judgement.
pub const MAX_STEPS: u32 = 1 << 20;
/// The most digits of a number's coefficient, so that it fits an `i64`.
pub const MAX_DIGITS: u32 = 18;
/// The largest exponent of a number, and, negated, the smallest.
pub const MAX_EXPONENT: i16 = 64;
/// The largest body that a service may take, in bytes, if policy is to read it: below what Envoy buffers by default
/// (1 MiB: host facts, 4.3), so that what is larger is refused with a code before Envoy answers by itself.
pub const MAX_BODY_BYTES: u32 = 960 << 10;
/// The most sections of a blob.
pub const MAX_SECTIONS: usize = 32;
/// The most fields that the conditions of one blob read.
pub const MAX_FIELDS: usize = 1024;
/// The most keys on the way to a body field.
pub const MAX_KEYS: usize = 16;
