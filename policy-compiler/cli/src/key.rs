//! Files with a key: 32 bytes in standard base64, on one line. One that signs blobs is an Ed25519 private key (RFC 8032,
//! section 5.1.5); one that lineage secrets are derived from is any random bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use ambit_compiler::compile::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::failure::{Failure, Problem};
use crate::input::{cannot_open, shown};
use crate::limits::MAX_KEY_BYTES;
use crate::output::cannot_write;

/// Reads a key that signs.
pub(crate) fn read(path: &Path) -> Result<SigningKey, Problem> {
    let maker = "`ambit keygen -o FILE`";
    SigningKey::from_seed(read_bytes(path, "a signing key", maker)?).ok_or_else(|| {
        Problem::new(format!("`{}` is not a signing key: all of it is zero", shown(path)))
            .help(format!("make one with {maker}"))
    })
}

/// Reads a key: what it is to be, and what makes one, are for messages.
pub(crate) fn read_bytes(path: &Path, what: &str, maker: &str) -> Result<[u8; 32], Problem> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text));
    read.map_err(|error| cannot_open(path, &error))?;
    let seed = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    seed.ok_or_else(|| {
        let help = if text.contains("-----BEGIN") {
            format!("PEM is not read; make a key with {maker}")
        } else {
            format!("make one with {maker}")
        };
        Problem::new(format!("`{}` is not {what}: it must hold 32 bytes in base64", shown(path))).help(help)
    })
}

/// Makes a key and writes it to a new file that only its owner can read.
pub(crate) fn create(path: &Path) -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Problem::new(format!("no random numbers: {error}")))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let problem = Problem::new(format!("`{}` exists already", shown(path)));
            problem.help("a key is never overwritten: what was made with it could not be replaced")
        }
        _ => cannot_write(path, &error),
    })?;
    let text = format!("{}\n", STANDARD.encode(seed));
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        let _ = fs::remove_file(path);
        return Err(cannot_write(path, &error).into());
    }
    Ok(seed)
}
