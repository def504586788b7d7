//! Where a mesh keeps its files: `target/mesh/<name>-<pid>`, with a number behind it for the second of a name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::artifact::workspace;

/// Makes a new directory for a mesh called `name`, and removes those that ended processes left of that name.
pub(super) fn create(name: &str) -> io::Result<PathBuf> {
    let meshes = workspace().join("target/mesh");
    fs::create_dir_all(&meshes)?;
    for entry in fs::read_dir(&meshes)? {
        let path = entry?.path();
        if owner(&path, name).is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            // Another process may be doing the same, and its success is as good as ours.
            let _ = fs::remove_dir_all(path);
        }
    }
    let process = std::process::id();
    let mut number = 1;
    loop {
        let directory = match number {
            1 => meshes.join(format!("{name}-{process}")),
            _ => meshes.join(format!("{name}-{process}.{number}")),
        };
        match fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The process that made `path`, if it is the directory of a mesh called `name`.
fn owner(path: &Path, name: &str) -> Option<String> {
    let rest = path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
    let process = rest.split('.').next()?;
    process.bytes().all(|byte| byte.is_ascii_digit()).then(|| process.to_owned())
}
