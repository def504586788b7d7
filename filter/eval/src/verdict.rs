//! What a judgement says.

use ambit_bytecode::Code;

/// Which member of a lineage, counted from the origin; the caller is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The member at this place; the caller's place is the number of members before it.
    Member(u8),
    /// The mission at this place among those of the lineage.
    Mission(u8),
}

/// What a judgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why. Everything but [`Code::Allowed`] denies.
    pub code: Code,
    /// Who limited the request, if it was someone.
    pub hop: Option<Hop>,
    /// The agent that calls, if it is known.
    pub caller: Option<u16>,
    /// The action, if it is known.
    pub action: Option<u16>,
    /// The rule that decided: of an allow, the caller's first grant that holds; of an explicit deny, that deny.
    pub rule: Option<u32>,
    /// A deny is to be recorded only: the mode is shadow.
    pub shadow: bool,
    /// Bytes that have not been read could still change this. It denies all the same.
    pub pending: bool,
    /// Steps taken, at most the program's bound.
    pub steps: u32,
}

impl Verdict {
    /// Whether the request is within everyone's authority, whatever the mode.
    #[must_use]
    pub const fn allows(&self) -> bool {
        matches!(self.code, Code::Allowed)
    }

    /// Whether the request may pass: it is allowed, or its deny is only recorded.
    #[must_use]
    pub const fn passes(&self) -> bool {
        self.allows() || (self.shadow && !self.pending)
    }
}
