//! A stream of events (HTML, section 9.2.6), event by event.
//!
//! Lines without data go on at once as long as their event has none, and so comments that keep a connection alive do.

use alloc::vec::Vec;

use super::sieve::Sieve;
use super::{Audience, ListError};
use crate::json::JsonErrorKind;
use crate::limits::MAX_LIST_BYTES;

/// A stream as far as it came.
#[derive(Debug)]
pub(super) struct Events {
    /// The lines of the event from its first data on, and before that the line being read.
    held: Vec<u8>,
    has_data: bool,
    /// How many bytes of the line being read there were.
    line: usize,
    /// The last line ended in a carriage return, so that a line feed may belong to it.
    after_return: bool,
    /// The event is too large, and what comes of it is dropped.
    is_dropped: bool,
}

impl Events {
    pub(super) const fn new() -> Self {
        Self { held: Vec::new(), has_data: false, line: 0, after_return: false, is_dropped: false }
    }

    pub(super) const fn held(&self) -> usize {
        self.held.capacity()
    }

    pub(super) fn push(&mut self, bytes: &[u8], audience: &mut dyn Audience, out: &mut Vec<u8>) {
        let mut rest = bytes;
        if let [b'\n', after @ ..] = rest
            && self.after_return
        {
            rest = after;
            self.end_with_feed(out);
        }
        self.after_return &= bytes.is_empty();
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, after) = rest.split_at_checked(end.saturating_add(1)).unwrap_or((rest, &[]));
            self.hold(line);
            self.line = self.line.saturating_add(end);
            self.end_line(audience, out);
            rest = after;
            if line.last() == Some(&b'\r') {
                match rest {
                    [] => self.after_return = true,
                    [b'\n', after @ ..] => {
                        rest = after;
                        self.end_with_feed(out);
                    }
                    _ => {}
                }
            }
        }
        self.hold(rest);
        self.line = self.line.saturating_add(rest.len());
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.is_dropped {
            return;
        }
        if self.held.len().saturating_add(bytes.len()) > MAX_LIST_BYTES {
            self.is_dropped = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    /// Puts a line feed where the carriage return before it went.
    fn end_with_feed(&mut self, out: &mut Vec<u8>) {
        if self.held.is_empty() && !self.is_dropped {
            out.push(b'\n');
        } else {
            self.hold(b"\n");
        }
    }

    /// The line that was held last is complete, but perhaps for a line feed.
    fn end_line(&mut self, audience: &mut dyn Audience, out: &mut Vec<u8>) {
        let is_blank = core::mem::take(&mut self.line) == 0;
        if is_blank {
            let held = core::mem::take(&mut self.held);
            if core::mem::take(&mut self.is_dropped) {
                write_instead(ListError::TooLarge, &[], audience, out);
                out.push(b'\n');
            } else if self.has_data {
                write_event(&held, audience, out);
            } else {
                out.extend_from_slice(&held);
            }
            self.has_data = false;
        } else if !self.is_dropped && !self.has_data {
            if data(&self.held).is_some() {
                self.has_data = true;
            } else {
                out.append(&mut self.held);
            }
        }
    }
}

/// Passes on an event with data, as far as it may be.
fn write_event(event: &[u8], audience: &mut dyn Audience, out: &mut Vec<u8>) {
    let mut joined = Vec::new();
    for data in lines(event).filter_map(data) {
        joined.extend_from_slice(data);
        joined.push(b'\n');
    }
    if joined.trim_ascii().is_empty() {
        return out.extend_from_slice(event);
    }
    match sift(&joined, audience) {
        Ok(None) => out.extend_from_slice(event),
        Ok(Some(message)) => {
            let mut message = Some(message);
            for line in lines(event) {
                match data(line) {
                    None => out.extend_from_slice(line),
                    Some(_) => write_data(&message.take().unwrap_or_default(), out),
                }
            }
        }
        Err(error) => write_instead(error, event, audience, out),
    }
}

/// What is left of a message if anything is left out.
fn sift(message: &[u8], audience: &mut dyn Audience) -> Result<Option<Vec<u8>>, ListError> {
    let mut sieve = Sieve::new();
    match sieve.push(message, audience)? {
        None => sieve.finish()?,
        Some(rest) if rest.trim_ascii().is_empty() => {}
        Some(_) => return Err(ListError::Json(JsonErrorKind::TrailingData)),
    }
    Ok(sieve.has_left_out().then(|| sieve.take()))
}

/// Writes what stands for the data of an event that cannot be read, and its other lines.
fn write_instead(error: ListError, event: &[u8], audience: &mut dyn Audience, out: &mut Vec<u8>) {
    write_data(&audience.instead(error).unwrap_or_default(), out);
    lines(event).filter(|line| data(line).is_none()).for_each(|line| out.extend_from_slice(line));
}

fn write_data(message: &[u8], out: &mut Vec<u8>) {
    if message.is_empty() {
        return;
    }
    for line in message.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
}

/// What a line adds to the data of its event, if it does. A byte order mark means nothing before the first line of a
/// stream, and is not expected before any other.
fn data(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.strip_prefix(b"data")? {
        [b':', b' ', data @ ..] | [b':', data @ ..] => Some(data),
        [] => Some(&[]),
        _ => None,
    }
}

/// The lines of some text, each with its end.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = match end.and_then(|end| rest.get(end..)) {
            Some([b'\r', b'\n', ..]) => end.map(|end| end.saturating_add(2)),
            Some(_) => end.map(|end| end.saturating_add(1)),
            None => Some(rest.len()).filter(|length| *length > 0),
        };
        let (line, after) = rest.split_at_checked(length?)?;
        rest = after;
        Some(line)
    })
}
