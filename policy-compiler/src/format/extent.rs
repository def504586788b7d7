//! Which lines hold what, from the places that the YAML parser gives.

use std::collections::{HashMap, HashSet};

use crate::syntax::node::{Node, Style, Value};

/// Which lines hold what. Lines and columns count from 0, columns in bytes.
pub(super) struct Extents {
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
    /// For a line on which something starts that goes on over several lines, blocks of text aside: its last line.
    last: HashMap<usize, usize>,
    /// Lines on which a block of text (`|`, `>`) starts.
    blocks: HashSet<usize>,
    /// Lines whose end lies within a text, where trailing space may be part of it.
    open: HashSet<usize>,
    /// Line and column of each key.
    keys: HashSet<(usize, usize)>,
}

impl Extents {
    pub(super) fn new(text: &str, documents: &[Node]) -> Self {
        let feeds = text.bytes().zip(1_usize..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let starts = core::iter::once(0).chain(feeds).collect();
        let mut extents = Self {
            starts,
            last: HashMap::new(),
            blocks: HashSet::new(),
            open: HashSet::new(),
            keys: HashSet::new(),
        };
        let mut todo: Vec<&Node> = documents.iter().collect();
        while let Some(node) = todo.pop() {
            extents.node(text, node);
            match &node.value {
                Value::List(items) => todo.extend(items),
                Value::Map(entries) => {
                    for entry in entries {
                        let key = extents.place(entry.key.span.start);
                        extents.keys.insert(key);
                        todo.push(&entry.value);
                    }
                }
                Value::Scalar(_) | Value::Broken => {}
            }
        }
        extents
    }

    fn node(&mut self, text: &str, node: &Node) {
        let (first, _) = self.place(node.span.start);
        let is_scalar = match &node.value {
            Value::Scalar(scalar) if scalar.style == Style::Block => {
                self.blocks.extend(self.header(text, first, node));
                return;
            }
            Value::Scalar(_) => true,
            Value::Map(_) if written(text, node).starts_with('{') => false,
            // The place of a block is that of its first item, if that stands at the column of its key.
            Value::List(items)
                if written(text, node).starts_with('[')
                    && items.first().is_none_or(|first| first.span.start != node.span.start) =>
            {
                false
            }
            _ => return,
        };
        let length = u32::try_from(written(text, node).trim_end().len()).unwrap_or(u32::MAX);
        let (last, _) = self.place(node.span.start.saturating_add(length));
        if last > first {
            let known = self.last.entry(first).or_default();
            *known = last.max(*known);
            if is_scalar {
                self.open.extend(first..last);
            }
        }
    }

    /// The line of a block's `|` or `>`: the parser gives the place of its text, which `first` is the line of.
    fn header(&self, text: &str, first: usize, block: &Node) -> Option<usize> {
        let mut end = usize::try_from(block.span.start).ok()?;
        for line in (0..=first).rev() {
            let start = *self.starts.get(line)?;
            let written = text.get(start..end)?.trim();
            if !written.is_empty() {
                let bare = written.split(" #").next().unwrap_or_default().trim_end();
                let last = bare.rsplit(' ').next().unwrap_or_default();
                let indicators = last.strip_prefix(['|', '>'])?;
                let known = |byte: u8| matches!(byte, b'+' | b'-' | b'0'..=b'9');
                return indicators.bytes().all(known).then_some(line);
            }
            end = start;
        }
        None
    }

    /// Line and column of a byte.
    fn place(&self, offset: u32) -> (usize, usize) {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        (line, offset.saturating_sub(self.starts.get(line).copied().unwrap_or_default()))
    }

    /// The last line of what starts on a line, which is the line itself if nothing goes on; blocks of text aside.
    pub(super) fn last_line(&self, line: usize) -> usize {
        self.last.get(&line).copied().unwrap_or(line)
    }

    /// Whether a block of text starts on a line.
    pub(super) fn starts_block(&self, line: usize) -> bool {
        self.blocks.contains(&line)
    }

    /// Whether trailing space of a line may be part of a text.
    pub(super) fn ends_open(&self, line: usize) -> bool {
        self.open.contains(&line)
    }

    /// Whether a key starts there.
    pub(super) fn is_key(&self, line: usize, column: usize) -> bool {
        self.keys.contains(&(line, column))
    }
}

/// A node as it is written.
fn written<'t>(text: &'t str, node: &Node) -> &'t str {
    let range = usize::try_from(node.span.start).ok().zip(usize::try_from(node.span.end).ok());
    range.and_then(|(start, end)| text.get(start..end)).unwrap_or("")
}
