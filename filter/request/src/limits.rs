//! Every bound this crate holds, in one place.

/// Longest request path, before the `?`, in bytes.
pub const MAX_PATH_BYTES: usize = 8 * 1024;
/// Longest query string that fields are read from, in bytes.
pub const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Most `name=value` pairs that are looked at in one query string.
pub const MAX_QUERY_PAIRS: usize = 256;
/// Longest HTTP method, in bytes.
pub const MAX_METHOD_BYTES: usize = 32;
/// Longest SPIFFE id, in bytes (SPIFFE-ID section 2.3).
pub const MAX_SPIFFE_BYTES: usize = 2048;
/// Longest trust domain of a SPIFFE id, in bytes (SPIFFE-ID section 2.1).
pub const MAX_TRUST_DOMAIN_BYTES: usize = 255;
/// Deepest nesting of JSON arrays and objects.
pub const MAX_DEPTH: u32 = 64;
/// Most steps in the path of a selected field: two lists of 16 keys, and the arrays around them.
pub const MAX_STEPS: usize = 36;
/// Longest key in the path of a selected field, in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// Most fields in one selection: those of the largest policy, as values and as lists, and the envelope's.
pub const MAX_FIELDS: usize = 2112;
/// Most objects, arrays and fields on the paths of one selection.
pub const MAX_NODES: usize = 4096;
/// Longest string value that is kept, in bytes after decoding.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;
/// Most bytes of string values that are kept from one body.
pub const MAX_FACT_BYTES: usize = 64 * 1024;
/// Most elements of an array whose elements are selected.
pub const MAX_LIST: usize = 64;
/// Most values that are kept from all such arrays of one body.
pub const MAX_LIST_VALUES: usize = 4096;
/// Most messages in a JSON-RPC batch.
pub const MAX_BATCH: usize = 32;
/// Most `Mcp-Param-*` headers of one request.
pub const MAX_PARAM_HEADERS: usize = 32;
/// Most bytes of a listing, or of one event of a stream, that are held until it is complete.
pub const MAX_LIST_BYTES: usize = 512 * 1024;
/// Most entries of the lists in one message.
pub const MAX_LIST_ENTRIES: usize = 4096;
/// Longest name of a tool, prompt or resource, and longest gRPC method, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;
/// Longest name of a host, in bytes, without a trailing dot (RFC 1035, section 2.3.4).
pub const MAX_HOST_BYTES: usize = 253;
/// Longest label of it (RFC 1035, section 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;
/// Longest IPv6 address as text, its last 32 bits as IPv4.
pub const MAX_ADDRESS_BYTES: usize = 45;
/// Longest URL that the agent is made to call.
pub const MAX_URL_BYTES: usize = 2048;
