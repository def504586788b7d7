//! Where a command reads and writes.

use std::ffi::OsStr;
use std::io::{Read, Write};

use clap::ValueEnum;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
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
    pub input: &'a mut dyn Read,
    /// Standard output: results.
    pub out: &'a mut dyn Write,
    /// Standard error: everything else.
    pub err: &'a mut dyn Write,
    /// Whether standard output is a terminal that takes colour.
    pub out_takes_colour: bool,
    /// Whether standard error is a terminal that takes colour.
    pub err_takes_colour: bool,
    /// What was asked for.
    pub colour: Colour,
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

    const fn colours(&self, takes: bool) -> bool {
        match self.colour {
            Colour::Auto => takes,
            Colour::Always => true,
            Colour::Never => false,
        }
    }
}

/// Whether a stream takes colour, by the values of `NO_COLOR` (no-color.org) and `TERM`.
pub(crate) fn takes_colour(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::takes_colour;

    #[test]
    fn only_a_terminal_that_wants_it_gets_colour() {
        for (is_terminal, no_color, term, takes) in [
            (true, None, Some("xterm"), true),
            (true, Some(""), None, true),
            (true, Some("1"), Some("xterm"), false),
            (true, None, Some("dumb"), false),
            (false, None, Some("xterm"), false),
        ] {
            let (no_color, term) = (no_color.map(OsStr::new), term.map(OsStr::new));
            assert_eq!(
                takes_colour(is_terminal, no_color, term),
                takes,
                "{is_terminal} {no_color:?} {term:?}"
            );
        }
    }
}
