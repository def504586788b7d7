//! Writes YAML trees in any layout that means the same.

use ambit_compiler::syntax::node::{Entry, Node, Scalar, Style, Value};

/// Choices drawn from bytes; the first of each when they have run out.
pub(crate) struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `count`.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % count
    }
}

/// A text in the making.
pub(crate) struct Layout<'a, 'b> {
    choices: &'a mut Choices<'b>,
    /// Whether there are comments and blank lines, and lines are broken in other places.
    wild: bool,
    text: String,
    comments: usize,
}

/// A text, and how many comments are in it: `# 0.`, `# 1.` and so on.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) comments: usize,
}

impl<'a, 'b> Layout<'a, 'b> {
    /// Everything is different.
    pub(crate) fn wild(choices: &'a mut Choices<'b>) -> Self {
        Self { choices, wild: true, text: String::new(), comments: 0 }
    }

    /// Only indentation, space at the ends of lines, and the order of outermost fields.
    pub(crate) fn tame(choices: &'a mut Choices<'b>) -> Self {
        Self { choices, wild: false, text: String::new(), comments: 0 }
    }

    pub(crate) fn write(mut self, documents: &[Node]) -> Written {
        for (number, document) in documents.iter().enumerate() {
            if number > 0 {
                self.text.push_str("---");
                self.end_line();
            }
            match &document.value {
                Value::Map(entries) => {
                    let mut entries = entries.clone();
                    let turn = self.choices.below(entries.len());
                    entries.rotate_left(turn);
                    self.map(&entries, 0, false);
                }
                _ => panic!("a document is a mapping"),
            }
        }
        if self.wild && self.choices.below(4) == 3 {
            self.text = self.text.replace('\n', "\r\n");
        }
        Written { text: self.text, comments: self.comments }
    }

    fn spaces(&mut self, count: usize) {
        self.text.push_str(&" ".repeat(count));
    }

    /// Ends a line on which something stands, with space or a comment.
    fn end_line(&mut self) {
        let trailing = self.choices.below(8).saturating_sub(5);
        self.spaces(trailing);
        if self.wild && self.choices.below(8) == 7 {
            self.text.push_str(&format!("  # {}.", self.comments));
            self.comments += 1;
        }
        self.text.push('\n');
    }

    /// Blank lines and comments, none of them deeper than what follows: they could be part of a text.
    fn pause(&mut self, column: usize) {
        if !self.wild {
            return;
        }
        for _ in 0..self.choices.below(8).saturating_sub(5) {
            let trailing = self.choices.below(2);
            self.spaces(trailing);
            self.text.push('\n');
        }
        for _ in 0..self.choices.below(8).saturating_sub(5) {
            let column = [column, 0, column / 2][self.choices.below(3)];
            self.spaces(column);
            self.text.push_str(&format!("# {}.\n", self.comments));
            self.comments += 1;
        }
    }

    /// `inline`: the first entry goes on a line that has been started.
    fn map(&mut self, entries: &[Entry], column: usize, inline: bool) {
        for (number, entry) in entries.iter().enumerate() {
            if number > 0 || !inline {
                self.pause(column);
                self.spaces(column);
            }
            let key = &entry.key.value;
            let quoted =
                !key.chars().all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
            self.text.push_str(&if quoted { double_quoted(key) } else { key.clone() });
            self.text.push(':');
            self.value(&entry.value, column, true);
        }
    }

    fn list(&mut self, items: &[Node], column: usize, inline: bool) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 || !inline {
                self.pause(column);
                self.spaces(column);
            }
            self.text.push('-');
            self.value(item, column, false);
        }
    }

    /// What follows a key or a dash at `column`.
    fn value(&mut self, node: &Node, column: usize, of_key: bool) {
        let block = self.is_block(node);
        match &node.value {
            Value::Scalar(scalar) if block => self.text_block(scalar, column),
            Value::Map(entries) if block => match self.inline(column, of_key) {
                Some(column) => self.map(entries, column, true),
                None => {
                    let column = column + 1 + self.choices.below(5);
                    self.map(entries, column, false);
                }
            },
            Value::List(items) if block => match self.inline(column, of_key) {
                Some(column) => self.list(items, column, true),
                None => {
                    // A list may stand at the column of its key.
                    let column = column + usize::from(!of_key) + self.choices.below(5);
                    self.list(items, column, false);
                }
            },
            _ => {
                let written = self.flow(node, column);
                if !written.is_empty() {
                    self.text.push(' ');
                    self.text.push_str(&written);
                }
                self.end_line();
            }
        }
    }

    /// The column of what goes on behind a dash, unless a line is ended there.
    fn inline(&mut self, column: usize, of_key: bool) -> Option<usize> {
        if of_key || (self.wild && self.choices.below(4) == 3) {
            self.end_line();
            return None;
        }
        let space = 1 + self.choices.below(3);
        self.spaces(space);
        Some(column + 1 + space)
    }

    fn is_block(&mut self, node: &Node) -> bool {
        match &node.value {
            // A text whose lines start or end in space is kept in quotes.
            Value::Scalar(scalar) => {
                let neat = |line: &str| !line.is_empty() && line.trim() == line;
                scalar.style == Style::Block
                    && scalar.text.trim_end().lines().all(neat)
                    && scalar.text.ends_with('\n')
            }
            Value::Map(entries) => !entries.is_empty() && (!self.wild || self.choices.below(4) != 3),
            Value::List(items) => !items.is_empty() && (!self.wild || self.choices.below(4) != 3),
            Value::Broken => panic!("nothing is broken here"),
        }
    }

    fn text_block(&mut self, scalar: &Scalar, column: usize) {
        self.text.push_str(" |");
        self.end_line();
        let column = column + if self.wild { 1 + self.choices.below(4) } else { 2 };
        for line in scalar.text.lines() {
            self.spaces(column);
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// A value in one piece, which may go on over several lines.
    fn flow(&mut self, node: &Node, column: usize) -> String {
        let separator = if self.wild && self.choices.below(4) == 3 {
            format!(",\n{}", " ".repeat(column + 1 + self.choices.below(6)))
        } else {
            String::from(", ")
        };
        match &node.value {
            Value::Scalar(scalar) => scalar_text(scalar),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item, column)).collect();
                format!("[{}]", items.join(&separator))
            }
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|entry| {
                        format!("{}: {}", double_quoted(&entry.key.value), self.flow(&entry.value, column))
                    })
                    .collect();
                format!("{{{}}}", entries.join(&separator))
            }
            Value::Broken => panic!("nothing is broken here"),
        }
    }
}

/// A plain scalar may only be one where it can be nothing else.
fn scalar_text(scalar: &Scalar) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./~+".contains(character);
    match scalar.style {
        Style::Plain if scalar.text.chars().all(plain) => scalar.text.clone(),
        Style::SingleQuoted if !scalar.text.contains('\n') => {
            format!("'{}'", scalar.text.replace('\'', "''"))
        }
        _ => double_quoted(&scalar.text),
    }
}

fn double_quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}
