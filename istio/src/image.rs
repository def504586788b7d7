//! The OCI image that carries the filter: made bit for bit the same each time, checked as istio-agent checks it, and
//! brought to a registry.
//!
//! The image is in the *compat* layout (host facts, 3.1): one gzipped layer with the file `plugin.wasm`. Policy is not
//! in it: a policy changes only the `pluginConfig` of an object, never the image.

mod credential;
mod digest;
mod layer;
pub mod layout;
pub mod limits;
pub mod manifest;
mod module;
mod reference;
mod registry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;

pub use credential::{Credentials, NoCredentials};
pub use digest::{Digest, NotADigest};
pub use layer::MODULE_NAME;
pub use manifest::{Descriptor, Manifest, NoShape, Shape};
pub use module::{Module, NoModule};
pub use reference::{NoReference, Reference};
pub use registry::{Registry, Transport, Trouble};

/// A blob with what refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What the blob is.
    pub media_type: &'static str,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The image of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The manifest. Its digest is the image's.
    pub manifest: Blob,
    /// The configuration.
    pub config: Blob,
    /// The layer with the module.
    pub layer: Blob,
}

/// An image that istio-agent would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The digest of its manifest: what `sha256` of a `WasmPlugin` with an `oci://` url means.
    pub digest: Digest,
    /// How it carries the module.
    pub shape: Shape,
    /// The module.
    pub module: Module,
    /// Whether this release makes the very same image of that module.
    pub reproduced: bool,
}

/// Why istio-agent would not take an image, or what it holds is not the filter: a fragment in lower case.
#[derive(Debug)]
pub enum NotAccepted {
    /// It carries a module in no way that istio-agent knows.
    Shape(NoShape),
    /// The layer cannot be read as an archive.
    Layer(String),
    /// The archive has no `plugin.wasm`.
    NoPlugin,
    /// What it carries is not the filter.
    Module(NoModule),
    /// A blob has other bytes than its descriptor says.
    Altered {
        /// The digest in the descriptor.
        descriptor: String,
    },
    /// A blob is longer than it may be.
    TooLong {
        /// The digest in its descriptor.
        descriptor: String,
    },
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, digest: Digest::of(&bytes), bytes }
    }

    /// What refers to this blob.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.to_owned(),
            digest: self.digest.to_string(),
            size: u64::try_from(self.bytes.len()).unwrap_or(u64::MAX),
        }
    }
}

impl Image {
    /// Makes the image of a module.
    ///
    /// # Errors
    ///
    /// Never in practice: packing into memory does not fail.
    pub fn of(module: &Module) -> io::Result<Self> {
        let layer::Layer { packed, archive } = layer::pack(module.bytes())?;
        let layer = Blob::new(manifest::OCI_LAYER, packed);
        let config = Blob::new(manifest::OCI_CONFIG, manifest::write_config(&Digest::of(&archive))?);
        let bytes = manifest::write_manifest(&config.descriptor(), &layer.descriptor(), &module.digest())?;
        Ok(Self { manifest: Blob::new(manifest::OCI_MANIFEST, bytes), config, layer })
    }

    /// The digest by which the image is pulled.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Everything that is stored, what is referred to before what refers to it.
    #[must_use]
    pub const fn blobs(&self) -> [&Blob; 3] {
        [&self.config, &self.layer, &self.manifest]
    }

    /// What is stored, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.blobs().iter().fold(0, |size, blob| size.saturating_add(blob.bytes.len()))
    }
}

/// Looks at an image as istio-agent does, and at what it holds as the proxy does.
///
/// `fetch` gets the one layer that is looked at. Its bytes are held to the descriptor here.
///
/// # Errors
///
/// That of `fetch`, or why the image would not be taken.
pub fn accept<E: From<NotAccepted>>(
    manifest_bytes: &[u8],
    fetch: impl FnOnce(&Descriptor) -> Result<Vec<u8>, E>,
) -> Result<Accepted, E> {
    let manifest = Manifest::parse(manifest_bytes).map_err(NotAccepted::Shape)?;
    let (shape, descriptor) = manifest.module_layer().map_err(NotAccepted::Shape)?;
    if descriptor.size > limits::MAX_LAYER_BYTES {
        return Err(NotAccepted::TooLong { descriptor: descriptor.digest.clone() }.into());
    }
    let layer = fetch(descriptor)?;
    if Digest::of(&layer).to_string() != descriptor.digest {
        return Err(NotAccepted::Altered { descriptor: descriptor.digest.clone() }.into());
    }
    let bytes = match shape {
        Shape::Artifact => layer,
        Shape::DockerCompat | Shape::OciCompat => layer::unpack(&layer).map_err(NotAccepted::from)?,
    };
    let module = Module::parse(bytes).map_err(NotAccepted::Module)?;
    let digest = Digest::of(manifest_bytes);
    let reproduced = Image::of(&module).is_ok_and(|image| image.digest() == digest);
    Ok(Accepted { digest, shape, module, reproduced })
}

impl From<layer::Unpack> for NotAccepted {
    fn from(unpack: layer::Unpack) -> Self {
        match unpack {
            layer::Unpack::Broken(error) => Self::Layer(error.to_string()),
            layer::Unpack::NoModule => Self::NoPlugin,
            layer::Unpack::TooLong => Self::Module(NoModule::TooLong),
        }
    }
}

impl fmt::Display for NotAccepted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(shape) => shape.fmt(formatter),
            Self::Layer(reason) => {
                write!(formatter, "a layer that is no gzipped archive: {}", reason.to_lowercase())
            }
            Self::NoPlugin => write!(formatter, "a layer without a file `{MODULE_NAME}`"),
            Self::Module(module) => module.fmt(formatter),
            Self::Altered { descriptor } => write!(formatter, "a blob with other bytes than `{descriptor}`"),
            Self::TooLong { descriptor } => write!(formatter, "a blob too long to be read, `{descriptor}`"),
        }
    }
}

impl std::error::Error for NotAccepted {}
