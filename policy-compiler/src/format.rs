//! Lays policy files out alike. Only blank space changes, and the order of a document's outermost fields, so that
//! comments, quotes, flow style and line breaks stay as they were written:
//!
//! - blocks are indented by two more spaces than what they are in, lists in mappings included, and one space follows `-`;
//! - a comment on a line of its own is indented as the block that it was in, or as what follows it;
//! - a document's fields are in the order `apiVersion`, `kind`, `metadata`, `spec`, unless comments between them would
//!   come to stand elsewhere;
//! - lines end in a line feed without space before it, there is at most one blank line in a row, and none around `---`
//!   and at both ends of the file.
//!
//! Text in blocks (`|`, `>`), and whatever else goes on over several lines, is moved as a whole. The result is read again
//! and compared, so that a layout that was misunderstood is refused, and never changes what a policy says.

mod blank;
mod extent;
mod indent;
mod order;
#[cfg(test)]
mod tests;

use core::fmt;

use self::extent::Extents;
use crate::diagnostics::Diagnostics;
use crate::source::Sources;
use crate::syntax::node::{Entry, Node, Style, Value};
use crate::syntax::yaml;

/// Why a text is not formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It is not YAML as policy has it.
    NotYaml,
    /// It is, but laid out in a way that is not understood here.
    Unsure,
}

/// A line to be written.
#[derive(Clone, Debug)]
struct Line {
    kind: Kind,
    /// How many spaces stand before the text.
    indent: usize,
    text: String,
    /// For an outermost field of a document: its place among its fellows.
    rank: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Blank,
    /// Nothing but a comment.
    Comment,
    /// Something starts here.
    Content,
    /// Something that started on an earlier line goes on.
    Continuation,
    /// `---` or `...`
    Mark,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYaml => "not YAML as policy has it",
            Self::Unsure => "the layout is not understood",
        })
    }
}

impl std::error::Error for FormatError {}

/// The formatted text. Formatting it again changes nothing.
///
/// # Errors
/// [`FormatError`]; the text is then to be left as it is.
pub fn format(text: &str) -> Result<String, FormatError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let documents = read(&text)?;
    let lines = indent::indent(&text, &Extents::new(&text, &documents)).ok_or(FormatError::Unsure)?;
    let formatted = write(&blank::tidy(order::order(lines)));
    let says_the_same = read(&formatted).is_ok_and(|after| {
        let pairs = after.iter().zip(&documents);
        after.len() == documents.len()
            && pairs.into_iter().all(|(after, before)| same_document(after, before))
    });
    if says_the_same && squeezed(&text) == squeezed(&formatted) {
        Ok(formatted)
    } else {
        Err(FormatError::Unsure)
    }
}

fn read(text: &str) -> Result<Vec<Node>, FormatError> {
    let sources = Sources::single("", text);
    let mut diagnostics = Diagnostics::new();
    let documents = sources.iter().flat_map(|(id, file)| yaml::parse(id, file, &mut diagnostics)).collect();
    if diagnostics.has_errors() { Err(FormatError::NotYaml) } else { Ok(documents) }
}

fn write(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        out.extend(core::iter::repeat_n(' ', line.indent));
        out.push_str(&line.text);
        out.push('\n');
    }
    out
}

/// What is left of each line without blank space, sorted: nothing is lost and nothing is added.
fn squeezed(text: &str) -> Vec<String> {
    let squeeze =
        |line: &str| line.chars().filter(|character| !character.is_whitespace()).collect::<String>();
    let mut lines: Vec<String> = text.lines().map(squeeze).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

/// Whether two documents say the same; the order of their outermost fields says nothing.
fn same_document(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::Map(left), Value::Map(right)) => {
            let sorted = |entries: &[Entry]| {
                let mut entries: Vec<Entry> = entries.to_vec();
                entries.sort_by_key(|entry| order::rank(&entry.key.value));
                entries
            };
            same_entries(&sorted(left), &sorted(right))
        }
        _ => same(left, right),
    }
}

/// Whether two trees say the same, wherever they stand. They are not deep: the parser limits that.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        // A line feed at the end of the file ends the block before it.
        (Value::Scalar(left), Value::Scalar(right)) if left.style == Style::Block => {
            right.style == Style::Block
                && left.text.trim_end_matches('\n') == right.text.trim_end_matches('\n')
        }
        (Value::Scalar(left), Value::Scalar(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => same_entries(left, right),
        _ => false,
    }
}

fn same_entries(left: &[Entry], right: &[Entry]) -> bool {
    let pairs = left.iter().zip(right);
    left.len() == right.len()
        && pairs
            .into_iter()
            .all(|(left, right)| left.key.value == right.key.value && same(&left.value, &right.value))
}
