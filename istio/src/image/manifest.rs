//! The two JSON documents of an image: which shapes of it istio-agent takes, and the one that we write.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::limits::MAX_LAYERS;

/// Media type of an image's manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Docker's name for the same.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of an image's configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer; istio-agent refuses the plain and the zstd variants of it.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Docker's name for the same.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Media type of a layer that is the module itself, in an artifact of exactly two layers.
pub const ARTIFACT_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// What refers to a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: String,
    /// SHA-256 of the blob. Kept as text: other algorithms exist, and are refused where the blob is wanted.
    pub digest: String,
    /// Length of the blob in bytes.
    pub size: u64,
}

/// A manifest as far as istio-agent looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Absent in some images.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The image's configuration.
    #[serde(default)]
    pub config: Option<Descriptor>,
    /// The layers, the lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// There in an index, which names manifests in place of layers.
    #[serde(default)]
    manifests: Option<serde_json::Value>,
}

/// How an image carries the module (host facts, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `plugin.wasm` in the last layer, under Docker's media types.
    DockerCompat,
    /// `plugin.wasm` in the last layer, under OCI's media types. This is what we write.
    OciCompat,
    /// The module itself is a layer.
    Artifact,
}

/// Why istio-agent would take an image for none: a fragment in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoShape {
    /// The manifest is not JSON of the right form.
    NotAManifest,
    /// A list of images for several platforms.
    Index,
    /// More layers than anybody needs.
    TooManyLayers,
    /// No layer that istio-agent takes; the media type of the last one, if there is one.
    Layers(Option<String>),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// When it is none, or one of an index.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoShape> {
        // serde would take an array for an object whose keys come in order.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(NoShape::NotAManifest);
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| NoShape::NotAManifest)?;
        if manifest.manifests.is_some() {
            return Err(NoShape::Index);
        }
        if manifest.layers.len() > MAX_LAYERS {
            return Err(NoShape::TooManyLayers);
        }
        Ok(manifest)
    }

    /// The layer that istio-agent takes the module from, tried in its order.
    ///
    /// # Errors
    ///
    /// When it would take none.
    pub fn module_layer(&self) -> Result<(Shape, &Descriptor), NoShape> {
        let last = self.layers.last();
        let last_is = |media_type: &str| last.filter(|layer| layer.media_type == media_type);
        let none = || NoShape::Layers(last.map(|layer| layer.media_type.clone()));
        if self.media_type.as_deref() == Some(DOCKER_MANIFEST) {
            return last_is(DOCKER_LAYER).map(|layer| (Shape::DockerCompat, layer)).ok_or_else(none);
        }
        if let Some(layer) = last_is(OCI_LAYER) {
            return Ok((Shape::OciCompat, layer));
        }
        let module = self.layers.iter().find(|layer| layer.media_type == ARTIFACT_LAYER);
        match module {
            Some(layer) if self.layers.len() == 2 => Ok((Shape::Artifact, layer)),
            _ => Err(none()),
        }
    }
}

/// The manifest that we write. Keys come in this order, without white space, so that its bytes never vary.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenManifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: &'a Descriptor,
    layers: [&'a Descriptor; 1],
    annotations: Annotations<'a>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    #[serde(rename = "dev.ambit.module")]
    module: String,
    #[serde(rename = "org.opencontainers.image.licenses")]
    licenses: &'a str,
    #[serde(rename = "org.opencontainers.image.title")]
    title: &'a str,
}

/// The configuration that we write: no dates, no history, nothing of the machine.
#[derive(Serialize)]
struct WrittenConfig {
    architecture: &'static str,
    os: &'static str,
    config: Empty,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [String; 1],
}

/// The manifest of an image whose configuration and layer these are, around a module of this digest.
pub(super) fn write_manifest(
    config: &Descriptor,
    layer: &Descriptor,
    module: &Digest,
) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&WrittenManifest {
        schema_version: 2,
        media_type: OCI_MANIFEST,
        config,
        layers: [layer],
        annotations: Annotations {
            module: module.to_string(),
            licenses: "Apache-2.0",
            title: "ambit-filter",
        },
    })
}

/// The configuration of an image with one layer, of whose archive this is the digest.
///
/// The platform is the one that the OCI specification's list has for WebAssembly. Nobody looks at it where a manifest
/// stands for itself, so that nodes of every architecture pull the same image.
pub(super) fn write_config(archive: &Digest) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&WrittenConfig {
        architecture: "wasm",
        os: "wasip1",
        config: Empty {},
        rootfs: RootFs { r#type: "layers", diff_ids: [archive.to_string()] },
    })
}

impl std::fmt::Display for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::DockerCompat => "docker compat",
            Self::OciCompat => "oci compat",
            Self::Artifact => "oci artifact",
        })
    }
}

impl std::fmt::Display for NoShape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAManifest => formatter.write_str("not the manifest of an image"),
            Self::Index => formatter.write_str("an index of several images, of which a digest names none"),
            Self::TooManyLayers => write!(formatter, "more than {MAX_LAYERS} layers"),
            Self::Layers(None) => formatter.write_str("an image without layers"),
            Self::Layers(Some(last)) => {
                write!(formatter, "no layer that istio-agent takes a module from (the last one is `{last}`)")
            }
        }
    }
}

impl std::error::Error for NoShape {}
