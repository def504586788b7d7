//! From bytes to a program: the blob is framed, every section is laid out as `FORMAT.md` says, every id names
//! something, every condition is well-typed and bounded. Only then does a [`Program`](crate::Program) exist.
//!
//! The order matters: a section's layout is read before anything refers into it, and code is checked last, when all
//! that it can name has been.

mod automata;
mod bounds;
mod code;
mod layout;
mod references;
mod version1;

use ambit_bytecode::blob::{Blob, BlobError, Extent, Section};
use ambit_bytecode::cursor::Truncated;

use crate::layout::Layout;

/// Why a blob is no program, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The rule of `FORMAT.md` that is broken.
    pub kind: VerifyErrorKind,
    /// The section, or `None` for the framing.
    pub section: Option<Section>,
    /// The offset from the start of the blob.
    pub offset: usize,
}

/// The rule of `FORMAT.md` that a blob breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyErrorKind {
    /// The framing is wrong.
    Framing(ambit_bytecode::blob::BlobErrorKind),
    /// A section ends too early.
    Truncated,
    /// A section goes on after its end.
    Trailing,
    /// A count is beyond its limit, or does not fit the section.
    Count,
    /// A reserved byte, or an unknown flag, is not 0.
    Reserved,
    /// A tag, source or protocol is not known.
    Unknown,
    /// Places do not ascend as they must.
    Order,
    /// An id names nothing.
    Reference,
    /// A number is not in lowest form, or out of range.
    Number,
    /// An opcode is not known.
    Opcode,
    /// An instruction finds the wrong things on the stack, or too many.
    Stack,
    /// A jump leaves its piece of code, or lands inside an instruction.
    Jump,
    /// Quantifiers nest too deep, or an element is read outside of one.
    Nesting,
    /// A stamped step count is wrong.
    Steps,
}

impl VerifyErrorKind {
    /// A stable word for logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Framing(kind) => kind.word(),
            Self::Truncated => "section-truncated",
            Self::Trailing => "section-trailing-bytes",
            Self::Count => "wrong-count",
            Self::Reserved => "reserved-not-zero",
            Self::Unknown => "unknown-tag",
            Self::Order => "wrong-order",
            Self::Reference => "dangling-reference",
            Self::Number => "wrong-number",
            Self::Opcode => "unknown-opcode",
            Self::Stack => "wrong-stack",
            Self::Jump => "wrong-jump",
            Self::Nesting => "wrong-nesting",
            Self::Steps => "wrong-steps",
        }
    }
}

impl From<BlobError> for VerifyError {
    fn from(error: BlobError) -> Self {
        Self { kind: VerifyErrorKind::Framing(error.kind), section: None, offset: error.offset }
    }
}

/// A section under examination: it turns places in itself into errors.
#[derive(Clone, Copy)]
struct Place {
    section: Section,
    extent: Extent,
}

impl Place {
    /// The error for an offset within the section.
    const fn error(self, kind: VerifyErrorKind, at: usize) -> VerifyError {
        VerifyError { kind, section: Some(self.section), offset: self.extent.start.saturating_add(at) }
    }

    /// The error for an offset from the start of the blob.
    const fn error_at(self, kind: VerifyErrorKind, offset: usize) -> VerifyError {
        VerifyError { kind, section: Some(self.section), offset }
    }

    const fn truncated(self, truncated: Truncated) -> VerifyError {
        self.error(VerifyErrorKind::Truncated, truncated.at)
    }
}

/// Checks a blob and says where everything lies.
pub(crate) fn verify(blob: &Blob<'_>) -> Result<Layout, VerifyError> {
    let mut layout = layout::lay_out(blob)?;
    references::check(blob, &layout)?;
    automata::check(blob, &layout)?;
    layout.step_bound = code::check(blob, &layout)?;
    Ok(layout)
}

/// The section under examination.
fn place(blob: &Blob<'_>, section: Section) -> Place {
    Place { section, extent: blob.extent(section) }
}
