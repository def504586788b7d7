//! How a command ends.

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, with or without warnings.
    Fine,
    /// The policy is refused, or is not as a check demands.
    Rejected,
    /// The command line is wrong, or a file cannot be read or written.
    Failed,
}

impl Exit {
    /// What the process exits with. A bug that panics exits with 101.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Rejected => 1,
            Self::Failed => 2,
        }
    }
}
