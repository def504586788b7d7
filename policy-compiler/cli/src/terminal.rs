//! Where a command reads and writes.

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
