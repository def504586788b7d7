//! The one layer of an image: a gzipped archive with the module in it.

use std::io::{self, Read, Write as _};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

use super::limits::{MAX_ARCHIVE_BYTES, MAX_ARCHIVE_FILES, MAX_MODULE_BYTES};

/// The base name by which istio-agent finds the module in an archive (host facts, 3.1).
pub const MODULE_NAME: &str = "plugin.wasm";

/// What a layer of one file says of itself in gzip's header: no time, and no operating system.
const NO_OPERATING_SYSTEM: u8 = 255;

/// A layer in both of its forms.
pub(super) struct Layer {
    /// As a registry stores it.
    pub(super) packed: Vec<u8>,
    /// The archive, which an image's configuration names by its digest.
    pub(super) archive: Vec<u8>,
}

/// Packs a module: the same bytes each time, wherever and whenever.
///
/// Nothing of the machine goes in (owner, time, mode, name of a file), and the compressor is one in Rust whose version
/// the lock file pins. The digest of a small image is pinned by a test, so that a change of any of this is noticed.
pub(super) fn pack(module: &[u8]) -> io::Result<Layer> {
    let mut header = Header::new_ustar();
    header.set_path(MODULE_NAME)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(u64::try_from(module.len()).map_err(io::Error::other)?);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut archive = Builder::new(Vec::new());
    archive.append(&header, module)?;
    let archive = archive.into_inner()?;
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(NO_OPERATING_SYSTEM)
        .write(Vec::new(), Compression::best());
    gzip.write_all(&archive)?;
    Ok(Layer { packed: gzip.finish()?, archive })
}

/// Why a layer has no module that istio-agent would find.
#[derive(Debug)]
pub(super) enum Unpack {
    /// It is not gzip, or not an archive, or too long.
    Broken(io::Error),
    /// No file in it is called [`MODULE_NAME`].
    NoModule,
    /// The file is longer than a module may be.
    TooLong,
}

/// The file that istio-agent would take: the first one called [`MODULE_NAME`], in any directory.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, Unpack> {
    let mut archive = Archive::new(MultiGzDecoder::new(packed).take(MAX_ARCHIVE_BYTES));
    for entry in archive.entries().map_err(Unpack::Broken)?.take(MAX_ARCHIVE_FILES) {
        let mut entry = entry.map_err(Unpack::Broken)?;
        let path = entry.path_bytes();
        let name = path.split(|byte| *byte == b'/').rfind(|part| !part.is_empty());
        if name != Some(MODULE_NAME.as_bytes()) {
            continue;
        }
        if entry.size() > MAX_MODULE_BYTES {
            return Err(Unpack::TooLong);
        }
        let mut module = Vec::new();
        entry.read_to_end(&mut module).map_err(Unpack::Broken)?;
        return Ok(module);
    }
    Err(Unpack::NoModule)
}
