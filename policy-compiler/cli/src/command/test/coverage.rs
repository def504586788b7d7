//! Which grants and denies tests make use of.

use std::collections::BTreeSet;

use ambit_compiler::model::RuleId;
use ambit_eval::Verdict;

use crate::policy::Loaded;
use crate::record::{Missing, Record};
use crate::sidecar::Sidecar;
use crate::story::Story;

/// Rules that had a part in a verdict.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    used: BTreeSet<RuleId>,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) used: usize,
    pub(super) all: usize,
}

impl Coverage {
    /// Counts what had a part in a verdict.
    pub(super) fn add(&mut self, sidecar: &Sidecar, loaded: &Loaded, verdict: &Verdict, record: &str) {
        let mut rules: Vec<u32> = verdict.rule.into_iter().collect();
        if verdict.allows()
            && let Ok(Some(record)) = Record::find(record)
        {
            // Of everyone, the first grant that holds.
            let story = Story::new(&record, sidecar, loaded, Missing::Absent);
            rules.extend(story.agreeing().into_iter().map(|one| one.rule));
        }
        self.used.extend(rules.into_iter().filter_map(|rule| Some(sidecar.origin(rule)?.rule)));
    }

    pub(super) fn share(&self, loaded: &Loaded) -> Share {
        let all = loaded.policy.rules.len();
        Share { used: all.saturating_sub(self.unused(loaded).len()), all }
    }

    /// The rules that had no part in any verdict, in source order.
    pub(super) fn unused(&self, loaded: &Loaded) -> Vec<RuleId> {
        let all = (0_u32..).map(RuleId).take(loaded.policy.rules.len());
        all.filter(|id| !self.used.contains(id)).collect()
    }

    /// A line that says how much is covered.
    pub(super) fn line(&self, loaded: &Loaded) -> String {
        let share = self.share(loaded);
        format!("{} of {} grants and denies covered ({} %)\n", share.used, share.all, share.percent())
    }

    /// A line for each rule that had no part in any verdict.
    pub(super) fn missing(&self, loaded: &Loaded) -> String {
        let mut text = String::new();
        for id in self.unused(loaded) {
            let rule = usize::try_from(id.0).ok().and_then(|place| loaded.policy.rules.get(place));
            if let Some(rule) = rule {
                let first = loaded.sources.text(rule.span).lines().next().unwrap_or_default().trim();
                text.push_str(&format!("not covered: {}: {first}\n", loaded.place(rule.span)));
            }
        }
        text
    }
}

impl Share {
    /// In percent, rounded down, so that 100 is all.
    pub(super) fn percent(self) -> u8 {
        let percent = self.used.saturating_mul(100).checked_div(self.all).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }
}
