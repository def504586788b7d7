//! Indentation: what the first thing of each line is in decides how far it is indented.

use super::extent::Extents;
use super::{Kind, Line, order};

const STEP: usize = 2;

/// A block that is open: a list, or a mapping or other value.
#[derive(Clone, Copy, Debug)]
struct Level {
    is_list: bool,
    /// The column that it is at.
    from: usize,
    /// The column that it belongs at.
    to: usize,
}

/// Reads lines one after the other, and keeps track of what is open.
struct Layout<'a> {
    raw: Vec<&'a str>,
    extents: &'a Extents,
    levels: Vec<Level>,
    lines: Vec<Line>,
    /// Where comments and blank lines began that stand before whatever comes next.
    pending: usize,
}

/// The lines of a text where they belong; none if it is laid out in a way that is not understood.
pub(super) fn indent(text: &str, extents: &Extents) -> Option<Vec<Line>> {
    let raw: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    let count = raw.len();
    let mut layout = Layout { raw, extents, levels: Vec::new(), lines: Vec::new(), pending: 0 };
    let mut number = 0_usize;
    while number < count {
        // A line is read together with those on which it goes on.
        number = layout.line(number)?.checked_add(1)?;
    }
    layout.settle(&layout.levels.clone(), None);
    Some(layout.lines)
}

impl Layout<'_> {
    /// Reads the line of this number and all that belongs to it; gives the last line that was read.
    fn line(&mut self, number: usize) -> Option<usize> {
        let raw = *self.raw.get(number)?;
        let (column, text) = split(raw);
        let trimmed = text.trim_end_matches([' ', '\t']);
        if trimmed.is_empty() {
            self.push(Kind::Blank, 0, "");
            return Some(number);
        }
        if trimmed.starts_with('#') {
            // Where it belongs is seen when it is known what comes next.
            self.push(Kind::Comment, column, trimmed);
            return Some(number);
        }
        let last = self.extents.last_line(number);
        if column == 0 && is_mark(text) {
            self.settle(&self.levels.clone(), None);
            self.levels.clear();
            let kept = if self.extents.ends_open(number) { text.to_owned() } else { mark(trimmed) };
            self.push(Kind::Mark, 0, &kept);
            self.pending = self.lines.len();
            return self.continue_to(number, last, None);
        }
        if text == "?" || text.starts_with("? ") || text.starts_with('%') {
            return None;
        }
        let text = if self.extents.ends_open(number) { text } else { trimmed };
        let before = self.levels.clone();
        let to = self.open(column, is_item(text))?;
        let (dashes, rest, block) = self.items(number, column, text)?;
        self.settle(&before, Some((column, to)));
        let outermost = to == 0 && dashes.is_empty() && self.extents.is_key(number, column);
        let rank = outermost.then(|| order::rank(rest.split(':').next().unwrap_or_default()));
        self.lines.push(Line { kind: Kind::Content, indent: to, text: format!("{dashes}{rest}"), rank });
        self.pending = self.lines.len();
        let last = if self.extents.starts_block(number) { self.block_end(number, block, rest) } else { last };
        self.continue_to(number, last, block)
    }

    /// Closes what ends before a line that starts at `column`, opens what it starts, and gives the column it belongs at.
    fn open(&mut self, column: usize, is_item: bool) -> Option<usize> {
        while self
            .levels
            .last()
            .is_some_and(|top| top.from > column || (top.from == column && top.is_list && !is_item))
        {
            self.levels.pop();
        }
        match self.levels.last() {
            Some(top) if top.from == column && top.is_list == is_item => Some(top.to),
            top => {
                let to = top.map_or(Some(0), |top| top.to.checked_add(STEP))?;
                self.levels.push(Level { is_list: is_item, from: column, to });
                Some(to)
            }
        }
    }

    /// Opens what stands behind the dashes of a line. Gives the dashes as they belong, what is behind them, and the
    /// innermost block that the line is in.
    fn items<'t>(
        &mut self,
        number: usize,
        column: usize,
        text: &'t str,
    ) -> Option<(String, &'t str, Option<Level>)> {
        let mut dashes = String::new();
        let mut rest = text;
        let mut column = column;
        while is_item(rest) {
            let behind = rest.strip_prefix('-')?.trim_start_matches(' ');
            if behind.is_empty() || behind.starts_with('#') {
                return Some((dashes, rest, self.levels.last().copied()));
            }
            column = column.checked_add(rest.len().checked_sub(behind.len())?)?;
            let to = self.levels.last()?.to.checked_add(STEP)?;
            self.levels.push(Level { is_list: is_item(behind), from: column, to });
            dashes.push_str("- ");
            rest = behind;
        }
        // A value that is no mapping opens no block: it is in the block of its dash or key.
        let own = if self.extents.is_key(number, column) { 0 } else { 1 };
        Some((dashes, rest, self.levels.iter().rev().nth(own).copied()))
    }

    /// The last line of the block of text that starts on a line, within `block`.
    fn block_end(&self, number: usize, block: Option<Level>, header: &str) -> usize {
        let parent = block.map_or(0, |block| block.from.saturating_add(1));
        let keeps = header.split(['|', '>']).next_back().is_some_and(|indicators| {
            indicators.split('#').next().is_some_and(|indicators| indicators.contains('+'))
        });
        let mut last = number;
        let mut content = None;
        for (place, raw) in self.raw.iter().enumerate().skip(number.saturating_add(1)) {
            let (column, text) = split(raw);
            if text.is_empty() {
                if keeps {
                    last = place;
                }
                continue;
            }
            // The first line that is not blank says how far the text is indented.
            if column < *content.get_or_insert(column) || column < parent {
                break;
            }
            last = place;
        }
        last
    }

    /// Moves the lines up to `last` as far as the block that they are in.
    fn continue_to(&mut self, number: usize, last: usize, block: Option<Level>) -> Option<usize> {
        for place in number.checked_add(1)?..=last {
            let (column, text) = split(self.raw.get(place)?);
            let ends = !self.extents.starts_block(number) && !self.extents.ends_open(place);
            let text = if ends { text.trim_end_matches([' ', '\t']) } else { text };
            let indent = match block {
                _ if text.is_empty() && (column == 0 || ends) => 0,
                None => column,
                Some(Level { from, to, .. }) => column.saturating_add(to).saturating_sub(from),
            };
            self.push(Kind::Continuation, indent, text);
        }
        self.pending = self.lines.len();
        Some(last)
    }

    fn push(&mut self, kind: Kind, indent: usize, text: &str) {
        self.lines.push(Line { kind, indent, text: text.to_owned(), rank: None });
    }

    /// Indents the comments that stand before what comes next: as that if they were at its column, else as the block of
    /// theirs among those that were open, else as what comes next, or as the innermost block if nothing does.
    fn settle(&mut self, before: &[Level], next: Option<(usize, usize)>) {
        let comments = self.lines.iter_mut().skip(self.pending).filter(|line| line.kind == Kind::Comment);
        for comment in comments {
            let column = comment.indent;
            let of_block = before.iter().rev().find(|level| level.from == column).map(|level| level.to);
            let around = before.iter().rev().find(|level| level.from < column).map_or(0, |level| level.to);
            comment.indent = match next {
                Some((from, to)) if from == column => to,
                Some((_, to)) => of_block.unwrap_or(to),
                None => of_block.unwrap_or(around),
            };
        }
        self.pending = self.lines.len();
    }
}

/// How many spaces a line starts with, and the rest.
fn split(raw: &str) -> (usize, &str) {
    let text = raw.trim_start_matches(' ');
    (raw.len().saturating_sub(text.len()), text)
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn is_mark(text: &str) -> bool {
    let rest = text.strip_prefix("---").or_else(|| text.strip_prefix("..."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// A mark with one space before what follows it.
fn mark(text: &str) -> String {
    let (mark, rest) = text.split_at_checked(3).unwrap_or((text, ""));
    let rest = rest.trim_start_matches([' ', '\t']);
    if rest.is_empty() { mark.to_owned() } else { format!("{mark} {rest}") }
}
