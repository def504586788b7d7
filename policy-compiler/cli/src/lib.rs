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
mod audience;
mod blob_options;
mod cases;
pub mod command;
mod exit;
mod failure;
mod gate;
mod help;
mod input;
mod key;
mod limits;
mod log;
mod manifests;
mod output;
mod policy;
mod progress;
mod reach;
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
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

pub use arguments::Arguments;
pub use exit::Exit;
pub use failure::{Failure, Problem};
use terminal::Forgiving;
pub use terminal::{Colour, Input, Terminal};

/// The whole command, in the process that it is.
#[must_use]
pub fn main() -> ExitCode {
    let mut input = std::io::stdin().lock();
    let mut out = Forgiving::new(std::io::BufWriter::new(std::io::stdout().lock()));
    let mut err = Forgiving::new(std::io::stderr().lock());
    let takes_colour = |is_terminal| terminal::takes_colour(is_terminal, |name| std::env::var_os(name));
    let mut terminal = Terminal {
        out_takes_colour: takes_colour(std::io::stdout().is_terminal()),
        err_takes_colour: takes_colour(std::io::stderr().is_terminal()),
        colour: Colour::Auto,
        is_for_programs: false,
        err_is_watched: std::io::stderr().is_terminal(),
        input: Input::new(&mut input),
        out: &mut out,
        err: &mut err,
    };
    ExitCode::from(run(std::env::args_os(), &mut terminal).number())
}

/// Runs one command line, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    terminal.colour = asked_colour(&arguments);
    let parsed = description().try_get_matches_from(&arguments).and_then(|matches| {
        terminal.is_for_programs = asks_for_json(&matches);
        Arguments::from_arg_matches(&matches)
    });
    let done = match parsed {
        Ok(arguments) => {
            terminal.colour = arguments.colour;
            command::run(arguments.command, terminal)
        }
        Err(error) => usage(&error, terminal),
    };
    let flushed = terminal.out.flush().map_err(Failure::from);
    let done = match (done, flushed) {
        // What could not be written comes before what was found.
        (Ok(()) | Err(Failure::Rejected), Err(Failure::Problem(problem))) => Err(problem.into()),
        (done, _) => done,
    };
    match done {
        Ok(()) | Err(Failure::HungUp) => Exit::Fine,
        Err(Failure::Rejected) => Exit::Rejected,
        Err(Failure::Problem(problem)) => {
            // Nobody is left to tell if this cannot be written.
            let _ = problem.tell(terminal);
            let _ = terminal.out.flush();
            Exit::Failed
        }
    }
}

/// Whether `--format json` is given to the command.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let formats = matches.try_get_raw("format").ok().flatten();
    formats.is_some_and(|mut formats| formats.any(|format| format == "json"))
        || matches.subcommand().is_some_and(|(_, below)| asks_for_json(below))
}

/// What `--color` says, before anything else is read: help, and what is wrong with the command line, are coloured too.
fn asked_colour(arguments: &[OsString]) -> Colour {
    let words = arguments.iter().take_while(|word| *word != "--").filter_map(|word| word.to_str());
    let mut asked = None;
    let mut is_next = false;
    for word in words {
        asked = if is_next { Some(word) } else { word.strip_prefix("--color=").or(asked) };
        is_next = !is_next && word == "--color";
    }
    asked.and_then(|word| Colour::from_str(word, false).ok()).unwrap_or_default()
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
            let path = Path::new(argument);
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            let is_path = !argument.starts_with('-') && (path.exists() || is_yaml || argument.contains('/'));
            is_path.then(|| format!("name policy files with `-f {argument}`"))
        }
        _ => None,
    }
}

/// The description of the command line, from which help and completions are made.
#[must_use]
pub fn description() -> clap::Command {
    help::flowing(Arguments::command())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::description().debug_assert();
    }
}
