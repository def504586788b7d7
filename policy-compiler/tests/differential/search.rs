//! The search for a request on which a blob and the reference disagree.
#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::compile::{CompileErrorKind, Compiled, Options, compile};
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::reference::{self, Case, Hop, Judgement, Terms, Verdict};
use ambit_eval::Program;

use crate::facts;

pub(crate) const CASES_A_POLICY: usize = 32;

/// How many cases to look at: what `AMBIT_CASES` says, else `usual`.
pub(crate) fn cases(usual: u64) -> u64 {
    std::env::var("AMBIT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Makes policies and cases until `differ` says what differs; then shrinks, keeps and shows that.
pub(crate) fn all(cases: u64, differ: impl Fn(&mut Choices) -> Option<String>) {
    for seed in 0..cases.div_ceil(CASES_A_POLICY as u64) {
        let mut choices = Choices::from_seed(seed);
        if differ(&mut choices).is_some() {
            let fails = |tape: &[u32]| differ(&mut Choices::from_tape(tape.to_vec())).is_some();
            let tape = generate::shrink(choices.tape().to_vec(), fails);
            let difference = differ(&mut Choices::from_tape(tape.clone()));
            keep(&tape);
            panic!("seed {seed}\n{}\ntape {tape:?}", difference.unwrap_or_default());
        }
    }
}

/// Looks at every counterexample that was kept.
pub(crate) fn again(differ: impl Fn(&mut Choices) -> Option<String>) {
    let text = fs::read_to_string(tapes()).expect("the tapes");
    let mut count = 0;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let tape = line.split(' ').map(|choice| choice.parse().expect("a choice")).collect();
        let difference = differ(&mut Choices::from_tape(tape));
        assert!(difference.is_none(), "tape {line}\n{}", difference.unwrap_or_default());
        count += 1;
    }
    assert!(count > 0, "no tape in {}", tapes().display());
}

/// This file is read by the tests of two packages, and both keep their tapes in one place.
fn tapes() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the workspace").join("policy-compiler/tests/differential/tapes.txt")
}

fn keep(tape: &[u32]) {
    let choices: Vec<String> = tape.iter().map(u32::to_string).collect();
    let mut text = fs::read_to_string(tapes()).unwrap_or_default();
    text.push_str(&format!("{}\n", choices.join(" ")));
    fs::write(tapes(), text).expect("the tapes are written");
}

/// What differs between the reference and the blobs of one policy, over [`CASES_A_POLICY`] cases; and what `more` finds
/// in the blob, the case and the verdict of the evaluator.
pub(crate) fn differ(
    choices: &mut Choices,
    more: impl Fn(&Program<Vec<u8>>, &Case, &ambit_eval::Verdict) -> Option<String>,
) -> Option<String> {
    let policy = generate::policy(choices);
    let terms = Terms { require_stamp: choices.one_in(4) };
    let mut blobs: Vec<(Workload, Blob)> = Vec::new();
    for _ in 0..CASES_A_POLICY {
        let (workload, case) = generate::case(choices, &policy);
        if blobs.iter().all(|(known, _)| *known != workload) {
            match Blob::of(&policy, &workload, terms) {
                Ok(Some(blob)) => blobs.push((workload.clone(), blob)),
                // Quantifiers within quantifiers may take more steps than a judgement may.
                Ok(None) => return None,
                Err(reason) => return Some(format!("{reason}\n{policy:?}")),
            }
        }
        let (_, blob) = blobs.iter().find(|(known, _)| *known == workload)?;
        let expected = reference::judge(&policy, &workload, &case, terms);
        if let Some(difference) = blob.differs(&expected, &case, &more) {
            return Some(format!("{difference}\n{workload:?}\n{case:?}\n{policy:?}"));
        }
    }
    None
}

/// A workload's blobs: with everyone, and with those only who may pass. `None` where no service is the workload's.
struct Blob {
    full: Option<(Compiled, Program<Vec<u8>>)>,
    sparse: Option<Program<Vec<u8>>>,
}

impl Blob {
    fn of(policy: &Policy, workload: &Workload, terms: Terms) -> Result<Option<Self>, String> {
        if policy.services.iter().all(|service| service.workload != *workload) {
            return Ok(Some(Self { full: None, sparse: None }));
        }
        let options = Options { require_stamp: terms.require_stamp, ..Options::default() };
        let compiled = match compile(policy, workload, &options) {
            Ok(compiled) => compiled,
            Err(error) if matches!(error.kind, CompileErrorKind::TooManySteps { .. }) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let program = Program::verify(compiled.blob.clone()).map_err(|error| format!("{error:?}"))?;
        let sparse = compile(policy, workload, &Options { max_bystanders: 0, ..options });
        let sparse = Program::verify(sparse.map_err(|error| error.to_string())?.blob);
        let sparse = sparse.map_err(|error| format!("{error:?}"))?;
        Ok(Some(Self { full: Some((compiled, program)), sparse: Some(sparse) }))
    }

    fn differs(
        &self,
        expected: &Judgement,
        case: &Case,
        more: impl Fn(&Program<Vec<u8>>, &Case, &ambit_eval::Verdict) -> Option<String>,
    ) -> Option<String> {
        let (Some((compiled, program)), Some(sparse)) = (&self.full, &self.sparse) else {
            return None;
        };
        let actual = facts::decide(program, case);
        let hop = actual.hop.map(|hop| match hop {
            ambit_eval::Hop::Member(place) => Hop::Member(usize::from(place)),
            ambit_eval::Hop::Mission(place) => Hop::Mission(usize::from(place)),
        });
        let rule = actual.rule.map(|rule| compiled.rules[rule as usize].rule);
        let same = (actual.code, hop, rule, !actual.shadow)
            == (expected.code, expected.hop, expected.rule, expected.enforced);
        if !same {
            return Some(format!("expected {expected:?}\nactual {actual:?}, rule {rule:?}"));
        }
        if actual.steps > program.step_bound() {
            return Some(format!("{} steps, bound {}", actual.steps, program.step_bound()));
        }
        let verdict = facts::decide(sparse, case);
        let allows = expected.verdict == Verdict::Allow;
        if verdict.allows() != allows || verdict.shadow == expected.enforced {
            return Some(format!("expected {expected:?}\nwithout bystanders {verdict:?}"));
        }
        more(program, case, &actual)
    }
}
