//! `ambit test`

mod coverage;
mod json;
mod junit;
mod outcome;
mod table;
mod watch;

use std::path::PathBuf;

use ambit_compiler::compile::Options;
use ambit_compiler::source::FileId;
use clap::Args;

use crate::audience::Audience;
use crate::cases::{self, Case};
use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::output::Batch;
use crate::policy::{Loaded, load_quietly, refuse};
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;
use coverage::Coverage;
use outcome::Outcome;

/// Hold policy to what tests say of it
///
/// Each test is a request and what is meant to become of it. It is put on the wire and judged by the filter's own code,
/// under the policy as `ambit build` compiles it. Tests lie in `*.test.yaml` files beside policy, or are named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit test                                 # the current directory
  ambit test -f policy/ tests/refunds.test.yaml --coverage
  ambit test -f policy/ --junit report.xml --min-coverage 90
  ambit test --watch

A test file:
  defaults: {to: payments}
  tests:
    - name: a refund is limited, whoever asks for it
      from: billing                   # an agent, a SPIFFE id, or nobody
      for: [support, planner]         # on whose behalf, origin first
      send: tools/call:refund.create
      args: {amount: 5000}
      expect: condition-not-met       # allowed, denied, or a code
      by: support                     # who limits it

A test may also have `merged` (`for` is in no order), `under` (missions), `headers`, `body`, `raw` (a request as HTTP/1.1 has it), `stamped`, `address`,
`at` (a time), `because` (FILE:LINE of the rule that decides) and `passes` (true if shadow mode lets it).

Exit status:
  0  every test holds
  1  one does not, too little is covered, or the policy or a test is refused
  2  the command line is wrong, a file cannot be read, or there are no tests")]
pub struct Test {
    /// A file of tests, or a directory of `*.test.yaml` [default: those beside the policy]
    #[arg(value_name = "TESTS")]
    tests: Vec<PathBuf>,

    #[command(flatten)]
    paths: PolicyPaths,

    /// Run only tests that have this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    #[command(flatten)]
    audience: Audience,

    /// Also write the results to this file, as JUnit has them
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Also write a decision record of each test to this file, for `ambit explain` and `ambit replay`
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,

    /// List grants and denies that no test makes use of
    #[arg(long)]
    coverage: bool,

    /// Fail if less than this share of grants and denies is made use of
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,

    /// Deny calls from stamping workloads whose sidecar has not stamped them, as `ambit build --require-stamp` does
    #[arg(long)]
    require_stamp: bool,

    /// Run again whenever a file changes, until interrupted
    #[arg(long)]
    watch: bool,
}

impl Test {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        if self.watch { watch::run(self, terminal) } else { self.once(terminal) }
    }

    fn once(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut loaded = load_quietly(&self.paths, terminal)?;
        let source_digest = loaded.sources.digest();
        let files = self.add_tests(&mut loaded, terminal)?;
        let (cases, diagnostics) = cases::read(&loaded.sources, &files, &loaded.policy);
        if diagnostics.has_errors() {
            return Err(refuse(&diagnostics, &loaded.sources, terminal));
        }
        let options = Options { source_digest, require_stamp: self.require_stamp, ..Options::default() };
        let sidecars = Sidecars::start(&loaded, &options, terminal)?;
        let wanted = |case: &&Case| self.only.as_ref().is_none_or(|text| case.name.contains(text));
        let mut coverage = Coverage::default();
        let mut outcomes = Vec::new();
        for (case, number) in cases.iter().filter(wanted).zip(1..) {
            outcomes.push(Outcome::of(case, number, &sidecars, &mut coverage)?);
        }
        if outcomes.is_empty() {
            return Err(self.nothing(&files).into());
        }
        let mut batch = Batch::default();
        if let Some(path) = &self.junit {
            batch.stage(path, junit::render(&outcomes, &sidecars).as_bytes())?;
        }
        if let Some(path) = &self.records {
            let lines: String = outcomes.iter().map(|outcome| format!("{}\n", outcome.record)).collect();
            batch.stage(path, lines.as_bytes())?;
        }
        batch.commit()?;
        let covered = coverage.share(&loaded);
        let failed = outcomes.iter().filter(|outcome| !outcome.holds()).count();
        match self.audience.is_program() {
            true => {
                let text = json::render(&outcomes, &coverage, &sidecars);
                terminal.out.write_all(text.as_bytes())?;
            }
            false => {
                table::show(&outcomes, &sidecars, terminal)?;
                let list = if self.coverage { coverage.missing(&loaded) } else { String::new() };
                terminal.out.write_all((list + &coverage.line(&loaded)).as_bytes())?;
            }
        }
        // So that what follows on standard error stands behind it. What is wrong with that is said at the end.
        let _ = terminal.out.flush();
        match self.min_coverage {
            Some(least) if covered.percent() < least => {
                let text = format!("error: {} % are covered, and {least} % must be\n", covered.percent());
                terminal.err.write_all(text.as_bytes())?;
                Err(Failure::Rejected)
            }
            _ if failed > 0 => Err(Failure::Rejected),
            _ => Ok(()),
        }
    }

    /// Reads the test files, and puts them behind the policy's among the sources, so that messages can point to both.
    fn add_tests(&self, loaded: &mut Loaded, terminal: &mut Terminal<'_>) -> Result<Vec<FileId>, Failure> {
        let files = match self.tests.as_slice() {
            [] => self.paths.tests_beside(terminal)?,
            named => PolicyPaths::of(named).tests(terminal)?,
        };
        Ok(files.into_iter().map(|file| loaded.sources.add(file.name, file.bytes)).collect())
    }

    fn nothing(&self, files: &[FileId]) -> Problem {
        match &self.only {
            Some(text) if !files.is_empty() => Problem::new(format!("no test has `{text}` in its name")),
            _ => Problem::new("there are no tests")
                .help("write some to a file that ends in `.test.yaml`: `ambit test --help` shows one"),
        }
    }
}
