//! For the description or a comment of a pull request.

use super::change::{Found, Said, Way};

/// The most rows of one table: what reads them takes no more than 64 KiB.
const MAX_ROWS: usize = 100;

pub(super) fn render(found: &Found) -> String {
    let count = |way: Way| found.of(way).count();
    let (allowed, denied) = (count(Way::Allowed), count(Way::Denied));
    let mut text = format!("### Policy: {allowed} newly allowed, {denied} newly denied\n\n");
    for (way, of) in [(Way::Allowed, allowed), (Way::Denied, denied)] {
        if of == 0 {
            continue;
        }
        text.push_str(&format!("**Newly {}**\n\n", way.word()));
        text.push_str("| action | for example | before | after | requests |\n");
        text.push_str("| --- | --- | --- | --- | ---: |\n");
        for change in found.of(way).take(MAX_ROWS) {
            text.push_str(&format!(
                "| {} | {}: {} | {} | {} | {} |\n",
                code(&format!("{}/{}", change.service, change.action)),
                plain(&change.witness.who),
                code(&change.witness.what()),
                said(&change.before),
                said(&change.after),
                change.requests
            ));
        }
        if let Some(more) = of.checked_sub(MAX_ROWS).filter(|more| *more > 0) {
            text.push_str(&format!("\nand {more} more\n"));
        }
        text.push('\n');
    }
    for silent in &found.silent {
        text.push_str(&format!("- not shown by requests: {silent}\n"));
    }
    if !found.silent.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("<sub>{}</sub>\n", found.scope()));
    text
}

fn said(said: &Said) -> String {
    let place = said.because.as_ref().map_or_else(String::new, |place| format!(", {}", code(place)));
    format!("{}{place}", plain(&said.words()))
}

/// Text in a cell of a table, as code. A bar would end the cell even there, and a backtick the code.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Text in a cell that means nothing but itself.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        if "\\`*_{}[]<>()#+!|~&".contains(character) {
            plain.push('\\');
        }
        plain.push(if character.is_control() { ' ' } else { character });
    }
    plain
}
