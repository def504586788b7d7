//! `ambit man`

mod page;

use std::path::PathBuf;

use ambit_compiler::syntax::suggest::did_you_mean;
use clap::Args;

use crate::failure::{Failure, Problem};
use crate::output::{Batch, create_directory};
use crate::terminal::Terminal;

/// Print a man page, or write all of them
///
/// There is one for `ambit` and one for each command. They say what `--help` says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit man | man -l -
  ambit man image build | man -l -
  ambit man -o ~/.local/share/man/man1/    # then: man ambit-check

Exit status:
  0  done
  2  the command line is wrong, or a file cannot be written")]
pub struct Man {
    /// The command that the page is about [default: `ambit` itself]
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    command: Vec<String>,

    /// Write every page into this directory
    #[arg(short, long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut program = crate::description();
        // Names the commands below by those above.
        program.build();
        let Some(directory) = &self.output else {
            terminal.out.write_all(&page::render(self.named(&program)?)?)?;
            return Ok(());
        };
        create_directory(directory)?;
        let mut batch = Batch::default();
        for command in all(&program) {
            batch.stage(&directory.join(page::file_name(command)), &page::render(command)?)?;
        }
        batch.commit()
    }

    /// The command that is asked for.
    fn named<'c>(&self, program: &'c clap::Command) -> Result<&'c clap::Command, Problem> {
        let mut command = program;
        for word in &self.command {
            command = command.find_subcommand(word).ok_or_else(|| {
                let names = command.get_subcommands().map(clap::Command::get_name);
                let known = command.get_bin_name().unwrap_or_else(|| command.get_name());
                Problem::new(format!("`{known}` has no command `{word}`"))
                    .help(format!("`{known} --help` lists those that there are"))
                    .maybe_help(did_you_mean(word, names))
            })?;
        }
        Ok(command)
    }
}

/// A command, and all below it.
fn all(command: &clap::Command) -> Vec<&clap::Command> {
    let below = command.get_subcommands().flat_map(all);
    std::iter::once(command).chain(below).collect()
}
