//! Results as a table, and below it what does not hold.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::diagnostics::render::{Format, render};

use super::outcome::Outcome;
use crate::failure::Failure;
use crate::policy::place;
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;

/// The widest that a name is shown before the verdict, in characters.
const MAX_NAME: usize = 60;

pub(super) fn show(
    outcomes: &[Outcome<'_>],
    sidecars: &Sidecars<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let sources = &sidecars.loaded.sources;
    let places: Vec<String> = outcomes.iter().map(|outcome| place(sources, outcome.case.span)).collect();
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let place_width = widest(&mut places.iter().map(|place| place.chars().count()));
    let name_width =
        widest(&mut outcomes.iter().map(|outcome| outcome.case.name.chars().count().min(MAX_NAME)));
    let colour = terminal.colours_out();
    let mut text = String::new();
    for (outcome, place) in outcomes.iter().zip(&places) {
        let (word, code) = if outcome.holds() { ("ok  ", "32") } else { ("FAIL", "31") };
        let word = if colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() };
        let (name, said) = (&outcome.case.name, outcome.said());
        text.push_str(&format!("{word}  {place:place_width$}  {name:name_width$}  {said}\n"));
    }
    let mut diagnostics = Diagnostics::new();
    let failed = outcomes.iter().filter(|outcome| !outcome.holds());
    failed.for_each(|outcome| diagnostics.push(outcome.diagnostic(sidecars)));
    if !diagnostics.is_empty() {
        text.push('\n');
        text.push_str(&render(&diagnostics, sources, Format::Human { colour }));
    }
    let (failed, all) = (diagnostics.errors(), outcomes.len());
    text.push_str(&format!("{} passed, {failed} failed\n", all.saturating_sub(failed)));
    terminal.out.write_all(text.as_bytes())?;
    Ok(())
}
