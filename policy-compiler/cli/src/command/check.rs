//! `ambit check`

use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::input::PolicyPaths;
use crate::policy::{refusal, tally, workloads};
use crate::terminal::Terminal;

/// Check policy files, and say everything that is wrong with them at once
///
/// Silent if there is nothing to say. Without `-f`, the current directory is checked. What is fine here can be built.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit check                                # the current directory
  ambit check -f policy/ -f agents.yaml
  ambit check -f policy/ --format github --deny-warnings
  kustomize build policy/ | ambit check -f -

`human` and `short` are written to standard error; `json` and `github`, which programs read, to standard output.

Exit status:
  0  the policy is fine; there may be warnings
  1  the policy is refused, or has warnings and `--deny-warnings` is given
  2  the command line is wrong, or a file cannot be read")]
pub struct Check {
    #[command(flatten)]
    paths: PolicyPaths,

    /// How to show what is wrong: `human`, `short` (a line each), `json`, or `github` (annotations of a pull request)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: OutputFormat,

    /// Refuse a policy that has warnings
    #[arg(long)]
    deny_warnings: bool,
}

/// How to show diagnostics.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Human,
    Short,
    Json,
    Github,
}

impl OutputFormat {
    /// Whether it belongs on standard output.
    pub(crate) const fn is_for_programs(self) -> bool {
        matches!(self, Self::Json | Self::Github)
    }

    pub(crate) const fn for_terminal(self, terminal: &Terminal<'_>) -> Format {
        match self {
            Self::Human => Format::Human { colour: terminal.colours_err() },
            Self::Short => Format::Short,
            Self::Json => Format::Json,
            Self::Github => Format::Github,
        }
    }
}

impl Check {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let sources = self.paths.sources(terminal)?;
        let checked = check(&sources);
        let mut diagnostics = checked.diagnostics;
        if let Some(policy) = &checked.policy {
            // What cannot be built is said here already.
            let workloads = workloads(policy);
            let mut progress = terminal.progress("compiling", "workloads", Some(workloads.len()));
            for workload in workloads {
                progress.advance(1);
                if let Err(error) = compile(policy, workload, &Options::default()) {
                    diagnostics.push(refusal(policy, workload, &error));
                }
            }
        }
        let text = render(&diagnostics, &sources, self.format.for_terminal(terminal));
        if self.format.is_for_programs() {
            terminal.out.write_all(text.as_bytes())?;
        } else {
            terminal.err.write_all(text.as_bytes())?;
        }
        if matches!(self.format, OutputFormat::Human) && !diagnostics.is_empty() {
            terminal.err.write_all(tally(&diagnostics).as_bytes())?;
        }
        if diagnostics.has_errors() || (self.deny_warnings && diagnostics.warnings() > 0) {
            return Err(Failure::Rejected);
        }
        Ok(())
    }
}
