//! One message, held until it is complete, without the entries that are left out.

use alloc::vec::Vec;

use super::entry::List;
use super::{Audience, ListError};
use crate::json::{JsonErrorKind, Literal, Number, OutOfRange, Scanner, Sink};
use crate::limits::{MAX_LIST_BYTES, MAX_LIST_ENTRIES, MAX_NAME_BYTES};

/// A message as far as it came.
#[derive(Debug)]
pub(super) struct Sieve {
    scanner: Scanner,
    walk: Walk,
    lexer: Lexer,
    /// What goes on when the message is complete.
    held: Vec<u8>,
    /// Where the last entry ends that stays in the list being read, or the list's bracket.
    mark: usize,
    /// How many entries of that list stay.
    kept: usize,
    /// How many entries there were of all lists.
    entries: usize,
    left_out: bool,
}

/// Whether the next byte is inside a string. What it takes for one in a text that is no JSON does not matter.
#[derive(Debug, Default)]
struct Lexer {
    in_string: bool,
    escaped: bool,
}

/// Where in the message the scanner is.
#[derive(Debug, Default)]
struct Walk {
    /// The open containers that matter, outermost first.
    places: Vec<Place>,
    /// How many containers are open inside the innermost of them.
    skipped: u32,
    /// The start of the key or of the name that is being read.
    text: Vec<u8>,
    next: Next,
    name: Name,
    event: Option<Event>,
    /// An element of the list being read is no object.
    is_odd: bool,
    /// What should be a list is none, for which the scan was ended.
    is_shapeless: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Batch,
    Message,
    Result,
    List(List),
    Entry(List),
}

/// What the next value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Other,
    Result,
    List(List),
    Name,
}

/// The name of the entry that is being read.
#[derive(Debug, Default)]
enum Name {
    #[default]
    Absent,
    Text(Vec<u8>),
    /// There are two, or it is no text, or too long.
    Unusable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    ListBegan,
    EntryEnded(List),
    ListEnded,
}

impl Sieve {
    pub(super) const fn new() -> Self {
        Self {
            scanner: Scanner::new(),
            walk: Walk {
                places: Vec::new(),
                skipped: 0,
                text: Vec::new(),
                next: Next::Other,
                name: Name::Absent,
                event: None,
                is_odd: false,
                is_shapeless: false,
            },
            lexer: Lexer { in_string: false, escaped: false },
            held: Vec::new(),
            mark: 0,
            kept: 0,
            entries: 0,
            left_out: false,
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Whether anything of it was left out.
    pub(super) const fn has_left_out(&self) -> bool {
        self.left_out
    }

    /// The message, when it is complete.
    pub(super) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.held)
    }

    /// Takes the next bytes; gives back those behind the message if it is complete.
    pub(super) fn push<'b>(
        &mut self,
        bytes: &'b [u8],
        audience: &mut dyn Audience,
    ) -> Result<Option<&'b [u8]>, ListError> {
        let mut rest = bytes;
        if self.held.trim_ascii().is_empty() {
            // A message is an object; the end of a scalar shows only in what follows it.
            let first = bytes.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            if first.is_some_and(|first| !matches!(first, b'{' | b'[')) {
                return Err(ListError::Shape);
            }
        }
        while !rest.is_empty() {
            let (piece, after) = self.lexer.split(rest);
            // Up to the limit first, so that it is the same where the pieces end.
            let room = MAX_LIST_BYTES.saturating_sub(self.held.len());
            let fits = piece.get(..room).unwrap_or(piece);
            if let Err(error) = self.scanner.push(fits, &mut self.walk) {
                return Err(if self.walk.is_shapeless { ListError::Shape } else { error.into() });
            }
            if fits.len() < piece.len() {
                return Err(ListError::TooLarge);
            }
            self.held.extend_from_slice(piece);
            self.settle(piece, audience)?;
            rest = after;
            if self.scanner.is_done() {
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    /// Ends a message that is not complete.
    pub(super) fn finish(&mut self) -> Result<(), ListError> {
        Ok(self.scanner.finish(&mut self.walk)?)
    }

    /// Does what the last byte of a piece asks for.
    fn settle(&mut self, piece: &[u8], audience: &mut dyn Audience) -> Result<(), ListError> {
        match (self.walk.event.take(), piece.last()) {
            (Some(Event::ListBegan), _) => (self.mark, self.kept) = (self.held.len(), 0),
            (Some(Event::EntryEnded(list)), _) => {
                self.entries = self.entries.saturating_add(1);
                if self.entries > MAX_LIST_ENTRIES {
                    return Err(ListError::TooManyEntries);
                }
                let may_use = match core::mem::take(&mut self.walk.name) {
                    Name::Text(name) => list.entry(&name, |entry| audience.may_use(entry)),
                    Name::Absent | Name::Unusable => None,
                };
                if may_use == Some(true) {
                    (self.mark, self.kept) = (self.held.len(), self.kept.saturating_add(1));
                } else {
                    self.leave_out();
                }
            }
            (Some(Event::ListEnded), _) if self.walk.is_odd => {
                self.walk.is_odd = false;
                self.leave_out();
                self.held.push(b']');
            }
            (None, Some(b',')) if self.walk.is_between_entries() && (self.walk.is_odd || self.kept == 0) => {
                self.walk.is_odd = false;
                self.leave_out();
                if self.kept > 0 {
                    self.held.push(b',');
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes back what was held since the last entry that stays.
    fn leave_out(&mut self) {
        self.held.truncate(self.mark);
        self.left_out = true;
    }
}

impl Lexer {
    /// Cuts behind the first byte that opens or closes something or parts two members.
    fn split<'b>(&mut self, bytes: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        let mut is_end = |byte: &u8| match (self.in_string, byte) {
            (true, _) if self.escaped => {
                self.escaped = false;
                false
            }
            (true, b'\\') => {
                self.escaped = true;
                false
            }
            (_, b'"') => {
                self.in_string = !self.in_string;
                false
            }
            (in_string, byte) => !in_string && matches!(byte, b'{' | b'}' | b'[' | b']' | b','),
        };
        let end = bytes.iter().position(&mut is_end).map_or(bytes.len(), |at| at.saturating_add(1));
        bytes.split_at_checked(end).unwrap_or((bytes, &[]))
    }
}

impl Walk {
    fn place(&self) -> Option<Place> {
        self.places.last().copied().filter(|_| self.skipped == 0)
    }

    fn is_between_entries(&self) -> bool {
        matches!(self.place(), Some(Place::List(_)))
    }

    /// Takes note that a value begins that is no object, and no array unless it may be `list`.
    fn odd(&mut self, next: Next, is_null: bool) -> Result<(), JsonErrorKind> {
        match (self.place(), next) {
            (Some(Place::List(_)), _) => self.is_odd = true,
            (_, Next::Name) => self.name = Name::Unusable,
            (_, Next::List(_)) if !is_null => {
                self.is_shapeless = true;
                return Err(JsonErrorKind::UnexpectedByte);
            }
            _ => {}
        }
        Ok(())
    }

    fn skip(&mut self) {
        self.skipped = self.skipped.saturating_add(1);
    }
}

impl Sink for Walk {
    fn begin_object(&mut self) -> Result<(), JsonErrorKind> {
        let next = core::mem::take(&mut self.next);
        let place = match (self.places.last(), next) {
            _ if self.skipped > 0 => None,
            (None | Some(Place::Batch), _) => Some(Place::Message),
            (Some(Place::Message), Next::Result) => Some(Place::Result),
            (Some(Place::List(list)), _) => Some(Place::Entry(*list)),
            _ => None,
        };
        match place {
            Some(place) => {
                self.name = Name::Absent;
                self.places.push(place);
            }
            None => {
                if self.skipped == 0 {
                    self.odd(next, false)?;
                }
                self.skip();
            }
        }
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), JsonErrorKind> {
        match self.skipped.checked_sub(1) {
            Some(skipped) => self.skipped = skipped,
            None => {
                if let Some(Place::Entry(list)) = self.places.pop() {
                    self.event = Some(Event::EntryEnded(list));
                }
            }
        }
        Ok(())
    }

    fn begin_array(&mut self) -> Result<(), JsonErrorKind> {
        let next = core::mem::take(&mut self.next);
        match (self.places.last(), next) {
            _ if self.skipped > 0 => self.skip(),
            (None, _) => self.places.push(Place::Batch),
            (Some(Place::Result), Next::List(list)) => {
                self.places.push(Place::List(list));
                self.event = Some(Event::ListBegan);
            }
            _ => {
                self.odd(next, false)?;
                self.skip();
            }
        }
        Ok(())
    }

    fn end_array(&mut self) -> Result<(), JsonErrorKind> {
        match self.skipped.checked_sub(1) {
            Some(skipped) => self.skipped = skipped,
            None => {
                if let Some(Place::List(_)) = self.places.pop() {
                    self.event = Some(Event::ListEnded);
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, part: &[u8], is_key: bool) -> Result<(), JsonErrorKind> {
        let most = match self.place() {
            Some(Place::Message | Place::Result | Place::Entry(_)) if is_key => List::LONGEST_KEY,
            Some(_) if self.next == Next::Name => MAX_NAME_BYTES,
            _ => return Ok(()),
        };
        // One byte more than there is room for shows that it is too long.
        let room = most.saturating_add(1).saturating_sub(self.text.len());
        self.text.extend_from_slice(part.get(..room).unwrap_or(part));
        Ok(())
    }

    fn end_text(&mut self, is_key: bool) -> Result<(), JsonErrorKind> {
        let text = core::mem::take(&mut self.text);
        if !is_key {
            return match (core::mem::take(&mut self.next), &self.name) {
                _ if self.skipped > 0 => Ok(()),
                (Next::Name, Name::Absent) if text.len() <= MAX_NAME_BYTES => {
                    self.name = Name::Text(text);
                    Ok(())
                }
                (next, _) => self.odd(next, false),
            };
        }
        self.next = match self.place() {
            Some(Place::Message) if text == b"result" => Next::Result,
            Some(Place::Result) => List::of(&text).map_or(Next::Other, Next::List),
            Some(Place::Entry(list)) if text == list.name => Next::Name,
            _ => Next::Other,
        };
        Ok(())
    }

    fn number(&mut self, _: Result<Number, OutOfRange>) -> Result<(), JsonErrorKind> {
        let next = core::mem::take(&mut self.next);
        if self.skipped > 0 { Ok(()) } else { self.odd(next, false) }
    }

    fn literal(&mut self, literal: Literal) -> Result<(), JsonErrorKind> {
        let next = core::mem::take(&mut self.next);
        if self.skipped > 0 { Ok(()) } else { self.odd(next, literal == Literal::Null) }
    }
}
