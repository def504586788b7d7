//! What came of a test.

use ambit_compiler::diagnostics::Diagnostic;
use ambit_eval::Verdict;

use super::coverage::Coverage;
use crate::advice::remedy;
use crate::cases::{Case, Code, ExpectedVerdict};
use crate::failure::Failure;
use crate::record::{Missing, Record};
use crate::sidecar::{Sidecar, Sidecars, limiting};
use crate::story::Story;

/// A test, and what came of it.
pub(super) struct Outcome<'c> {
    pub(super) case: &'c Case,
    pub(super) verdict: Verdict,
    /// What exactly is wrong with the request, if that is the reason: a stable word.
    pub(super) detail: Option<&'static str>,
    /// The agent or the mission that limits it.
    pub(super) by: Option<String>,
    /// The record that a sidecar would write of it.
    pub(super) record: String,
    /// Why it is not as it was meant to be; empty if it is.
    wrong: Vec<String>,
    /// The sidecar that judged it.
    sidecar: &'c Sidecar,
}

impl<'c> Outcome<'c> {
    pub(super) fn of(
        case: &'c Case,
        number: u64,
        sidecars: &'c Sidecars<'_>,
        coverage: &mut Coverage,
    ) -> Result<Self, Failure> {
        let loaded = sidecars.loaded;
        let service = loaded.policy.services.get(case.service);
        let service = service.ok_or_else(|| crate::failure::Problem::new("a test of no service"))?;
        let sidecar = sidecars.of(service)?;
        let decision = sidecar.judge(&case.wire, case.now);
        let verdict = decision.verdict;
        let record = sidecar.record(&decision, number, case.now);
        coverage.add(sidecar, loaded, &verdict, &record);
        let by = limiting(&verdict).and_then(|(place, is_mission)| {
            if is_mission { case.missions.get(place) } else { case.members.get(place) }
        });
        let mut outcome = Self {
            case,
            verdict,
            detail: decision.detail,
            by: by.cloned(),
            record,
            wrong: Vec::new(),
            sidecar,
        };
        outcome.compare(sidecars);
        Ok(outcome)
    }

    /// Whether it is as it was meant to be.
    pub(super) const fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    /// `not-granted by support`
    pub(super) fn said(&self) -> String {
        let mut said = String::from(self.verdict.code.word());
        if let Some(by) = &self.by {
            said.push_str(&format!(" by {by}"));
        }
        if self.verdict.shadow && !self.verdict.allows() {
            said.push_str(" (shadow: it passes)");
        }
        said
    }

    /// Why it is not as it was meant to be, in one line.
    pub(super) fn wrong(&self) -> String {
        self.wrong.join("; ")
    }

    fn compare(&mut self, sidecars: &Sidecars<'_>) {
        let expected = &self.case.expected;
        let is_meant = match expected.verdict {
            ExpectedVerdict::Denied => !self.verdict.allows(),
            ExpectedVerdict::Code(code) => self.verdict.code == code,
        };
        if !is_meant {
            self.wrong.push(format!("expected `{}`, and it is `{}`", expected.verdict.word(), self.said()));
        }
        if let Some(by) = expected.by.as_ref().filter(|by| self.by.as_ref() != Some(by)) {
            self.wrong.push(match &self.by {
                Some(actual) => format!("expected that `{by}` limits it, and `{actual}` does"),
                None => format!("expected that `{by}` limits it, and no one in particular does"),
            });
        }
        if let Some(place) = &expected.because {
            let actual = self.rule_place(sidecars);
            if !actual.as_ref().is_some_and(|actual| is_place(place, actual)) {
                let actual =
                    actual.map_or_else(|| String::from("no rule does"), |actual| format!("`{actual}` does"));
                self.wrong.push(format!("expected that `{place}` decides, and {actual}"));
            }
        }
        if let Some(passes) = expected.passes.filter(|passes| *passes != self.verdict.passes()) {
            let (meant, is) = if passes { ("passes", "it does not") } else { ("does not pass", "it does") };
            self.wrong.push(format!("expected that it {meant}, and {is}"));
        }
    }

    /// `FILE:LINE` of the rule that decided.
    pub(super) fn rule_place(&self, sidecars: &Sidecars<'_>) -> Option<String> {
        let (_, rule) = self.sidecar.rule(sidecars.loaded, self.verdict.rule?)?;
        Some(sidecars.loaded.place(rule.span))
    }

    /// What to say of a test that does not hold.
    pub(super) fn diagnostic(&self, sidecars: &Sidecars<'_>) -> Diagnostic<Code> {
        let mut said = Diagnostic::new(Code::Failed, self.case.span, self.wrong()).label(&self.case.asked);
        if let Ok(Some(record)) = Record::find(&self.record) {
            let story = Story::new(&record, self.sidecar, sidecars.loaded, Missing::Absent);
            said.secondary = story.places();
        }
        if !self.verdict.allows() {
            let detail = self.detail.map_or_else(String::new, |detail| format!(" ({detail})"));
            said = said.note(format!("{}{detail}", self.verdict.code.sentence()));
            said = said.help(remedy(self.verdict.code));
        }
        said
    }
}

/// Whether a place is the one that is written `FILE:LINE`; of the file, the end is enough.
fn is_place(written: &str, actual: &str) -> bool {
    actual == written || actual.strip_suffix(written).is_some_and(|rest| rest.ends_with('/'))
}
