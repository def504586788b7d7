//! The command line.

use std::path::PathBuf;

pub(super) const HELP: &str = "\
Measures what the filter costs in a real Envoy, beside no filter and beside what else people put there.

Usage: cargo bench-mesh [-- OPTIONS]

Options:
  --rounds N       rounds that count (default 7, at least 1)
  --requests N     requests of one variant in one round (default 3000)
  --workers N      workers of each sidecar, and connections to it, used in turn (default 1)
  --only TEXT      variants whose name contains TEXT, and those that they are compared with
  --against FILE   another build of the filter, to be measured beside this one
  --out DIR        also write mesh.md, mesh.json and mesh.svg to DIR
  --memory         measure memory in place of time: by agents, and over reloads
  --reloads N      reloads for `--memory` (default 500)
  -h, --help       print this

Environment:
  ENVOY_BIN        an Envoy to use instead of the one that is fetched
  AMBIT_WASM       a filter to use instead of the one that is built

Exit status:
  0  everything was measured
  2  something could not be set up, gave another answer than it should, or grew over reloads
";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) requests: usize,
    pub(super) workers: usize,
    pub(super) only: Option<String>,
    pub(super) against: Option<PathBuf>,
    pub(super) out: Option<PathBuf>,
    pub(super) memory: bool,
    pub(super) reloads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 7,
            requests: 3_000,
            workers: 1,
            only: None,
            against: None,
            out: None,
            memory: false,
            reloads: 500,
        }
    }
}

impl Options {
    /// None if help is asked for.
    pub(super) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = number(&value()?)?,
                "--requests" => options.requests = number(&value()?)?,
                "--workers" => options.workers = number(&value()?)?,
                "--only" => options.only = Some(value()?),
                "--against" => options.against = Some(value()?.into()),
                "--memory" => options.memory = true,
                "--reloads" => options.reloads = number(&value()?)?,
                "--out" => options.out = Some(value()?.into()),
                "-h" | "--help" => return Ok(None),
                other => return Err(format!("`{other}` is no option")),
            }
        }
        Ok(Some(options))
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("`{text}` is no number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn check(arguments: &[&str], wanted: Result<Option<Options>, &str>) {
        let found = Options::parse(arguments.iter().map(ToString::to_string));
        assert_eq!(found, wanted.map_err(str::to_owned), "{arguments:?}");
    }

    #[test]
    fn parses() {
        let defaults = Options::default();
        check(&[], Ok(Some(defaults.clone())));
        check(&["--memory"], Ok(Some(Options { memory: true, ..defaults.clone() })));
        check(
            &["--rounds", "9", "--only", "x"],
            Ok(Some(Options { rounds: 9, only: Some("x".into()), ..defaults })),
        );
        check(&["--rounds", "0"], Err("`0` is no number from 1 on"));
        check(&["--rounds"], Err("`--rounds` needs a value"));
        check(&["--fast"], Err("`--fast` is no option"));
        check(&["--rounds", "9", "-h"], Ok(None));
    }
}
