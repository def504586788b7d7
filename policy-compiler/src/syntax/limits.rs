//! Every bound the front end holds, in one place. What is larger is refused with a diagnostic, never read in part.

/// Longest policy file, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 << 20;
/// Deepest nesting of a YAML document.
pub const MAX_YAML_DEPTH: usize = 32;
/// Most YAML values in one file.
pub const MAX_YAML_NODES: usize = 8_000_000;
/// Most diagnostics of one check; the rest is counted, not shown.
pub const MAX_DIAGNOSTICS: usize = 200;
/// The largest number of calls in a budget.
pub const MAX_BUDGET: i64 = 1_000_000_000;
/// The shortest and the longest window of a budget, in milliseconds.
pub const BUDGET_WINDOW_MS: (u64, u64) = (1_000, 3_600_000);
/// The longest window of a lineage, in milliseconds.
pub const MAX_LINEAGE_WINDOW_MS: u64 = 600_000;
/// Longest name of an agent, service, mission or toolset, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Longest name of an action, in bytes: an MCP tool name may have 128.
pub const MAX_ACTION_NAME_BYTES: usize = 128;
/// Longest key selector of an action, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// Longest path pattern, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// Most segments of a path pattern.
pub const MAX_PATH_SEGMENTS: usize = 64;
/// Longest SPIFFE id, in bytes (SPIFFE-ID section 2.3).
pub const MAX_SPIFFE_BYTES: usize = 2048;
/// Longest trust domain, in bytes (SPIFFE-ID section 2.1).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;
/// Most trust domains of a mesh.
pub const MAX_TRUST_DOMAINS: usize = 16;
/// Most effect labels in one policy: a set of them is one 64-bit word.
pub const MAX_EFFECTS: usize = 64;
/// Most missions with a budget: a sidecar takes 64 budgets, and one is its agent's own.
pub const MAX_BUDGETED_MISSIONS: usize = 63;
/// Most identities that are patterns, in one policy: each pair of them is compared.
pub const MAX_IDENTITY_PATTERNS: usize = 512;
/// Most actions that inline `http` grants and denies make on one service: each pair of them is compared.
pub const MAX_INLINE_ACTIONS: usize = 2048;
/// Longest condition, in bytes.
pub const MAX_CONDITION_BYTES: usize = 4096;
/// Deepest nesting of brackets, negations and conditionals in a condition.
pub const MAX_CONDITION_DEPTH: usize = 24;
/// Deepest nesting of `all` and `exists`.
pub const MAX_QUANTIFIERS: usize = 2;
/// Longest key of an argument that an action lists, in bytes.
pub const MAX_ARGUMENT_KEY_BYTES: usize = 256;
/// Most keys on the way to a field of the body.
pub const MAX_FIELD_KEYS: usize = 16;
/// Most digits of a number.
pub const MAX_DIGITS: usize = 18;
/// Largest exponent of a number, and, negated, the smallest.
pub const MAX_EXPONENT: i64 = 64;
/// Most elements of a list literal in a condition.
pub const MAX_SET: usize = 4096;
/// Longest regular expression, in bytes.
pub const MAX_REGEX_BYTES: usize = 512;
/// Most destinations in one list.
pub const MAX_DESTINATIONS: usize = 1024;
/// Longest name of a host, in bytes, and longest label of it (RFC 1035, section 2.3.4).
pub const MAX_HOST_BYTES: usize = 253;
/// See [`MAX_HOST_BYTES`].
pub const MAX_LABEL_BYTES: usize = 63;
/// Most members that a lineage may have, the caller included.
pub const MAX_LINEAGE: u8 = 17;
