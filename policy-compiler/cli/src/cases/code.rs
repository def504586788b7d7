//! What can be wrong with a test file.

use core::fmt;

use ambit_compiler::diagnostics::{Diagnostic, Kind, Severity};

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// It is not YAML, or not in the shape of a test file.
    Shape,
    /// It names something that is not in the policy.
    Unknown,
    /// The request cannot be sent.
    Request,
    /// Something else came of it than was meant to.
    Failed,
}

impl Code {
    /// Every code, in ascending order.
    pub(crate) const ALL: &[Self] = &[Self::Shape, Self::Unknown, Self::Request, Self::Failed];

    const fn number(self) -> u16 {
        match self {
            Self::Shape => 101,
            Self::Unknown => 201,
            Self::Request => 301,
            Self::Failed => 401,
        }
    }

    /// The code written `T0123` (or `t123`).
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number: u16 = text.strip_prefix(['T', 't'])?.parse().ok()?;
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// What it means and how to mend it.
    #[must_use]
    pub(crate) const fn explanation(self) -> &'static str {
        match self {
            Self::Shape => {
                "A test file is YAML: a list `tests`, and if wanted `defaults` for all of them. Each test says who asks (`from`, `for`), what (`to`, `send`), and what is meant to become of it (`expect`). `ambit test --help` shows one."
            }
            Self::Unknown => {
                "A test names an agent, a service, a mission or a code that does not exist. Tests are read against the policy that they test: see whether it was renamed there."
            }
            Self::Request => {
                "The request is none that could be sent to the service: what stands in `send` depends on the service's protocol. A request that is odd on purpose is written out under `raw`."
            }
            Self::Failed => {
                "The filter judged the request otherwise than the test says. Either the policy does not do what it is meant to, or the test is out of date: what the message points to in the policy is what decided."
            }
        }
    }
}

impl Kind for Code {
    fn severity(self) -> Severity {
        Severity::Error
    }

    fn title(self) -> &'static str {
        match self {
            Self::Shape => "not a test",
            Self::Unknown => "unknown name in a test",
            Self::Request => "not a request",
            Self::Failed => "a test that does not hold",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{:04}", self.number())
    }
}

/// What the YAML reader says, as one of ours.
pub(super) fn of_yaml(one: &Diagnostic) -> Diagnostic<Code> {
    Diagnostic {
        code: Code::Shape,
        message: one.message.clone(),
        primary: one.primary.clone(),
        secondary: one.secondary.clone(),
        help: one.help.clone(),
        note: one.note.clone(),
    }
}
