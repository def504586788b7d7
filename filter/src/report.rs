//! What the operator learns of a decision that is no plain allow: a count, a line of the log, a record for access logs.

use crate::decision::Decision;
use crate::egress::Leaving;
use crate::host::{self, Level};
use crate::policy::Policy;
use crate::record::{DecisionId, Record};
use crate::telemetry;

/// Reports a decision of this policy, if one is loaded, about something that leaves the mesh, if it does.
pub(crate) fn report(
    decision: &Decision,
    policy: Option<&Policy>,
    leaving: Option<&Leaving<'_>>,
) -> DecisionId {
    let verdict = &decision.verdict;
    telemetry::count(verdict);
    let id = telemetry::next_decision();
    let record = Record { id, verdict, detail: decision.detail, policy, leaving };
    host::store_record(&record.pairs());
    host::log(Level::Warn, &record.json());
    id
}
