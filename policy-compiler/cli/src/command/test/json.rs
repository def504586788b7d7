//! Results for programs: one JSON object.

use serde_json::{Value, json};

use super::coverage::Coverage;
use super::outcome::Outcome;
use crate::sidecar::Sidecars;

pub(super) fn render(outcomes: &[Outcome<'_>], coverage: &Coverage, sidecars: &Sidecars<'_>) -> String {
    let loaded = sidecars.loaded;
    let tests: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "name": outcome.case.name,
                "place": loaded.place(outcome.case.span),
                "asked": outcome.case.asked,
                "holds": outcome.holds(),
                "wrong": outcome.wrong(),
                "code": outcome.verdict.code.word(),
                "detail": outcome.detail,
                "by": outcome.by,
                "because": outcome.rule_place(sidecars),
                "passes": outcome.verdict.passes(),
                "steps": outcome.verdict.steps,
            })
        })
        .collect();
    let unused: Vec<String> = coverage
        .unused(loaded)
        .into_iter()
        .filter_map(|id| loaded.policy.rules.get(usize::try_from(id.0).ok()?))
        .map(|rule| loaded.place(rule.span))
        .collect();
    let share = coverage.share(loaded);
    let failed = outcomes.iter().filter(|outcome| !outcome.holds()).count();
    let value = json!({
        "version": 1,
        "tests": tests,
        "failed": failed,
        "coverage": {"used": share.used, "all": share.all, "unused": unused},
    });
    format!("{value}\n")
}
