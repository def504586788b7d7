//! Diagnostics as people and programs read them. Every form ends in a line feed, or is empty if there is nothing to say.

mod github;
mod human;
mod json;
mod short;

use crate::diagnostics::{Diagnostics, Kind, Label};
use crate::source::Sources;

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The source, underlined; with colour if asked for.
    Human {
        /// Whether to emit terminal escapes.
        colour: bool,
    },
    /// One line each: `FILE:LINE:COLUMN: error[P0123]: message`.
    Short,
    /// One JSON array.
    Json,
    /// Workflow commands of GitHub Actions, which become annotations of a pull request.
    Github,
}

/// Renders all diagnostics.
#[must_use]
pub fn render<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources, format: Format) -> String {
    match format {
        Format::Human { colour } => human::render(diagnostics, sources, colour),
        Format::Short => short::render(diagnostics, sources),
        Format::Json => json::render(diagnostics, sources),
        Format::Github => github::render(diagnostics, sources),
    }
}

/// What the array of [`Format::Json`] holds.
#[must_use]
pub fn objects<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources) -> Vec<serde_json::Value> {
    json::objects(diagnostics, sources)
}

/// Places in the source, underlined with what is to be said of each, and no title: for those who tell of a policy and not
/// of what is wrong with it. The first place counts most.
#[must_use]
pub fn excerpt(places: &[Label], sources: &Sources, colour: bool) -> String {
    human::excerpt(places, sources, colour)
}
