//! One pass over a JSON body that keeps only the fields policy reads.
//!
//! A [`Selection`] is built once, when policy is loaded. For each body an [`Extractor`] takes the bytes
//! in whatever pieces they come, and ends in [`Facts`]. What it holds is bounded by the selection and by
//! the limits of this crate, not by the body.
//!
//! ## What is refused
//! Besides what the [scanner](crate::json) refuses: a selected key, or one on the way to a selected field,
//! that occurs twice in one object, because parsers disagree which one counts; a key that only resembles
//! one (see [`Selection`]); NUL in a selected string or in a key beside selected ones. Repeated keys that
//! no selected field depends on are not looked at.
//!
//! ## What is known early
//! A value once recorded never changes: the rest of the body either leaves it as it is or is refused. So
//! a *denial* that follows from values in [`Extractor::facts`] is certain before the body ends. An
//! *allow* is not: a duplicate, a second argument or a syntax error may follow, and only
//! [`Extractor::finish`] gives facts that an allow may rest on.

use crate::json::{JsonError, Scanner};

mod collect;
mod facts;
mod selection;
#[cfg(test)]
mod tests;

pub use facts::{Document, Facts, List, Shape, Unreadable, Value};
pub use selection::{ClosedId, FieldId, Root, Selection, SelectionBuilder, SelectionError, Step};

use collect::Collector;

/// Reads the selected fields of one body.
#[derive(Debug)]
pub struct Extractor {
    scanner: Scanner,
    collector: Collector,
    refused: Option<JsonError>,
}

/// How far a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many values were recorded so far; if it did not grow, there is nothing new to judge.
    pub values: usize,
    /// Whether the JSON value is complete, so that only whitespace may follow.
    pub is_done: bool,
}

impl Extractor {
    /// Starts on a body.
    #[must_use]
    pub fn new(selection: &Selection) -> Self {
        Self { scanner: Scanner::new(), collector: Collector::new(selection), refused: None }
    }

    /// Starts on a text whose length is bounded elsewhere: its strings may have `bytes` bytes, one by one and together.
    #[must_use]
    pub fn with_room(selection: &Selection, bytes: usize) -> Self {
        let mut collector = Collector::new(selection);
        collector.set_room(bytes);
        Self { scanner: Scanner::new(), collector, refused: None }
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// The first reason to refuse the body. Every later call repeats it; but as long as what comes is JSON, the
    /// [survivor](SelectionBuilder::survivor) is still read, and nothing else is recorded any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Progress, JsonError> {
        let scanned = self.scanner.push(bytes, &mut self.collector);
        if self.refused.is_none() {
            let refusal = self.collector.refusal();
            self.refused = refusal.map(|kind| JsonError::new(kind, self.scanner.offset())).or(scanned.err());
        }
        if let Some(error) = self.refused {
            return Err(error);
        }
        Ok(Progress { values: self.collector.values(), is_done: self.scanner.is_done() })
    }

    /// The values recorded so far. They may justify a denial, never an allow.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.collector.facts()
    }

    /// Why the body is refused, if it is already.
    #[must_use]
    pub const fn refused(&self) -> Option<JsonError> {
        self.refused
    }

    /// Whether nothing more will be read, since what came is no JSON.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.scanner.has_failed()
    }

    /// How many bytes were taken.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.scanner.offset()
    }

    /// Ends the body. After this, [`facts`](Self::facts) are those of the whole body, if it is not refused.
    ///
    /// # Errors
    /// The error of an earlier [`push`](Self::push), or that the body is not one complete JSON value.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.refused.is_none() {
            let scanned = self.scanner.finish(&mut self.collector);
            let refusal = self.collector.refusal();
            self.refused = refusal.map(|kind| JsonError::new(kind, self.scanner.offset())).or(scanned.err());
        }
        self.refused.map_or(Ok(()), Err)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    pub fn finish(mut self) -> Result<Facts, JsonError> {
        self.end()?;
        Ok(self.collector.into_facts())
    }
}

/// Reads the selected fields of a body that is there in full.
///
/// # Errors
/// As [`Extractor::finish`].
pub fn extract(selection: &Selection, body: &[u8]) -> Result<Facts, JsonError> {
    let mut extractor = Extractor::new(selection);
    extractor.push(body)?;
    extractor.finish()
}
