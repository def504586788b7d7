//! The stories as a table for people.

use super::paint::Tone;

const HEADINGS: [&str; 5] = ["what was tried", "RBAC", "Ambit", "limited by", "task"];

/// A row of the table.
pub(super) struct Row(pub(super) [Cell; 5]);

/// Text, and whether it is good news.
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn new(text: &str, tone: Tone) -> Self {
        Self { text: text.to_owned(), tone }
    }

    pub(super) fn plain(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// The table, with colours if they are wanted.
pub(super) fn render(rows: &[Row], colours: bool) -> String {
    let headings = Row(HEADINGS.map(Cell::plain));
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]).map(|Row(cells)| cells[column].text.chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let rule = Row(core::array::from_fn(|column| Cell::plain(&"-".repeat(widths[column]))));
    let all = [&headings, &rule].into_iter().chain(rows);
    all.map(|row| line(row, &widths, colours)).collect()
}

fn line(Row(cells): &Row, widths: &[usize], colours: bool) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .map(|(Cell { text, tone }, width)| tone.paint(&format!("{text:width$}"), colours));
    let line = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}
