//! Bytes as a source of choices. When they are used up, choices are the first, and what is left is empty.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A choice.
    pub(crate) fn one_of<T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::from(self.byte()) % of.len()]
    }

    /// Bytes up to a line break: readable in a corpus, and a change of one line leaves the others.
    pub(crate) fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        line
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Bytes in pieces, as choices say.
pub(crate) fn pieces<'b>(mut bytes: &'b [u8], choices: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for choice in choices {
        let (piece, rest) = bytes.split_at(usize::from(*choice).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}
