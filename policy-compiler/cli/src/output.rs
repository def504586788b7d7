//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Problem, reason};
use crate::input::shown;

/// Files that are to be written together: every one lies beside its place before the first takes it. What is no file,
/// such as a pipe or a device, is written to where it is.
#[derive(Default)]
pub(crate) struct Batch {
    staged: Vec<Staged>,
    streams: Vec<(PathBuf, Vec<u8>)>,
}

/// A file beside the place that it is to take. It is removed if it does not.
struct Staged {
    temporary: PathBuf,
    target: PathBuf,
    /// Whether it has taken its place.
    done: bool,
}

impl Batch {
    /// Writes a file beside its place.
    pub(crate) fn stage(&mut self, target: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let fail = |error: &io::Error| cannot_write(target, error);
        refuse_dash(target)?;
        let metadata = fs::metadata(target).ok();
        if metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(Problem::new(format!("cannot write `{}`: it is a directory", shown(target))).into());
        }
        if metadata.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            self.streams.push((target.to_owned(), bytes.to_owned()));
            return Ok(());
        }
        // Of a link, what it leads to is replaced.
        let resolved = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let (temporary, mut file) = beside(&resolved).map_err(|error| fail(&error))?;
        self.staged.push(Staged { temporary: temporary.clone(), target: resolved, done: false });
        if let Some(metadata) = metadata {
            fs::set_permissions(&temporary, metadata.permissions()).map_err(|error| fail(&error))?;
        }
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| fail(&error).into())
    }

    /// The same for a file that only its owner may read.
    pub(crate) fn stage_private(&mut self, target: &Path, bytes: &[u8]) -> Result<(), Failure> {
        if fs::metadata(target).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Problem::new(format!("cannot write `{}`: it is no file", shown(target)))
                .help("what is secret goes to a file that only its owner may read")
                .into());
        }
        self.stage(target, &[])?;
        let Some(staged) = self.staged.last() else { return Ok(()) };
        let write = || {
            #[cfg(unix)]
            fs::set_permissions(&staged.temporary, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            let mut file = OpenOptions::new().write(true).open(&staged.temporary)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error: io::Error| cannot_write(target, &error).into())
    }

    /// Puts every file in its place, in the order in which they were staged.
    pub(crate) fn commit(mut self) -> Result<(), Failure> {
        for (target, bytes) in &self.streams {
            let written = OpenOptions::new().write(true).open(target).and_then(|mut it| it.write_all(bytes));
            written.map_err(|error| cannot_write(target, &error))?;
        }
        for staged in &mut self.staged {
            fs::rename(&staged.temporary, &staged.target)
                .map_err(|error| cannot_write(&staged.target, &error))?;
            staged.done = true;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            // If even that fails, a stray file with a telling name is left.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A new file in the directory of `target`, so that it can take its place by being renamed.
fn beside(target: &Path) -> io::Result<(PathBuf, File)> {
    for attempt in 0_u32.. {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let path = target.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 16 => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Makes a directory to write into, and those above it.
pub(crate) fn create_directory(path: &Path) -> Result<(), Problem> {
    refuse_dash(path)?;
    if path.exists() && !path.is_dir() {
        return Err(Problem::new(format!("`{}` is not a directory", shown(path))));
    }
    fs::create_dir_all(path).map_err(|error| cannot_write(path, &error))
}

/// Who writes `-` means standard output, and not a file of that name.
fn refuse_dash(path: &Path) -> Result<(), Problem> {
    if path != Path::new("-") {
        return Ok(());
    }
    let problem = Problem::new("this is not written to standard output");
    Err(problem.help("name a file; if it is to be called `-`, write `./-`"))
}

pub(crate) fn cannot_write(target: &Path, error: &io::Error) -> Problem {
    let problem = Problem::new(format!("cannot write `{}`: {}", shown(target), reason(error)));
    let missing = target.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists());
    problem.maybe_help(missing.map(|parent| format!("there is no directory `{}`", shown(parent))))
}

/// `path` with more at its end.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// In hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
