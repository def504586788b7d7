//! `ambit fmt`

use std::path::PathBuf;

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::format::{FormatError, format};
use ambit_compiler::source::Sources;
use ambit_compiler::syntax::decode::decode;
use clap::Args;
use serde_json::json;

use crate::audience::Audience;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyFile, PolicyPaths};
use crate::output::Batch;
use crate::policy::tally;
use crate::terminal::Terminal;

/// Lay policy files out alike, comments included
///
/// What is done: indentation by two, list items indented below their key, one space after `-`, the order `apiVersion`,
/// `kind`, `metadata`, `spec`, no trailing space, at most one blank line in a row and none around `---`, line feeds at
/// the ends of lines. What is left as it is: quotes, flow style (`{...}`, `[...]`), long lines, space inside a line,
/// the order of everything else, and conditions. Nothing but blank space and that order changes, and it is checked that
/// each file still says the same; a file that is not well-formed is not touched.
///
/// Names of the files that change are printed. Standard input (`-f -`) is written to standard output.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit fmt                     # the current directory
  ambit fmt -f policy/ --check  # in CI

Exit status:
  0  done; with `--check`, nothing would change
  1  a file is not well-formed, or, with `--check`, would change
  2  the command line is wrong, or a file cannot be read or written")]
pub struct Fmt {
    #[command(flatten)]
    paths: PolicyPaths,

    /// Write nothing; name the files that would change, and fail if there are any
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    audience: Audience,
}

impl Fmt {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let mut changed = Vec::new();
        let mut refused = Vec::new();
        if self.audience.is_program() && !self.check && self.paths.paths().contains(&PathBuf::from("-")) {
            let problem =
                Problem::new("standard input is written to standard output, which `--format json` takes");
            return Err(problem.help("leave out `--format json`, or add `--check`").into());
        }
        for file in self.paths.files(terminal)? {
            let Some(formatted) = formatted(&file, terminal)? else {
                refused.push(file.name);
                continue;
            };
            let changes = formatted.as_bytes() != file.bytes;
            match &file.path {
                None if !self.check => terminal.out.write_all(formatted.as_bytes())?,
                Some(path) if changes && !self.check => batch.stage(path, formatted.as_bytes())?,
                _ => {}
            }
            if changes && (file.path.is_some() || self.check) {
                changed.push(file.name);
            }
        }
        batch.commit()?;
        if self.audience.is_program() {
            let value = json!({"version": 1, "changed": changed, "malformed": refused});
            writeln!(terminal.out, "{value}")?;
        } else {
            for name in &changed {
                writeln!(terminal.out, "{name}")?;
            }
        }
        if !refused.is_empty() || (self.check && !changed.is_empty()) {
            return Err(Failure::Rejected);
        }
        Ok(())
    }
}

/// A file as it should look; nothing if it is not well-formed, and that has been shown.
fn formatted(file: &PolicyFile, terminal: &mut Terminal<'_>) -> Result<Option<String>, Failure> {
    let sources = Sources::single(file.name.as_str(), file.bytes.as_slice());
    let mut diagnostics = Diagnostics::new();
    // Names may lead to other files, so that only the file's own form is looked at.
    let _ = decode(&sources, &mut diagnostics);
    if diagnostics.has_errors() {
        let colour = terminal.colours_err();
        terminal.err.write_all(render(&diagnostics, &sources, Format::Human { colour }).as_bytes())?;
        terminal.err.write_all(tally(&diagnostics).as_bytes())?;
        return Ok(None);
    }
    let text = sources.iter().next().map_or("", |(_, file)| file.text());
    match format(text) {
        Ok(formatted) => Ok(Some(formatted)),
        Err(error @ (FormatError::NotYaml | FormatError::Unsure)) => {
            let problem = Problem::new(format!("`{}` is left as it is: {error}", file.name));
            terminal.err.write_all(problem.render(terminal.colours_err()).as_bytes())?;
            Ok(None)
        }
    }
}
