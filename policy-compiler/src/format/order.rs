//! The order of a document's outermost fields.

use super::{Kind, Line};

/// The order that they belong in; others come last.
const ORDER: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// The place of an outermost field among its fellows.
pub(super) fn rank(key: &str) -> usize {
    let key = key.trim().trim_matches(['"', '\'']);
    ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len())
}

/// Puts the fields of each document in order, with the lines that belong to them.
pub(super) fn order(lines: Vec<Line>) -> Vec<Line> {
    let mut out = Vec::with_capacity(lines.len());
    let mut document = Vec::new();
    for line in lines {
        if line.kind == Kind::Mark {
            out.extend(ordered(core::mem::take(&mut document)));
            out.push(line);
        } else {
            document.push(line);
        }
    }
    out.extend(ordered(document));
    out
}

fn ordered(document: Vec<Line>) -> Vec<Line> {
    let ranks: Vec<usize> = document.iter().filter_map(|line| line.rank).collect();
    if ranks.is_sorted() {
        return document;
    }
    // What stands before the first field stays there.
    let mut parts: Vec<Vec<Line>> = vec![Vec::new()];
    for line in document.iter().cloned() {
        if line.rank.is_some() {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    // A comment at the end of a field may be about the next one, so that neither can be moved.
    let ends_in_comment = |part: &Vec<Line>| {
        part.iter().rev().find(|line| line.kind != Kind::Blank).is_some_and(|line| line.kind == Kind::Comment)
    };
    let (head, fields) = parts.split_at_mut_checked(1).unwrap_or_default();
    if fields.iter().any(ends_in_comment) {
        return document;
    }
    fields.sort_by_key(|field| field.first().and_then(|line| line.rank));
    head.iter().chain(fields.iter()).flatten().cloned().collect()
}
