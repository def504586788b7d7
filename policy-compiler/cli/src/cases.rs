//! Test files: requests, and what policy is meant to say to them. `docs/see.md` describes the form.

mod code;
mod fields;
mod principal;
mod read;

use ambit_compiler::diagnostics::Diagnostics;
use ambit_compiler::model::Policy;
use ambit_compiler::source::{FileId, Sources, Span};
use ambit_compiler::syntax::yaml;
use ambit_eval::Code as VerdictCode;

pub(crate) use code::Code;
pub(crate) use principal::principal_of;
pub(crate) use read::ADDRESS;

use crate::sidecar::Wire;

/// The time of a test that does not say another, in Unix seconds: a Monday morning, 2026-11-23T10:00:00Z.
pub(crate) const DEFAULT_TIME: u64 = 1_795_428_000;

/// A request, and what is meant to become of it.
#[derive(Debug)]
pub(crate) struct Case {
    /// What it is called.
    pub(crate) name: String,
    /// Where it is written.
    pub(crate) span: Span,
    /// The place of the service among those of the policy.
    pub(crate) service: usize,
    /// Who asks for what, in a few words.
    pub(crate) asked: String,
    /// Agents of the lineage by name, origin first, and the caller: principals for those that are no agents.
    pub(crate) members: Vec<String>,
    /// Missions of the lineage, in the order in which verdicts count them.
    pub(crate) missions: Vec<String>,
    pub(crate) wire: Wire,
    /// Unix seconds.
    pub(crate) now: u64,
    pub(crate) expected: Expected,
}

/// What is meant to become of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Whether it is allowed, or by which code it is.
    pub(crate) verdict: ExpectedVerdict,
    /// The agent or the mission that limits it.
    pub(crate) by: Option<String>,
    /// `FILE:LINE` of the rule that decides.
    pub(crate) because: Option<String>,
    /// Whether it passes, which in shadow mode a deny does.
    pub(crate) passes: Option<bool>,
}

/// Whether a request is meant to be allowed, or by which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedVerdict {
    Denied,
    Code(VerdictCode),
}

/// Reads all cases of these files. What is wrong with them is said of all at once.
pub(crate) fn read(sources: &Sources, files: &[FileId], policy: &Policy) -> (Vec<Case>, Diagnostics<Code>) {
    let mut diagnostics = Diagnostics::new();
    let mut unread = Diagnostics::new();
    let mut cases = Vec::new();
    for (id, file) in files.iter().filter_map(|id| Some((*id, sources.file(*id)?))) {
        for document in yaml::parse(id, file, &mut unread) {
            read::document(&document, policy, &mut cases, &mut diagnostics);
        }
    }
    unread.iter().for_each(|one| diagnostics.push(code::of_yaml(one)));
    diagnostics.sort();
    (cases, diagnostics)
}

impl ExpectedVerdict {
    /// As a test says it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Code(code) => code.word(),
        }
    }
}
