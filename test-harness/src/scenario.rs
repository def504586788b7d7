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

pub(crate) use bytes::Bytes;
pub use exchange::{Answer, Exchange, Framing, Peer};
pub use expectation::{Ending, Expectation, Hop, Stage};
pub use setting::{Destination, Press, Setting};

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
    yaml_files(&directory())?.iter().map(|path| load(path)).collect()
}

/// The `.yaml` files of a directory, by name.
pub(crate) fn yaml_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(steps: &str) -> String {
        format!(
            "about: x\nworkload: {{namespace: a, serviceAccount: b}}\npeers: {{p: spiffe://t/p}}\nconfig: ''\nsteps:\n{steps}"
        )
    }

    /// The example in the documentation of the format is one.
    #[test]
    fn documented_example() {
        let document = include_str!("../scenarios/README.md");
        let example = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let scenario = parse(Path::new("example.yaml"), example).unwrap();
        let [Step::Case(case)] = scenario.steps.as_slice() else { panic!("{scenario:?}") };
        assert_eq!(
            (case.exchange.method.as_slice(), case.exchange.target.as_slice()),
            (&b"GET"[..], &b"/tables"[..])
        );
        assert_eq!(
            case.exchange.peer,
            Peer::Certificate(vec![b"spiffe://cluster.local/ns/support/sa/support-agent".to_vec()])
        );
    }

    /// What cannot be meant is refused, with its line.
    #[test]
    fn refusals() {
        let cases = [
            ("  - {case: a, from: p, send: GET /}", "line 6: a case without `expect`"),
            ("  - {case: a, from: p, expect: allow}", "line 6: a case without `send`"),
            ("  - {case: a, send: GET /, expect: allow}", "line 6: a case without `from`"),
            ("  - {case: a, from: q, send: GET /, expect: allow}", "line 6: `q` is no peer of this file"),
            ("  - {case: a, from: p, send: GET, expect: allow}", "line 6: `send` is a method and a target"),
            ("  - {case: a, from: p, send: GET /, expect: permit}", "line 6: `permit` is no expectation"),
            ("  - {case: a, from: p, send: GET /, expect: deny all}", "line 6: `all` is no code of a deny"),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, headers: [x]}",
                "line 6: `x` is no header line",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, not: {envoi: x}}",
                "line 6: `envoi` is no runner",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, not: {envoy: ''}}",
                "line 6: no reason is given for `envoy`",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, pieces: 1}",
                "line 6: `pieces`, `meanwhile` and `trailers` need a `body`",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, body: x, pieces: 0}",
                "line 6: `pieces` of no bytes",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, config: ''}",
                "line 6: a case has no configuration",
            ),
            (
                "  - {case: a, from: p, send: GET /, expect: allow, body: x, meanwhile: [{swap: b, config: ''}]}",
                "line 6: `meanwhile` needs a body of two pieces",
            ),
            ("  - {case: a, swap: b}", "line 6: a step is either a `case` or a `swap`"),
            ("  - {swap: a}", "line 6: a swap without `policy`, `config` or `damage`"),
            ("  - {swap: a, config: '', damage: {cut: 1}}", "line 6: more than one of"),
            ("  - {swap: a, config: '', expect: allow}", "line 6: a swap sends nothing"),
            ("  - {swap: a, config: '', unknown: 1}", "unknown field `unknown`"),
        ];
        for (step, expected) in cases {
            let error = parse(Path::new("x.yaml"), &file(step)).unwrap_err();
            assert!(error.contains(expected), "{step}: {error}");
        }
        assert!(parse(Path::new("x.yaml"), &file("  - {swap: a, config: ''}")).is_ok());
    }

    /// How a body is sent follows from what the case says.
    #[test]
    fn framing() {
        let cases = [
            ("", Framing::None, vec![]),
            ("body: abc", Framing::Length, vec!["abc"]),
            ("body: ''", Framing::Length, vec![]),
            ("body: abc, pieces: 2", Framing::Chunked, vec!["ab", "c"]),
            ("body: abc, trailers: ['a: b']", Framing::Chunked, vec!["abc"]),
            ("body: abc, meanwhile: [{swap: s, config: ''}]", Framing::Length, vec!["ab", "c"]),
            ("body: '', pieces: 1", Framing::Chunked, vec![]),
        ];
        for (fields, framing, pieces) in cases {
            let step = format!("  - {{case: a, from: p, send: POST /, expect: allow, {fields}}}");
            let scenario = parse(Path::new("x.yaml"), &file(&step)).unwrap();
            let [Step::Case(case)] = scenario.steps.as_slice() else { panic!("{scenario:?}") };
            let pieces: Vec<_> = pieces.into_iter().map(|piece| piece.as_bytes().to_vec()).collect();
            assert_eq!((case.exchange.framing, &case.exchange.pieces), (framing, &pieces), "{fields}");
        }
    }
}
