//! Every bound on images, in one place.

/// The longest module, in bytes. istio-agent takes 256 MiB; a filter is under one.
pub const MAX_MODULE_BYTES: u64 = 16 << 20;
/// The longest layer, in bytes as it is stored.
pub const MAX_LAYER_BYTES: u64 = 32 << 20;
/// The longest archive that a layer may unpack to, in bytes.
pub const MAX_ARCHIVE_BYTES: u64 = 64 << 20;
/// The most files in a layer.
pub const MAX_ARCHIVE_FILES: usize = 1024;
/// The longest manifest, in bytes: what registries themselves take.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// The most layers of an image.
pub const MAX_LAYERS: usize = 128;
/// The longest reference to an image, in bytes.
pub const MAX_REFERENCE_BYTES: usize = 512;
/// The longest repository, in bytes, and the longest tag: those of the OCI distribution specification.
pub const MAX_REPOSITORY_BYTES: usize = 255;
/// See [`MAX_REPOSITORY_BYTES`].
pub const MAX_TAG_BYTES: usize = 128;
/// The longest docker configuration, in bytes.
pub const MAX_CREDENTIALS_BYTES: u64 = 1 << 20;
/// The most bytes of a registry's own words that are shown.
pub const MAX_SHOWN_BYTES: usize = 240;
