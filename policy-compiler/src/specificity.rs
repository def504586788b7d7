//! Which selector names the action, where several match one key.
//!
//! For HTTP, path patterns are compared segment by segment from the left: a literal comes before `{name}`, which
//! comes before `**`, and a pattern that ends comes before one that goes on with `**`. Then listed methods come
//! before any method. For keys, one without `*` comes before one with it, then more literal bytes come first.
//! What is still equal is decided by the order of declaration.
//!
//! The rank depends on the selector alone and never on the key, so that it can be worked out on the host.

use crate::model::{PathPattern, Segment, Selector};

/// The rank of a selector among those that match the same key: the least one names the action.
///
/// Equal ranks are decided by the order of declaration, which the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    path: Vec<SegmentRank>,
    any_method: bool,
    pattern: bool,
    literal_bytes: core::cmp::Reverse<usize>,
}

/// The rank of one place in a path pattern. Two patterns that match one path never differ in other ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SegmentRank {
    Literal,
    One,
    End,
    Rest,
}

/// The rank of `selector`.
#[must_use]
pub fn rank(selector: &Selector) -> Rank {
    match selector {
        Selector::Http { methods, path } => Rank {
            path: path_rank(path),
            any_method: methods.is_empty(),
            pattern: false,
            literal_bytes: core::cmp::Reverse(0),
        },
        Selector::Key(key) => Rank {
            path: Vec::new(),
            any_method: false,
            pattern: key.contains('*'),
            literal_bytes: core::cmp::Reverse(key.bytes().filter(|byte| *byte != b'*').count()),
        },
    }
}

fn path_rank(path: &PathPattern) -> Vec<SegmentRank> {
    let mut ranks: Vec<SegmentRank> = path
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(_) => SegmentRank::Literal,
            Segment::One(_) => SegmentRank::One,
            Segment::Rest => SegmentRank::Rest,
        })
        .collect();
    if ranks.last() != Some(&SegmentRank::Rest) {
        ranks.push(SegmentRank::End);
    }
    ranks
}

#[cfg(test)]
mod tests;
