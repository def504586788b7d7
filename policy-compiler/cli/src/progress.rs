//! How far long work is: one line on standard error, for people who wait at a terminal. It is gone when the work is done.
//!
//! The line is short, and is written over with blanks, so that it needs nothing of the terminal. Work that is soon done
//! shows none.

use std::io::Write;
use std::time::{Duration, Instant};

/// How long work may take before it is shown.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the line is written again.
const PAUSE: Duration = Duration::from_millis(100);

/// How far work is.
pub(crate) struct Progress<'t> {
    /// `None` where nobody waits.
    err: Option<&'t mut dyn Write>,
    doing: &'static str,
    unit: &'static str,
    /// How much there is to do, if it is known.
    all: Option<usize>,
    done: usize,
    /// Since when the line has not been written.
    since: Instant,
    /// How long that may go on.
    pause: Duration,
    /// The columns of the line that is there.
    width: usize,
}

impl<'t> Progress<'t> {
    /// `compiling: 120 of 4000 workloads`
    pub(crate) fn new(
        err: &'t mut dyn Write,
        is_watched: bool,
        doing: &'static str,
        unit: &'static str,
        all: Option<usize>,
    ) -> Self {
        let err = if is_watched { Some(err) } else { None };
        Self { err, doing, unit, all, done: 0, since: Instant::now(), pause: PATIENCE, width: 0 }
    }

    /// So much more is done.
    pub(crate) fn advance(&mut self, by: usize) {
        self.done = self.done.saturating_add(by);
        if self.err.is_some() && self.since.elapsed() >= self.pause {
            (self.since, self.pause) = (Instant::now(), PAUSE);
            let of = self.all.map_or_else(String::new, |all| format!(" of {all}"));
            self.write(&format!("{}: {}{of} {}", self.doing, self.done, self.unit));
        }
    }

    /// Writes a line over the one that is there.
    fn write(&mut self, line: &str) {
        let Some(err) = &mut self.err else { return };
        let blank = " ".repeat(self.width.saturating_sub(line.len()));
        // Nothing hangs on whether it is seen.
        let _ = write!(err, "\r{line}{blank}").and_then(|()| err.flush());
        self.width = line.len();
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.width > 0 {
            self.write("");
            self.write("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_line_covers_a_longer_one() {
        let mut seen = Vec::new();
        let mut progress = Progress::new(&mut seen, true, "doing", "things", None);
        progress.advance(7);
        progress.write("long line");
        progress.write("line");
        drop(progress);
        assert_eq!(String::from_utf8(seen).unwrap(), "\rlong line\rline     \r    \r");
        let mut seen = Vec::new();
        Progress::new(&mut seen, false, "doing", "things", Some(9)).write("line");
        assert_eq!(seen, b"");
    }
}
