//! What help says behind the options: examples, notes and the exit status. It is written once with each command;
//! `--help` and man pages lay it out.
//!
//! Blocks are apart by blank lines. One that begins with a heading and a colon is a section. In both, an indented line
//! stays as it is, and the others flow: where they are broken in the source means nothing.

use clap::Command;

/// A block of the text.
pub(crate) struct Block {
    /// Without its colon; `None` for notes.
    pub(crate) heading: Option<String>,
    pub(crate) lines: Vec<Line>,
}

/// A line of a block.
pub(crate) enum Line {
    /// It flows.
    Text(String),
    /// It stays as it is, behind an indentation.
    Kept(String),
}

/// The indentation of lines that stay as they are.
const INDENT: &str = "  ";

/// The blocks of a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    text.split("\n\n").map(block).filter(|block| !block.lines.is_empty()).collect()
}

fn block(text: &str) -> Block {
    let mut block = Block { heading: None, lines: Vec::new() };
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let is_above = lines.peek().is_some_and(|next| next.starts_with(INDENT));
        match (line.strip_prefix(INDENT), line.strip_suffix(':'), block.lines.last_mut()) {
            (Some(kept), ..) => block.lines.push(Line::Kept(kept.to_owned())),
            (None, Some(heading), None) if is_above => block.heading = Some(heading.to_owned()),
            (None, _, Some(Line::Text(text))) => {
                text.push(' ');
                text.push_str(line);
            }
            (None, ..) => block.lines.push(Line::Text(line.to_owned())),
        }
    }
    block
}

/// The command with its text, and that of those below it, in a form that is wrapped where it is shown.
pub(crate) fn flowing(command: Command) -> Command {
    let text = command.get_after_help().map(|text| joined(&blocks(&text.to_string())));
    let command = match text {
        Some(text) => command.after_help(text),
        None => command,
    };
    command.mut_subcommands(flowing)
}

fn joined(blocks: &[Block]) -> String {
    let of_block = |block: &Block| {
        let heading = block.heading.iter().map(|heading| format!("{heading}:"));
        let lines = block.lines.iter().map(|line| match line {
            Line::Text(text) => text.clone(),
            Line::Kept(text) => format!("{INDENT}{text}"),
        });
        heading.chain(lines).collect::<Vec<_>>().join("\n")
    };
    blocks.iter().map(of_block).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Examples:\n  ambit a\n\nNotes flow\nfreely:\nhere.\n\nEnds with\n  a line\nand more";

    #[test]
    fn only_indented_lines_stay_as_they_are() {
        let expected = "Examples:\n  ambit a\n\nNotes flow freely: here.\n\nEnds with\n  a line\nand more";
        assert_eq!(joined(&blocks(TEXT)), expected);
        assert_eq!(joined(&blocks(expected)), expected);
    }

    #[test]
    fn sections_have_a_heading_and_notes_have_none() {
        let headings: Vec<Option<String>> = blocks(TEXT).into_iter().map(|block| block.heading).collect();
        assert_eq!(headings, [Some(String::from("Examples")), None, None]);
    }
}
