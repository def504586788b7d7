//! What the operator learns of a decision that is no plain allow: a count, a line of the log, a record for access logs.

use crate::decision::Decision;
use crate::egress::Leaving;
use crate::host::{self, Level};
use crate::live;
use crate::policy::Policy;
use crate::record::{DecisionId, Record};
use crate::telemetry;

/// Reports a decision of this policy, if one is loaded, about something that leaves the mesh, if it does.
pub(crate) fn report(
    decision: &Decision,
    policy: Option<&Policy>,
    leaving: Option<&Leaving<'_>>,
) -> DecisionId {
    telemetry::count(&decision.verdict);
    let id = telemetry::next_decision();
    write(id, decision, policy, leaving, true);
    id
}

/// Writes a decision down: for the log unless there are too many, and for access logs if they still take it.
pub(crate) fn write(
    id: DecisionId,
    decision: &Decision,
    policy: Option<&Policy>,
    leaving: Option<&Leaving<'_>>,
    is_stored: bool,
) {
    let admitted = telemetry::admit_record();
    let record = Record {
        id,
        verdict: &decision.verdict,
        detail: decision.detail,
        policy,
        leaving,
        evidence: decision.evidence.as_ref(),
        now: live::now_s(),
        dropped: admitted.unwrap_or(0),
    };
    if is_stored {
        host::store_record(&record.pairs());
    }
    if admitted.is_some() {
        let level = if decision.verdict.allows() { Level::Info } else { Level::Warn };
        host::log(level, &record.json());
    }
}
