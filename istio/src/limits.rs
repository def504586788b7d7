//! Every bound of this crate, in one place.

/// The most bytes of an object as JSON: what etcd takes of one request (1.5 MiB), less room for what the API server adds
/// (host facts, 2.1).
pub const MAX_OBJECT_BYTES: usize = (3 << 19) - (64 << 10);
/// The most bytes of all annotations of an object. Client-side `kubectl apply` puts the whole object into one.
pub const MAX_ANNOTATION_BYTES: usize = 256 << 10;
/// The longest name of an object (RFC 1123 subdomain).
pub const MAX_NAME_BYTES: usize = 253;
/// The longest value of a label, and the longest name in the key of one.
pub const MAX_LABEL_BYTES: usize = 63;
/// The most labels of a selector. Kubernetes allows more; nobody needs them.
pub const MAX_SELECTOR_LABELS: usize = 64;
/// The longest delivery document, in bytes.
pub const MAX_DELIVERY_BYTES: usize = 4 << 20;
/// The fewest bytes of a key that lineage secrets are derived from.
pub const MIN_KEY_BYTES: usize = 16;
/// The most principals that a baseline lists one by one; with more it names trust domains.
pub const MAX_PRINCIPALS: usize = 512;
