//! Scenarios: data files that say what becomes of requests, true for every [`runner`](crate::runner) or not at all.
//!
//! One file of `scenarios/` is one policy, one destination and a list of steps: a *case* is a request and what is
//! expected of it, a *swap* is a new configuration and whether it is taken. The format is in `scenarios/README.md`;
//! what a file says is parsed here, and what cannot be meant is refused with its line.
//!
//! A scenario knows of outcomes only: verdicts, replies, what reached the application. Nothing in it speaks of host
//! calls, of their order, or of what they cost.

mod bytes;
mod exchange;
mod expectation;
mod file;
mod setting;

use std::io;
use std::path::{Path, PathBuf};

pub use exchange::{Exchange, Framing, Peer};
pub use expectation::{Ending, Expectation, Hop, Stage};
pub use setting::{Destination, Press, Setting, configuration};

/// One file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name, without `.yaml`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The workload that is called.
    pub destination: Destination,
    /// What is in force at the beginning.
    pub setting: Setting,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// A request.
    Case(Box<Case>),
    /// A new configuration.
    Swap(Swap),
}

/// A request, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// The request.
    pub exchange: Exchange,
    /// What is expected of every runner that is not in `instead`.
    pub expectation: Expectation,
    /// Runners for which something else is right, since something else comes before the filter there.
    pub instead: Vec<(String, Expectation)>,
    /// Runners that cannot play it.
    pub not: Vec<String>,
    /// What happens between the first piece of the body and the last.
    pub meanwhile: Vec<Swap>,
}

/// A new configuration, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Swap {
    /// What it shows.
    pub name: String,
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// The configuration.
    pub setting: Setting,
    /// `None`: it is taken. Otherwise it is refused, and each of these is in the log line that says so.
    pub refused: Option<Vec<String>>,
    /// Runners that cannot play it.
    pub not: Vec<String>,
}

impl Case {
    /// What is expected of a runner; `None` if it cannot play the case.
    #[must_use]
    pub fn expected(&self, runner: &str) -> Option<&Expectation> {
        if self.not.iter().any(|name| name == runner) {
            return None;
        }
        let instead = self.instead.iter().find(|(name, _)| name == runner);
        Some(instead.map_or(&self.expectation, |(_, expectation)| expectation))
    }
}

/// The directory of the scenario files.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// All scenario files, by name.
///
/// # Errors
///
/// When a file cannot be read, or says what cannot be meant.
pub fn load_all() -> io::Result<Vec<Scenario>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| load(path)).collect()
}

/// One scenario file.
///
/// # Errors
///
/// As for [`load_all`].
pub fn load(path: &Path) -> io::Result<Scenario> {
    let text = std::fs::read_to_string(path)?;
    parse(path, &text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

fn parse(path: &Path, text: &str) -> Result<Scenario, String> {
    let file: file::File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    file.into_scenario(name, path.to_owned())
}
