//! Budgets, and what else an agent's sidecar makes of the agent's own calls.

use super::names::Names;
use super::time;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Budget, MissionId, Outbound, Rate};
use crate::syntax::ast::{self, Name};
use crate::syntax::limits::{BUDGET_WINDOW_MS, MAX_LINEAGE_WINDOW_MS};

/// The window of a budget that names none, in milliseconds.
const DEFAULT_WINDOW_MS: u32 = 60_000;

/// What becomes of an agent's calls. `missions` are those that it may act under.
pub(super) fn outbound(
    agent: &ast::Agent,
    missions: Option<&[MissionId]>,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Outbound {
    let mission =
        agent.default_mission.as_ref().and_then(|name| {
            let mission = names.mission(&name.value, name.span, diagnostics)?;
            if missions.is_some_and(|missions| !missions.contains(&mission)) {
                let message = format!("`{}` is not one of the missions in `oneOf`", name.value);
                diagnostics.push(Diagnostic::new(Code::FieldConflict, name.span, message).help(
                    "an agent begins its work under a mission that it may act under: add it to `oneOf`",
                ));
            }
            if !agent.originates {
                let message =
                    String::from("`default` is for work that the agent begins itself, and it begins none");
                diagnostics.push(
                    Diagnostic::new(Code::FieldConflict, name.span, message)
                        .help("say `originates: true`, or leave it out"),
                );
            }
            Some(mission)
        });
    let window = agent.window.as_ref();
    Outbound {
        strict: agent.strict,
        window_ms: window.and_then(|window| milliseconds(window, (0, MAX_LINEAGE_WINDOW_MS), diagnostics)),
        mission,
        budget: read(agent.budget.as_ref(), diagnostics),
    }
}

/// A budget.
pub(super) fn read(written: Option<&ast::Budget>, diagnostics: &mut Diagnostics) -> Budget {
    let Some(written) = written else { return Budget::default() };
    if !written.says_calls {
        diagnostics.push(
            Diagnostic::new(Code::FieldConflict, written.span, "a budget says how many calls it allows")
                .help("as in `budget: {perRoot: 20}` or `budget: {perWindow: 200, window: 1m}`"),
        );
    }
    let window = written.window.as_ref();
    if let (Some(window), None, true) = (window, written.per_window, written.says_calls) {
        diagnostics.push(
            Diagnostic::new(Code::FieldConflict, window.span, "`window` without `perWindow`").help(
                "a root is counted for as long as it lives; `perWindow` says how many calls a window allows",
            ),
        );
    }
    let window_ms = window.map(|window| milliseconds(window, BUDGET_WINDOW_MS, diagnostics));
    let rate = written
        .per_window
        .and_then(|calls| Some(Rate { calls, window_ms: window_ms.unwrap_or(Some(DEFAULT_WINDOW_MS))? }));
    Budget { per_root: written.per_root, rate }
}

/// The milliseconds of a length of time within bounds.
fn milliseconds(text: &Name, (least, most): (u64, u64), diagnostics: &mut Diagnostics) -> Option<u32> {
    let milliseconds = time::milliseconds(text, diagnostics)?;
    if !(least..=most).contains(&milliseconds) {
        let message = match least {
            0 => format!("`{}` is longer than {}", text.value, time::shown(most)),
            _ => format!("`{}` is not from {} to {}", text.value, time::shown(least), time::shown(most)),
        };
        diagnostics.push(Diagnostic::new(Code::OutOfRange, text.span, message));
        return None;
    }
    u32::try_from(milliseconds).ok()
}
