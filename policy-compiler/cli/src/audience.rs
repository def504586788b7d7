//! Who reads what a command shows.

use clap::{Args, ValueEnum};

/// Who reads what a command shows: people, or programs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Audience {
    /// How to show it: `human` or `json`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Human,
    Json,
}

impl Audience {
    /// Whether a program reads it, as one JSON document.
    pub(crate) fn is_program(self) -> bool {
        self.format == Format::Json
    }
}
