//! An image as files: the OCI image layout, which every tool for images reads.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::limits::{MAX_LAYER_BYTES, MAX_MANIFEST_BYTES};
use super::{Accepted, Descriptor, Digest, Image, Manifest, NotAccepted, accept};

/// The file that says that a directory is an image layout.
pub const MARKER: &str = "oci-layout";
/// The file that says which images are in it.
pub const INDEX: &str = "index.json";
const MARKER_TEXT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// Why no image is read from a directory: a fragment in lower case.
#[derive(Debug)]
pub enum NoLayout {
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The directory has no file [`MARKER`].
    NotALayout,
    /// [`INDEX`] is malformed.
    Index,
    /// [`INDEX`] names another number of images than one.
    Images(usize),
    /// A blob has no SHA-256 digest for its name.
    OtherDigest(String),
    /// istio-agent would not take the image.
    NotAccepted(NotAccepted),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIndex {
    schema_version: u8,
    media_type: &'static str,
    manifests: [Descriptor; 1],
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

/// The files of an image's layout, by path in its directory: what is referred to before what refers to it.
///
/// # Errors
///
/// Never in practice: an index is serialised into memory.
pub fn files(image: &Image) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let index = WrittenIndex {
        schema_version: 2,
        media_type: "application/vnd.oci.image.index.v1+json",
        manifests: [image.manifest.descriptor()],
    };
    let blobs = image.blobs().map(|blob| (blob_path(blob.digest), blob.bytes.clone()));
    let rest = [
        (PathBuf::from(MARKER), MARKER_TEXT.as_bytes().to_vec()),
        (PathBuf::from(INDEX), serde_json::to_vec(&index)?),
    ];
    Ok(blobs.into_iter().chain(rest).collect())
}

/// Reads the one image in a directory as istio-agent would.
///
/// # Errors
///
/// When there is none, or not one that istio-agent would take.
pub fn read(directory: &Path) -> Result<Accepted, NoLayout> {
    let marker = directory.join(MARKER);
    match marker.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(NoLayout::File { path: marker, error });
        }
        _ => return Err(NoLayout::NotALayout),
    }
    let index = bounded(&directory.join(INDEX), MAX_MANIFEST_BYTES)?;
    let index: Index = serde_json::from_slice(&index).map_err(|_| NoLayout::Index)?;
    let [manifest] = index.manifests.as_slice() else {
        return Err(NoLayout::Images(index.manifests.len()));
    };
    let bytes = blob(directory, manifest, MAX_MANIFEST_BYTES)?;
    if Digest::of(&bytes).to_string() != manifest.digest {
        return Err(NotAccepted::Altered { descriptor: manifest.digest.clone() }.into());
    }
    // istio-agent never looks at the configuration, but other tools do.
    if let Some(config) = Manifest::parse(&bytes).map_err(NotAccepted::Shape)?.config
        && Digest::of(&blob(directory, &config, MAX_MANIFEST_BYTES)?).to_string() != config.digest
    {
        return Err(NotAccepted::Altered { descriptor: config.digest }.into());
    }
    accept(&bytes, |layer| blob(directory, layer, MAX_LAYER_BYTES))
}

fn blob_path(digest: Digest) -> PathBuf {
    Path::new("blobs").join("sha256").join(digest.hex())
}

fn blob(directory: &Path, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, NoLayout> {
    let digest = descriptor.digest.parse().map_err(|_| NoLayout::OtherDigest(descriptor.digest.clone()))?;
    bounded(&directory.join(blob_path(digest)), limit)
}

fn bounded(path: &Path, limit: u64) -> Result<Vec<u8>, NoLayout> {
    let fail = |error| NoLayout::File { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    // One byte more than may be, so that a file that is too long is not taken for one that is not.
    let mut file = File::open(path).map_err(fail)?.take(limit.saturating_add(1));
    file.read_to_end(&mut bytes).map_err(fail)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > limit) {
        return Err(fail(io::Error::other(format!("longer than {limit} bytes"))));
    }
    Ok(bytes)
}

impl From<NotAccepted> for NoLayout {
    fn from(error: NotAccepted) -> Self {
        Self::NotAccepted(error)
    }
}

impl fmt::Display for NoLayout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(formatter, "cannot read `{}`: {error}", path.display()),
            Self::NotALayout => write!(formatter, "not an image layout: it has no file `{MARKER}`"),
            Self::Index => write!(formatter, "an image layout with a malformed `{INDEX}`"),
            Self::Images(count) => write!(formatter, "an image layout of {count} images, not of one"),
            Self::OtherDigest(digest) => write!(formatter, "`{digest}` is not a SHA-256 digest"),
            Self::NotAccepted(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for NoLayout {}
