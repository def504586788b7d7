//! `ambit image`

mod build;
mod module;
mod push;
mod source;
mod verify;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Make, push and check the OCI image that carries the filter
///
/// The image holds the module alone: policy is in the objects that `ambit render` writes, and changes without it.
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  ambit image build -o image/
  ambit image push registry.example.com/ambit/filter:0.1.0
  ambit image verify registry.example.com/ambit/filter@sha256:...

Exit status:
  0  done
  1  `verify` finds something wrong
  2  the command line is wrong, or an image or a file cannot be read or written"
)]
pub struct Image {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Build(build::Build),
    Push(push::Push),
    Verify(verify::Verify),
}

impl Image {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        match &self.action {
            Action::Build(build) => build.run(terminal),
            Action::Push(push) => push.run(terminal),
            Action::Verify(verify) => verify.run(terminal),
        }
    }
}
