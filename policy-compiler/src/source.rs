//! Source files and places in them.

use sha2::{Digest as _, Sha256};

use crate::syntax::limits::MAX_SOURCE_BYTES;

/// Index of a file in the set being compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and the place where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place.
    pub span: Span,
}

/// The files being compiled, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    flaw: Option<Flaw>,
    /// Where each line starts, in bytes.
    line_starts: Vec<u32>,
}

/// Why a file is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// What follows the text is not UTF-8.
    NotUtf8,
    /// It is longer than [`MAX_SOURCE_BYTES`].
    TooLarge,
}

/// A place as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    #[must_use]
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// From the start of `self` to the end of `last`, which must lie in the same file.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self { file: self.file, start: self.start, end: last.end.max(self.start) }
    }
}

impl<T> Spanned<T> {
    /// `value`, written at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with what `map` makes of the value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: map(self.value), span: self.span }
    }

    /// The same place, with the value borrowed.
    pub const fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, span: self.span }
    }
}

impl Sources {
    /// No files.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Vec::new() }
    }

    /// A set of one file.
    #[must_use]
    pub fn single(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let mut sources = Self::new();
        sources.add(name, text);
        sources
    }

    /// Adds a file. Bytes that are no UTF-8, and bytes beyond the limit, are left out and reported by the check.
    pub fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile::new(name.into(), bytes.into()));
        id
    }

    /// The files with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().zip(0_u32..).map(|(file, number)| (FileId(number), file))
    }

    /// SHA-256 over the files in order, each text preceded by its length in bytes (8 bytes, little-endian). Names do not
    /// count, so that the same policy has the same digest wherever it lies.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for file in &self.files {
            digest.update(u64::try_from(file.text.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(file.text.as_bytes());
        }
        digest.finalize().into()
    }

    /// How many files there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file of this number.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::try_from(id.0).ok()?)
    }

    /// The text at `span`, or nothing if there is no such place.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        let range = usize::try_from(span.start).ok().zip(usize::try_from(span.end).ok());
        self.file(span.file)
            .zip(range)
            .and_then(|(file, (start, end))| file.text.get(start..end))
            .unwrap_or("")
    }

    /// `FILE:LINE:COLUMN` of the start of `span`.
    #[must_use]
    pub fn locate(&self, span: Span) -> String {
        match self.file(span.file) {
            Some(file) => {
                let Place { line, column } = file.place(span.start);
                format!("{}:{line}:{column}", file.name)
            }
            None => String::from("?"),
        }
    }
}

impl SourceFile {
    fn new(name: String, mut bytes: Vec<u8>) -> Self {
        let mut flaw = None;
        if bytes.len() > MAX_SOURCE_BYTES {
            bytes.clear();
            flaw = Some(Flaw::TooLarge);
        }
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            flaw = Some(Flaw::NotUtf8);
            let good = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(good);
            String::from_utf8(bytes).unwrap_or_default()
        });
        let line_starts = core::iter::once(0)
            .chain(text.bytes().zip(1_u32..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next))
            .collect();
        Self { name, text, flaw, line_starts }
    }

    /// Its name, as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text, up to its flaw.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why it is not read to its end.
    #[must_use]
    pub const fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Its length in bytes, up to its flaw.
    #[must_use]
    pub fn len_bytes(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    /// The place of a byte, as people count.
    #[must_use]
    pub fn place(&self, offset: u32) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index)).copied().unwrap_or(0);
        let range = usize::try_from(start).ok().zip(usize::try_from(offset).ok());
        let before = range.and_then(|(start, end)| self.text.get(start..end)).unwrap_or("");
        let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
        Place { line: u32::try_from(line).unwrap_or(u32::MAX).max(1), column }
    }

    /// Where the line (from 1) starts, in bytes.
    #[must_use]
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts.get(usize::try_from(line.checked_sub(1)?).ok()?).copied()
    }
}
