//! One page, as roff has it.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::help::{Block, Line, blocks};

/// The manual's section: commands.
const SECTION: &str = "1";

/// What `man` finds a page by: `ambit-image-build.1`.
pub(super) fn file_name(command: &Command) -> String {
    format!("{}.{SECTION}", name(command))
}

fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The page of a command. It has no date, so that the same program writes the same pages.
pub(super) fn render(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().subcommand_help_heading("COMMANDS"));
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (sections, notes): (Vec<Block>, Vec<Block>) =
        blocks(&text).into_iter().partition(|block| block.heading.is_some());
    let mut page = Vec::new();
    man.render_name_section(&mut page)?;
    introduction(command, &notes).to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::new();
    for section in &sections {
        let heading = section.heading.as_deref().unwrap_or_default().to_uppercase();
        roff.control("SH", [heading.as_str()]);
        if heading == "EXIT STATUS" { statuses(section, &mut roff) } else { lines(section, &mut roff) }
    }
    if let Some((program, _)) = name(command).split_once('-') {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(program), roman(format!("({SECTION})"))]);
    }
    roff.to_writer(&mut page)?;
    let (title, version) = (name(command).to_uppercase(), env!("CARGO_PKG_VERSION"));
    let title = format!(".TH \"{title}\" \"{SECTION}\" \"\" \"Ambit {version}\" \"Ambit\"\n");
    Ok((title + &marked(&String::from_utf8_lossy(&page))).into_bytes())
}

/// How it is called, and what it does.
fn introduction(command: &Command, notes: &[Block]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let (usage, called) =
        (command.clone().render_usage().to_string(), command.get_bin_name().unwrap_or_default());
    let rest = usage.trim_start_matches("Usage:").trim().trim_start_matches(called);
    roff.text([bold(called), roman(rest)]);
    roff.control("SH", ["DESCRIPTION"]);
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let paragraphs: Vec<&str> = about.split("\n\n").collect();
    // The first is the name's line again.
    let paragraphs = match paragraphs.as_slice() {
        [_, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    for paragraph in paragraphs {
        roff.control("PP", []);
        roff.text([roman(*paragraph)]);
    }
    for note in notes {
        roff.control("PP", []);
        lines(note, &mut roff);
    }
    roff
}

/// Text, and lines that stay as they are.
fn lines(block: &Block, roff: &mut Roff) {
    let mut is_kept = false;
    for line in &block.lines {
        let (text, keep) = match line {
            Line::Text(text) => (text, false),
            Line::Kept(text) => (text, true),
        };
        if keep && !is_kept {
            roff.control("PP", []).control("nf", []);
        } else if is_kept && !keep {
            roff.control("fi", []).control("PP", []);
        }
        is_kept = keep;
        roff.text([roman(text.as_str())]);
    }
    if is_kept {
        roff.control("fi", []);
    }
}

/// Each number with what it means.
fn statuses(block: &Block, roff: &mut Roff) {
    for line in &block.lines {
        let (Line::Text(text) | Line::Kept(text)) = line;
        let (number, meaning) = text.split_once("  ").unwrap_or(("", text));
        roff.control("TP", []);
        roff.text([bold(number)]);
        roff.text([roman(meaning)]);
    }
}

/// The page with what stands in backticks in bold, without the empty lines that roff frowns on, and with its preamble
/// once.
fn marked(page: &str) -> String {
    let (mut preamble, mut out) = (String::new(), String::new());
    for line in page.lines() {
        let is_preamble = line.starts_with(".ie ") || line.starts_with(".el ");
        if is_preamble && !preamble.contains(line) {
            preamble.push_str(line);
            preamble.push('\n');
        } else if is_preamble {
            continue;
        } else if line.trim().is_empty() {
            out.push_str(".sp\n");
        } else if line.starts_with('.') {
            out.push_str(line);
            out.push('\n');
        } else {
            for (part, is_code) in line.split('`').zip([false, true].into_iter().cycle()) {
                let text = if is_code { format!("\\fB{part}\\fR") } else { part.to_owned() };
                out.push_str(&text);
            }
            out.push('\n');
        }
    }
    preamble + &out
}
