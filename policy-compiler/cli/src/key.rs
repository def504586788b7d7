//! Files with a key that signs blobs: the 32 bytes of an Ed25519 private key (RFC 8032, section 5.1.5) in standard
//! base64, on one line.

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

/// Reads a key.
pub(crate) fn read(path: &Path) -> Result<SigningKey, Problem> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text));
    read.map_err(|error| cannot_open(path, &error))?;
    let seed = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let seed = seed.ok_or_else(|| {
        let help = if text.contains("-----BEGIN") {
            "PEM is not read; make a key with `ambit keygen -o FILE`"
        } else {
            "make one with `ambit keygen -o FILE`"
        };
        Problem::new(format!("`{}` is not a signing key: it must hold 32 bytes in base64", shown(path)))
            .help(help)
    })?;
    Ok(SigningKey::from_seed(seed))
}

/// Makes a key and writes it to a new file that only its owner can read.
pub(crate) fn create(path: &Path) -> Result<SigningKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Problem::new(format!("no random numbers: {error}")))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let problem = Problem::new(format!("`{}` exists already", shown(path)));
            problem.help("a key is never overwritten: blobs signed with it could not be replaced")
        }
        _ => cannot_write(path, &error),
    })?;
    let text = format!("{}\n", STANDARD.encode(seed));
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        let _ = fs::remove_file(path);
        return Err(cannot_write(path, &error).into());
    }
    Ok(SigningKey::from_seed(seed))
}
