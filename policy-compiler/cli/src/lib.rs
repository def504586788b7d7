//! The `ambit` command: it reads policy files, shows what the compiler says of them, and writes blobs.
//!
//! Results go to standard output, everything else to standard error. Every command ends in an [`Exit`]. All that is
//! said about a policy is said by `ambit-compiler`; this crate does files, terminals and words about its own options.
//! It makes network connections only to the registry that `ambit image` is told of.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod advice;
mod arguments;
mod blob_options;
mod cases;
pub mod command;
mod exit;
mod failure;
mod gate;
mod input;
mod key;
mod limits;
mod log;
mod manifests;
mod output;
mod policy;
pub mod record;
mod request;
mod sidecar;
mod story;
mod terminal;
mod time;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

pub use arguments::Arguments;
pub use exit::Exit;
pub use failure::{Failure, Problem};
pub use terminal::{Colour, Terminal};

/// The whole command, in the process that it is.
#[must_use]
pub fn main() -> ExitCode {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut err = std::io::stderr().lock();
    let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
    let takes_colour =
        |is_terminal| terminal::takes_colour(is_terminal, no_color.as_deref(), term.as_deref());
    let mut terminal = Terminal {
        out_takes_colour: takes_colour(std::io::stdout().is_terminal()),
        err_takes_colour: takes_colour(std::io::stderr().is_terminal()),
        colour: Colour::Auto,
        input: &mut input,
        out: &mut out,
        err: &mut err,
    };
    ExitCode::from(run(std::env::args_os(), &mut terminal).number())
}

/// Runs one command line, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Exit {
    let done = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => {
            terminal.colour = arguments.colour;
            command::run(arguments.command, terminal)
        }
        Err(error) => usage(&error, terminal),
    };
    let flushed = terminal.out.flush().map_err(Failure::from);
    match done.and(flushed) {
        Ok(()) | Err(Failure::HungUp) => Exit::Fine,
        Err(Failure::Rejected) => Exit::Rejected,
        Err(Failure::Problem(problem)) => {
            // Nobody is left to tell if this cannot be written.
            let _ = terminal.err.write_all(problem.render(terminal.colours_err()).as_bytes());
            Exit::Failed
        }
    }
}

/// Shows help, which is a result if it was asked for, or what is wrong with the command line.
fn usage(error: &clap::Error, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let asked_for = !error.use_stderr();
    let colour = if asked_for { terminal.colours_out() } else { terminal.colours_err() };
    let rendered = error.render();
    let mut text = if colour { rendered.ansi().to_string() } else { rendered.to_string() };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if asked_for {
        terminal.out.write_all(text.as_bytes())?;
        return Ok(());
    }
    let _ = terminal.err.write_all(text.as_bytes());
    Err(Problem::said().maybe_help(forgotten_flag(error)).into())
}

/// Policy is named with `-f`, which is easily forgotten.
fn forgotten_flag(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(argument) if error.kind() == ErrorKind::UnknownArgument => {
            let is_path = !argument.starts_with('-') && Path::new(argument).exists();
            is_path.then(|| format!("name policy files with `-f {argument}`"))
        }
        _ => None,
    }
}

/// The description of the command line, from which help and completions are made.
#[must_use]
pub fn description() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::description().debug_assert();
    }
}
