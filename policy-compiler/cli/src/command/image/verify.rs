//! `ambit image verify`

use std::fs;
use std::path::PathBuf;

use ambit_istio::image::layout::{self, NoLayout};
use ambit_istio::image::{Accepted, Trouble};
use clap::{ArgGroup, Args};
use serde_json::json;

use super::module::ModuleFile;
use super::source::{Connection, failure, parse};
use crate::audience::Audience;
use crate::failure::{Failure, Problem};
use crate::input::{cannot_open, shown};
use crate::terminal::Terminal;

/// Check that istio-agent would take an image, and that the filter is in it
///
/// The image is looked at as istio-agent does, whoever made it. With `--module`, what is in it must be that module.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["reference", "layout"]), after_help = "\
Examples:
  ambit image verify registry.example.com/ambit/filter@sha256:...
  ambit image verify --layout image/ --module ambit_filter.wasm

`reproduced: yes` says that this `ambit` makes the very same image of the module that is in it.

Exit status:
  0  istio-agent would take it
  1  it would not, or the module is another
  2  the command line is wrong, or the image cannot be had")]
pub(super) struct Verify {
    /// The image in a registry: `registry/repository` with `:tag`, `@sha256:...`, or both
    #[arg(value_name = "REFERENCE")]
    reference: Option<String>,

    /// The image in a directory that `ambit image build` wrote
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "plain_http")]
    layout: Option<PathBuf>,

    #[command(flatten)]
    module: ModuleFile,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    audience: Audience,
}

impl Verify {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let wanted = if self.module.is_named() { Some(self.module.read()?) } else { None };
        let accepted = match self.accepted()? {
            Ok(accepted) => accepted,
            Err(problem) => return rejected(&problem, terminal),
        };
        if let Some(wanted) = wanted
            && wanted != accepted.module
        {
            let problem = Problem::new(format!(
                "the module in the image is another: `{}`, not `{}`",
                accepted.module.digest(),
                wanted.digest()
            ));
            return rejected(&problem, terminal);
        }
        if self.audience.is_program() {
            let value = json!({
                "version": 1,
                "digest": accepted.digest.to_string(),
                "shape": accepted.shape.to_string(),
                "module": {
                    "digest": accepted.module.digest().to_string(),
                    "bytes": accepted.module.bytes().len(),
                },
                "reproduced": accepted.reproduced,
            });
            writeln!(terminal.out, "{value}")?;
            return Ok(());
        }
        writeln!(
            terminal.out,
            "image: {}\nshape: {}\nmodule: {}, {} bytes\nreproduced: {}",
            accepted.digest,
            accepted.shape,
            accepted.module.digest(),
            accepted.module.bytes().len(),
            if accepted.reproduced { "yes" } else { "no" },
        )?;
        Ok(())
    }

    /// The image, or why it would not be taken.
    fn accepted(&self) -> Result<Result<Accepted, Problem>, Failure> {
        let no = |name: String, error: &dyn std::fmt::Display| {
            Problem::new(format!("istio-agent would not take `{name}`: {error}"))
        };
        if let Some(directory) = &self.layout {
            fs::metadata(directory).map_err(|error| cannot_open(directory, &error))?;
            return match layout::read(directory) {
                Ok(accepted) => Ok(Ok(accepted)),
                Err(NoLayout::NotAccepted(error)) => Ok(Err(no(shown(directory), &error))),
                Err(NoLayout::File { path, error }) => Err(cannot_open(&path, &error).into()),
                Err(error) => Err(Problem::new(format!("`{}` is {error}", shown(directory))).into()),
            };
        }
        let text = self.reference.as_deref().unwrap_or_default();
        let reference = parse(text)?;
        if reference.tag().is_none() && reference.digest().is_none() {
            let problem = Problem::new(format!("`{text}` refers to no image: no tag and no digest"));
            return Err(problem.help("say which image of it, with `:TAG` or `@sha256:...`").into());
        }
        match self.connection.to(reference)?.accept() {
            Ok(accepted) => Ok(Ok(accepted)),
            Err(Trouble::NotAccepted(error)) => Ok(Err(no(text.to_owned(), &error))),
            Err(trouble) => Err(failure(&trouble)),
        }
    }
}

fn rejected(problem: &Problem, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    problem.tell(terminal)?;
    Err(Failure::Rejected)
}
