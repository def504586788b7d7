//! The YAML parser counts characters, and we count bytes.

use crate::source::{FileId, Span};

/// Where the characters of a text are in its file.
pub(super) struct Offsets {
    file: FileId,
    /// Where the text starts in the file.
    base: usize,
    /// The offset of each character, and of the end; none if all are ASCII, so that both counts are the same.
    bytes: Vec<u32>,
    len_bytes: usize,
}

impl Offsets {
    pub(super) fn new(file: FileId, base: usize, text: &str) -> Self {
        let bytes = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(offset, _)| u32::try_from(offset).unwrap_or(u32::MAX)).collect()
        };
        Self { file, base, bytes, len_bytes: text.len() }
    }

    /// The byte, within the text, at which the character of this index starts.
    pub(super) fn byte(&self, index: usize) -> usize {
        if self.bytes.is_empty() {
            return index.min(self.len_bytes);
        }
        self.bytes.get(index).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(self.len_bytes)
    }

    /// The place in the file of a range of characters.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.byte_span(self.byte(start), self.byte(end))
    }

    /// The place in the file of a range of bytes of the text.
    pub(super) fn byte_span(&self, start: usize, end: usize) -> Span {
        let place = |offset: usize| {
            u32::try_from(self.base.saturating_add(offset.min(self.len_bytes))).unwrap_or(u32::MAX)
        };
        Span::new(self.file, place(start), place(end.max(start)))
    }
}
