//! The part of RFC 9651 that the lineage header uses: a dictionary of integers, strings without
//! escapes, and inner lists of such strings.

use super::{HeaderError, HeaderErrorKind};

/// A place in a value that is being read.
pub(super) struct Field<'a> {
    value: &'a [u8],
    offset: usize,
}

impl<'a> Field<'a> {
    pub(super) const fn new(value: &'a [u8]) -> Self {
        Self { value, offset: 0 }
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    pub(super) const fn error(&self, kind: HeaderErrorKind) -> HeaderError {
        HeaderError { kind, offset: self.offset }
    }

    /// Takes `byte` if it comes next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.step();
        }
        is_next
    }

    /// Skips spaces (RFC 9651 sections 4.2 and 4.2.1.2).
    pub(super) fn skip_spaces(&mut self) {
        while self.eat(b' ') {}
    }

    /// A key (section 3.1.2).
    pub(super) fn key(&mut self) -> Result<&'a [u8], HeaderError> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return Err(self.error(HeaderErrorKind::Key));
        }
        Ok(self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    /// An integer (section 3.3.1) from 0 to 999; no key has a greater one, or one below zero.
    pub(super) fn integer(&mut self) -> Result<u32, HeaderError> {
        let at = self.error(HeaderErrorKind::Integer);
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 3 {
            return Err(at);
        }
        Ok(digits.iter().fold(0, |number: u32, digit| {
            number.saturating_mul(10).saturating_add(u32::from(digit.saturating_sub(b'0')))
        }))
    }

    /// A string (section 3.3.3) without escapes, and without its quotes.
    pub(super) fn string(&mut self) -> Result<&'a [u8], HeaderError> {
        if !self.eat(b'"') {
            return Err(self.error(HeaderErrorKind::String));
        }
        let content = self.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        match self.peek() {
            Some(b'"') => {
                self.step();
                Ok(content)
            }
            Some(b'\\') => Err(self.error(HeaderErrorKind::Escape)),
            _ => Err(self.error(HeaderErrorKind::UnendedString)),
        }
    }

    /// An inner list (section 3.1.1) of strings; `push` gets each with the offset of its quote.
    pub(super) fn list(
        &mut self,
        mut push: impl FnMut(&'a [u8], usize) -> Result<(), HeaderError>,
    ) -> Result<(), HeaderError> {
        if !self.eat(b'(') {
            return Err(self.error(HeaderErrorKind::List));
        }
        loop {
            self.skip_spaces();
            if self.eat(b')') {
                return Ok(());
            }
            if self.peek().is_none() {
                return Err(self.error(HeaderErrorKind::UnendedList));
            }
            let at = self.offset;
            push(self.string()?, at)?;
            match self.peek() {
                Some(b' ' | b')') => {}
                Some(b';') => return Err(self.error(HeaderErrorKind::Parameters)),
                _ => return Err(self.error(HeaderErrorKind::UnendedList)),
            }
        }
    }

    /// Goes from the end of one member of the dictionary to the next (section 4.2.2). `false` at the
    /// end of the value.
    pub(super) fn next_member(&mut self) -> Result<bool, HeaderError> {
        if self.peek() == Some(b';') {
            return Err(self.error(HeaderErrorKind::Parameters));
        }
        self.skip_blanks();
        if self.peek().is_none() {
            return Ok(false);
        }
        if !self.eat(b',') {
            return Err(self.error(HeaderErrorKind::Comma));
        }
        self.skip_blanks();
        if self.peek().is_none() {
            return Err(self.error(HeaderErrorKind::TrailingComma));
        }
        Ok(true)
    }

    /// Skips optional white space (RFC 9110 section 5.6.3).
    fn skip_blanks(&mut self) {
        while self.eat(b' ') || self.eat(b'\t') {}
    }

    fn peek(&self) -> Option<u8> {
        self.value.get(self.offset).copied()
    }

    const fn step(&mut self) {
        self.offset = self.offset.saturating_add(1);
    }

    fn take_while(&mut self, mut is_part: impl FnMut(u8) -> bool) -> &'a [u8] {
        let rest = self.value.get(self.offset..).unwrap_or(&[]);
        let len = rest.iter().position(|&byte| !is_part(byte)).unwrap_or(rest.len());
        self.offset = self.offset.saturating_add(len);
        rest.get(..len).unwrap_or(&[])
    }
}
