//! `ambit diff`

mod ask;
mod chains;
mod change;
mod datum;
mod human;
mod json;
mod markdown;
mod search;
mod silent;
mod values;

use std::path::{Path, PathBuf};

use ambit_compiler::compile::Options;
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::gate::FailOn;
use crate::input::PolicyPaths;
use crate::policy::{Loaded, load_quietly};
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;
use change::{Found, Way};
use search::{Bounds, Sides};

/// Show what another policy newly allows and newly denies
///
/// Requests are made of what both policies say: every agent, action and mission, lineages of up to three members, and the
/// values that conditions name. Each is put on the wire and judged by the filter's own code under both policies. Of those
/// that pass under one and not under the other, one is shown for each reason. How policy is laid out never shows.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit diff old/ new/
  ambit diff policy/ proposed.yaml --fail-on allowed             # a gate
  git worktree add /tmp/base main
  ambit diff /tmp/base/policy policy/ --format markdown

What no request of these can show is not found: `docs/see.md` says what that is. Budgets, and what an agent may reach
outside the mesh, are compared as they are written.

Exit status:
  0  compared, whatever came of it
  1  something changed that `--fail-on` names, or a policy is refused
  2  the command line is wrong, or a file cannot be read")]
pub struct Diff {
    /// The policy that is: a file or a directory
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The policy that is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// How to show it: `human`, `markdown` for pull requests, or `json`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: DiffFormat,

    /// Exit with 1 if something is newly `allowed`, newly `denied`, or `any` of them
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = true)]
    fail_on: Option<FailOn>,

    /// Compare as if nothing were in shadow mode
    #[arg(long)]
    enforced: bool,

    /// The most requests to judge
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,

    /// Deny calls from stamping workloads whose sidecar has not stamped them, as `ambit build --require-stamp` does
    #[arg(long)]
    require_stamp: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DiffFormat {
    #[default]
    Human,
    Markdown,
    Json,
}

impl Diff {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let old = read(&self.old, terminal)?;
        let new = read(&self.new, terminal)?;
        // What blobs say besides the policy is the same on both sides, so that equal blobs are equal policies.
        let options = Options { require_stamp: self.require_stamp, ..Options::default() };
        let sides = Sides {
            old: Sidecars::start(&old, &options, terminal)?,
            new: Sidecars::start(&new, &options, terminal)?,
            is_enforced: self.enforced,
        };
        let mut found = search::search(&sides, Bounds::of(self.requests), terminal)?;
        found.silent = silent::compare(&old.policy, &new.policy, &options);
        let text = match self.format {
            DiffFormat::Human => human::render(&found, terminal.colours_out()),
            DiffFormat::Markdown => markdown::render(&found),
            DiffFormat::Json => json::render(&found),
        };
        terminal.out.write_all(text.as_bytes())?;
        if self.fails(&found) { Err(Failure::Rejected) } else { Ok(()) }
    }

    fn fails(&self, found: &Found) -> bool {
        let has = |way: Way| found.of(way).next().is_some();
        self.fail_on.is_some_and(|what| {
            what.names(has(Way::Allowed), has(Way::Denied))
                || (what == FailOn::Any && !found.silent.is_empty())
        })
    }
}

fn read(path: &Path, terminal: &mut Terminal<'_>) -> Result<Loaded, Failure> {
    load_quietly(&PolicyPaths::of(&[path.to_owned()]), terminal)
}
