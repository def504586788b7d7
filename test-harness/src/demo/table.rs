//! The story as a table for people.

use super::story::Line;

const HEADINGS: [&str; 6] = ["who calls", "on behalf of", "to do what", "verdict", "code", "limited by"];

/// The table, with colours if they are wanted.
pub(super) fn render(lines: &[Line], colours: bool) -> String {
    let rows: Vec<[&str; 6]> = lines
        .iter()
        .map(|line| [line.who, line.behalf, line.what, line.verdict, &line.code, &line.limited_by])
        .collect();
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| {
            rows.iter().chain([&HEADINGS]).map(|row| row[column].chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut out = row(&HEADINGS, &widths, |cell, _| cell);
    out.push_str(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "));
    out.push('\n');
    for (cells, line) in rows.iter().zip(lines) {
        let colour = |cell: String, column: usize| match (colours, column, line.verdict) {
            (true, 3, "allow") => format!("\x1b[32m{cell}\x1b[0m"),
            (true, 3, _) => format!("\x1b[31m{cell}\x1b[0m"),
            _ => cell,
        };
        out.push_str(&row(cells, &widths, colour));
        if let Some(surprise) = line.surprise() {
            out.push_str(&format!("    ^ {surprise}\n"));
        }
    }
    out
}

fn row(cells: &[&str; 6], widths: &[usize], colour: impl Fn(String, usize) -> String) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, width))| colour(format!("{cell:width$}"), column));
    let line = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}
