//! From a checked policy to the blob of one workload.

use core::fmt;

use crate::ir::RuleOrigin;
use crate::model::{ActionId, AgentId, Policy, Workload};
use crate::slice::MAX_BYSTANDERS;
use crate::source::Span;
use crate::{egress, emit, ir, lower, optimize, slice};

pub use crate::emit::{SigningKey, Stats};

/// What a blob says besides its policy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Grows with every policy that is meant to replace another.
    pub generation: u64,
    /// Unix seconds before which the blob is not valid; 0 is none.
    pub not_before: u64,
    /// Unix seconds from which on the blob is not valid; 0 is none.
    pub not_after: u64,
    /// Digest of the policy source.
    pub source_digest: [u8; 32],
    /// A peer whose sidecar stamps lineages must have stamped its calls.
    pub require_stamp: bool,
    /// Signs the blob.
    pub signing_key: Option<SigningKey>,
    /// The most agents of a mesh of which the slice keeps also those that hold nothing there: see [`slice`](mod@slice).
    pub max_bystanders: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            generation: 0,
            not_before: 0,
            not_after: 0,
            source_digest: [0; 32],
            require_stamp: false,
            signing_key: None,
            max_bystanders: MAX_BYSTANDERS,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The blob.
    pub blob: Vec<u8>,
    /// What each rule number of the blob stands for.
    pub rules: Vec<RuleOrigin>,
    /// The actions of each column, by the whole policy's numbers.
    pub columns: Vec<Vec<ActionId>>,
    /// The agent of the whole policy that each agent number of the blob is.
    pub agents: Vec<AgentId>,
    /// Sizes and bounds.
    pub stats: Stats,
}

/// Why a policy that is right has no blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong.
    pub kind: CompileErrorKind,
    /// Where, if it is somewhere.
    pub span: Option<Span>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// No service has this workload.
    NoService,
    /// More actions than can be numbered.
    TooManyActions,
    /// More of something than can be numbered: what, and how many there may be.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// A pattern has no table.
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A condition is nested too deeply.
    ConditionTooDeep,
    /// Quantifiers are nested too deeply.
    QuantifiersTooDeep,
    /// A condition is too long.
    ConditionTooLong,
    /// A condition takes too many steps.
    TooManySteps {
        /// How many it takes at most.
        steps: u32,
        /// How many it may take.
        most: u32,
    },
    /// An element is named outside any quantifier.
    ElementOutsideQuantifier,
    /// A quantifier, or `in`, runs over a field that is no field of a body.
    ListOutsideBody,
    /// The blob is too large.
    BlobTooLarge {
        /// How many bytes it would take.
        bytes: usize,
        /// How many it may take.
        most: usize,
    },
}

impl CompileError {
    pub(crate) const fn new(kind: CompileErrorKind, span: Option<Span>) -> Self {
        Self { kind, span }
    }
}

/// Compiles the slice of `policy` that `workload` needs.
///
/// # Errors
/// [`CompileError`] if the format cannot hold it, or it would take more steps than a judgement may.
pub fn compile(policy: &Policy, workload: &Workload, options: &Options) -> Result<Compiled, CompileError> {
    let extended = egress::with_pushes(policy, workload);
    let slice = slice::slice(extended.as_ref().unwrap_or(policy), workload, options.max_bystanders);
    if slice.policy.services.is_empty() {
        return Err(CompileError::new(CompileErrorKind::NoService, None));
    }
    let ir = optimize::optimize(ir::build(&slice)?);
    let lowered = lower::lower(&ir)?;
    emit::emit(&lowered, options)
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            CompileErrorKind::NoService => f.write_str("no service has this workload"),
            CompileErrorKind::TooManyActions => {
                f.write_str("more than 32767 actions that rules treat differently")
            }
            CompileErrorKind::TooMany { what, most } => write!(f, "more than {most} {what} in one blob"),
            CompileErrorKind::Pattern { pattern, reason } => write!(f, "`{pattern}` has no table: {reason}"),
            CompileErrorKind::ConditionTooDeep => f.write_str("the condition is nested too deeply"),
            CompileErrorKind::QuantifiersTooDeep => f.write_str("quantifiers are nested too deeply"),
            CompileErrorKind::ConditionTooLong => f.write_str("the condition is too long"),
            CompileErrorKind::TooManySteps { steps, most } => {
                write!(f, "it takes up to {steps} steps, and may take {most}")
            }
            CompileErrorKind::ElementOutsideQuantifier => {
                f.write_str("an element is named outside `all` and `exists`")
            }
            CompileErrorKind::ListOutsideBody => f.write_str("only a field of the body can be a list"),
            CompileErrorKind::BlobTooLarge { bytes, most } => {
                write!(f, "the blob takes {bytes} bytes, and may take {most}")
            }
        }
    }
}

impl std::error::Error for CompileError {}
