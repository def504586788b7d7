//! Runs again whenever a file changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Test;
use crate::failure::Failure;
use crate::limits::{MAX_DIRECTORY_DEPTH, MAX_FILES};
use crate::terminal::Terminal;

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(300);

/// When each file was last changed, and how long it is.
type Stamp = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Runs until whoever reads the output has gone, or the process is interrupted.
pub(super) fn run(test: &Test, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    loop {
        let before = stamp(test);
        match test.once(terminal) {
            Ok(()) | Err(Failure::Rejected) => {}
            Err(Failure::HungUp) => return Err(Failure::HungUp),
            // A file that is half written may be read: it is said, and tried again.
            Err(Failure::Problem(problem)) => {
                problem.tell(terminal)?;
            }
        }
        terminal.out.flush()?;
        terminal.err.write_all(b"waiting for a file to change\n")?;
        while stamp(test) == before {
            std::thread::sleep(PAUSE);
        }
        terminal.out.write_all(b"\n")?;
    }
}

/// What changes when any file does.
fn stamp(test: &Test) -> Stamp {
    let mut stamp = Stamp::new();
    for path in test.paths.paths().iter().chain(&test.tests) {
        look(path, MAX_DIRECTORY_DEPTH, &mut stamp);
    }
    stamp
}

fn look(path: &Path, depth: usize, stamp: &mut Stamp) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let Some(depth) = depth.checked_sub(1).filter(|_| stamp.len() < MAX_FILES) else { return };
    if !metadata.is_dir() {
        stamp.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
        return;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_read = name.ends_with(b".yaml") || name.ends_with(b".yml");
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !name.starts_with(b".") && (is_read || is_directory) {
            look(&entry.path(), depth, stamp);
        }
    }
}
