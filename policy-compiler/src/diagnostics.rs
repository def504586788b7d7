//! What the check has to say about a policy, as data: who shows it, and how, is decided elsewhere.
//!
//! Rules for the texts: a fragment in lower case; backticks round what the user wrote; one line; what is wrong in
//! the message, why there in the label, how to mend it in the help. No type of this program is ever named.

mod codes;
pub mod render;

use core::fmt;

pub use codes::Code;

use crate::source::Span;
use crate::syntax::limits::MAX_DIAGNOSTICS;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy is accepted, and probably not what was meant.
    Warning,
}

/// A table of codes: that of this crate, or of another that has as much to say about its own sources.
pub trait Kind: Copy + PartialEq + fmt::Display {
    /// How bad it is.
    fn severity(self) -> Severity;
    /// What it is called.
    fn title(self) -> &'static str;
}

/// One thing to say about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic<C = Code> {
    /// What kind of thing it is.
    pub code: C,
    /// What is wrong: a fragment, one line.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that have to do with it.
    pub secondary: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
    /// Why it is so.
    pub note: Option<String>,
}

/// A place and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// The diagnostics of one check, as they are found. It keeps the first [`MAX_DIAGNOSTICS`] errors and warnings each.
#[derive(Clone, Debug)]
pub struct Diagnostics<C = Code> {
    list: Vec<Diagnostic<C>>,
    errors: usize,
    warnings: usize,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Kind for Code {
    fn severity(self) -> Severity {
        Self::severity(self)
    }

    fn title(self) -> &'static str {
        Self::title(self)
    }
}

impl<C: Kind> Diagnostic<C> {
    /// A diagnostic at `span`.
    #[must_use]
    pub fn new(code: C, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: None,
            note: None,
        }
    }

    /// Says something of the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points to another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says how to mend it, if there is anything to say.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help = text.or(self.help);
        self
    }

    /// Says why it is so.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

impl<C> Default for Diagnostics<C> {
    fn default() -> Self {
        Self { list: Vec::new(), errors: 0, warnings: 0 }
    }
}

impl<C: Kind> Diagnostics<C> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new(), errors: 0, warnings: 0 }
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic<C>) {
        let count = match diagnostic.severity() {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        if *count <= MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        }
    }

    /// Whether the policy is refused.
    #[must_use]
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, shown or not.
    #[must_use]
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings there are, shown or not.
    #[must_use]
    pub const fn warnings(&self) -> usize {
        self.warnings
    }

    /// How many were left out because there were too many.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.errors.saturating_add(self.warnings).saturating_sub(self.list.len())
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that are kept, in order of file and place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic<C>> {
        self.list.iter()
    }

    /// Puts them in order of file and place, and drops repetitions.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|one| (one.primary.span, one.code.to_string()));
        self.list.dedup_by(|later, earlier| {
            later.code == earlier.code
                && later.primary.span == earlier.primary.span
                && later.message == earlier.message
        });
    }
}
