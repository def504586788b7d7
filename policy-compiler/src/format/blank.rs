//! Blank lines.

use super::{Kind, Line};

/// Keeps one blank line of several in a row, and none at the ends of the file and around marks.
pub(super) fn tidy(lines: Vec<Line>) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::with_capacity(lines.len());
    let mut blank = None;
    for line in lines {
        if line.kind == Kind::Blank {
            blank = Some(line);
            continue;
        }
        let before = out.last().map(|line| line.kind);
        let kept =
            blank.take().filter(|_| line.kind != Kind::Mark && !matches!(before, None | Some(Kind::Mark)));
        out.extend(kept);
        out.push(line);
    }
    out
}
