//! What a server lists, cut down to what its reader may use.
//!
//! The replies to `tools/list`, `resources/list`, `resources/templates/list` and `prompts/list` are rewritten as they
//! come: an entry that the [`Audience`] may not use is left out, with the comma before or behind it, and every other
//! byte stays as it is. A message goes on when it is complete, so that what cannot be read can be answered in its place;
//! of a stream of events each goes on by itself.
//!
//! A reply is read as strictly as a request. Left out are entries that have no name, have two, or have one that no call
//! could have, and whatever stands in a list and is no object.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::json::{JsonError, JsonErrorKind};

mod entry;
mod events;
mod sieve;
#[cfg(test)]
mod tests;

pub use entry::{Entry, is_list};

use events::Events;
use sieve::Sieve;

/// Whom a list is for.
pub trait Audience {
    /// Whether it may use an entry.
    fn may_use(&mut self, entry: Entry<'_>) -> bool;

    /// What takes the place of a message that cannot be read. In a stream of events, nothing may.
    fn instead(&mut self, error: ListError) -> Option<Vec<u8>>;
}

/// Why a message cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// It is not JSON that is read here.
    Json(JsonErrorKind),
    /// It is longer than [`MAX_LIST_BYTES`](crate::limits::MAX_LIST_BYTES).
    TooLarge,
    /// It has more than [`MAX_LIST_ENTRIES`](crate::limits::MAX_LIST_ENTRIES).
    TooManyEntries,
    /// What should be a list is none.
    Shape,
}

/// What a reply is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One JSON text: a message or a batch.
    Json,
    /// A stream of events, with a JSON text in the data of each.
    Events,
}

/// Rewrites one reply.
#[derive(Debug)]
pub struct Rewriter(State);

#[derive(Debug)]
enum State {
    Message(Box<Sieve>),
    /// The message has gone on, and only blanks may follow.
    Behind,
    /// Nothing goes on any more.
    Over,
    Events(Events),
}

impl Rewriter {
    /// Starts on a reply.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Json => State::Message(Box::new(Sieve::new())),
            Framing::Events => State::Events(Events::new()),
        })
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.0 {
            State::Message(sieve) => sieve.held(),
            State::Events(events) => events.held(),
            State::Behind | State::Over => 0,
        }
    }

    /// Takes the next bytes, and appends to `out` what goes on. `is_end` says that they are the last; an event that is
    /// not complete then is none.
    pub fn push(&mut self, bytes: &[u8], is_end: bool, audience: &mut dyn Audience, out: &mut Vec<u8>) {
        let rest = match &mut self.0 {
            State::Events(events) => return events.push(bytes, audience, out),
            State::Over => return,
            State::Behind => bytes,
            State::Message(sieve) => match sieve.push(bytes, audience) {
                Ok(None) if is_end => {
                    let error = sieve.finish().map_or_else(|error| error, |()| ListError::Shape);
                    return self.refuse(error, audience, out);
                }
                Ok(None) => return,
                Ok(Some(rest)) => {
                    out.append(&mut sieve.take());
                    self.0 = State::Behind;
                    rest
                }
                Err(error) => return self.refuse(error, audience, out),
            },
        };
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        let (blank, more) = rest.split_at_checked(blank).unwrap_or_default();
        out.extend_from_slice(blank);
        if !more.is_empty() {
            self.0 = State::Over;
        }
    }

    fn refuse(&mut self, error: ListError, audience: &mut dyn Audience, out: &mut Vec<u8>) {
        self.0 = State::Over;
        out.append(&mut audience.instead(error).unwrap_or_default());
    }
}

impl From<JsonError> for ListError {
    fn from(error: JsonError) -> Self {
        Self::Json(error.kind())
    }
}

impl ListError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json(kind) => kind.word(),
            Self::TooLarge => "list-too-large",
            Self::TooManyEntries => "list-too-many-entries",
            Self::Shape => "list-shape",
        }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for ListError {}
