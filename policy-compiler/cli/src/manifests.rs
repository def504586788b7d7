//! A directory of manifests of which some are ours: written by `ambit render`, and replaced or removed by the next.
//!
//! Ours are those whose first line says so. Nothing else is touched, or written over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Problem, reason};
use crate::input::shown;
use crate::limits::MAX_MANIFEST_BYTES;
use crate::output::{Batch, create_directory};
use crate::progress::Progress;

/// What the first line of each of our files begins with.
pub(crate) const MARK: &str = "# Written by ambit render";

/// What is in a directory.
pub(crate) struct Manifests {
    directory: PathBuf,
    /// Text of those that are ours, by name.
    ours: BTreeMap<String, String>,
    /// Names of all others.
    others: BTreeSet<String>,
}

impl Manifests {
    /// Looks at a directory, which need not exist.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let mut manifests =
            Self { directory: directory.to_owned(), ours: BTreeMap::new(), others: BTreeSet::new() };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(manifests),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(Problem::new(format!("`{}` is not a directory", shown(directory))).into());
            }
            Err(error) => return Err(cannot_read(directory, &error).into()),
        };
        for entry in entries {
            let path = entry.map_err(|error| cannot_read(directory, &error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            match text_of_ours(&path).map_err(|error| cannot_read(&path, &error))? {
                Some(text) => drop(manifests.ours.insert(name, text)),
                None => drop(manifests.others.insert(name)),
            }
        }
        Ok(manifests)
    }

    /// The text of each file that is ours.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.ours.values().map(String::as_str)
    }

    /// Stages files; they take the place of all that is ours.
    pub(crate) fn stage(
        &self,
        files: &BTreeMap<String, String>,
        batch: &mut Batch,
        progress: &mut Progress<'_>,
    ) -> Result<(), Failure> {
        if let Some(name) = files.keys().find(|name| self.others.contains(*name)) {
            let path = self.directory.join(name);
            let problem = Problem::new(format!("`{}` was not written by `ambit render`", shown(&path)));
            return Err(problem.help("move it away, or render to another directory").into());
        }
        create_directory(&self.directory)?;
        for (name, text) in files {
            progress.advance(1);
            // What has not changed is left as it is.
            if self.ours.get(name) != Some(text) {
                batch.stage(&self.directory.join(name), text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Removes what is ours and not among the new files; gives what it removed.
    pub(crate) fn remove_stale(&self, files: &BTreeMap<String, String>) -> Result<Vec<PathBuf>, Failure> {
        let stale = self.ours.keys().filter(|name| !files.contains_key(*name));
        stale
            .map(|name| {
                let path = self.directory.join(name);
                fs::remove_file(&path).map_err(|error| {
                    Problem::new(format!("cannot remove `{}`: {}", shown(&path), reason(&error)))
                })?;
                Ok(path)
            })
            .collect()
    }
}

/// The text of a file, if it is ours.
fn text_of_ours(path: &Path) -> io::Result<Option<String>> {
    if path.extension().is_none_or(|extension| extension != "yaml") || !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mark = u64::try_from(MARK.len()).unwrap_or(0);
    let mut file = File::open(path)?;
    file.by_ref().take(mark).read_to_end(&mut bytes)?;
    if bytes != MARK.as_bytes() {
        return Ok(None);
    }
    file.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("cannot read `{}`: {}", shown(path), reason(error)))
}
