//! Gates: what makes a command that compares policies fail.

use clap::ValueEnum;

/// A change of behaviour that makes a command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Something passes that did not.
    Allowed,
    /// Something does not pass that did.
    Denied,
    /// Either.
    Any,
}

impl FailOn {
    /// Whether it names one of the changes that there are.
    pub(crate) const fn names(self, newly_allowed: bool, newly_denied: bool) -> bool {
        match self {
            Self::Allowed => newly_allowed,
            Self::Denied => newly_denied,
            Self::Any => newly_allowed || newly_denied,
        }
    }
}
