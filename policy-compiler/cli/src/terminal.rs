//! Where a command reads and writes.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use clap::ValueEnum;

use crate::failure::Problem;
use crate::progress::Progress;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Whatever is written to.
    Always,
    /// Not at all.
    Never,
}

/// Where a command reads and writes.
pub struct Terminal<'a> {
    /// Standard input.
    pub input: Input<'a>,
    /// Standard output: results.
    pub out: &'a mut dyn Write,
    /// Standard error: everything else.
    pub err: &'a mut dyn Write,
    /// Whether standard output takes colour.
    pub out_takes_colour: bool,
    /// Whether standard error takes colour.
    pub err_takes_colour: bool,
    /// Whether standard error is a terminal, where people wait.
    pub err_is_watched: bool,
    /// What was asked for.
    pub colour: Colour,
    /// Whether a program reads standard output: what goes wrong is written there, too.
    pub is_for_programs: bool,
}

/// Standard input, which can be read once.
pub struct Input<'a> {
    stream: &'a mut dyn Read,
    is_taken: bool,
}

impl<'a> Input<'a> {
    /// What nobody has read of yet.
    pub fn new(stream: &'a mut dyn Read) -> Self {
        Self { stream, is_taken: false }
    }

    pub(crate) fn take(&mut self) -> Result<&mut dyn Read, Problem> {
        if core::mem::replace(&mut self.is_taken, true) {
            let problem = Problem::new("`-` is given twice, and standard input can be read once");
            return Err(problem.help("write one of them to a file first"));
        }
        Ok(self.stream)
    }
}

impl Terminal<'_> {
    /// Whether to colour results.
    #[must_use]
    pub const fn colours_out(&self) -> bool {
        self.colours(self.out_takes_colour)
    }

    /// Whether to colour diagnostics.
    #[must_use]
    pub const fn colours_err(&self) -> bool {
        self.colours(self.err_takes_colour)
    }

    /// Shows how far work is that may be long.
    pub(crate) fn progress(
        &mut self,
        doing: &'static str,
        unit: &'static str,
        all: Option<usize>,
    ) -> Progress<'_> {
        Progress::new(self.err, self.err_is_watched, doing, unit, all)
    }

    const fn colours(&self, takes: bool) -> bool {
        match self.colour {
            Colour::Auto => takes,
            Colour::Always => true,
            Colour::Never => false,
        }
    }
}

/// Whether a stream takes colour, by what the environment says: `NO_COLOR` (no-color.org), then `CLICOLOR_FORCE` and
/// `CLICOLOR` (bixense.com/clicolors), then `TERM`.
pub(crate) fn takes_colour(is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    is_terminal
        && set("CLICOLOR").is_none_or(|value| value != "0")
        && variable("TERM").is_none_or(|term| term != "dumb")
}

/// A stream whose reader may go away, which is no error: what is written after that is lost, and only flushing says so.
/// So a command ends as it would have if all had been read.
pub(crate) struct Forgiving<W> {
    stream: W,
    is_lost: bool,
}

impl<W> Forgiving<W> {
    pub(crate) const fn new(stream: W) -> Self {
        Self { stream, is_lost: false }
    }
}

impl<W: Write> Write for Forgiving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_lost {
            return Ok(bytes.len());
        }
        match self.stream.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_lost = true;
                Ok(bytes.len())
            }
            done => done,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_lost {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_wants_it_gets_colour() {
        for (is_terminal, variables, takes) in [
            (true, &[("TERM", "xterm")][..], true),
            (true, &[("NO_COLOR", "")], true),
            (true, &[("NO_COLOR", "1"), ("TERM", "xterm")], false),
            (true, &[("TERM", "dumb")], false),
            (true, &[("CLICOLOR", "0")], false),
            (true, &[("CLICOLOR", "1")], true),
            (false, &[("TERM", "xterm")], false),
            (false, &[("CLICOLOR", "1")], false),
            (false, &[("CLICOLOR_FORCE", "1")], true),
            (false, &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")], true),
            (false, &[("CLICOLOR_FORCE", "0")], false),
            (false, &[("CLICOLOR_FORCE", "")], false),
            (true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        ] {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            };
            assert_eq!(takes_colour(is_terminal, variable), takes, "{is_terminal} {variables:?}");
        }
    }

    #[test]
    fn what_is_written_to_nobody_is_lost() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut stream = Forgiving::new(Gone);
        assert!(stream.write_all(b"all").is_ok() && stream.write_all(b"more").is_ok());
        assert_eq!(stream.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
