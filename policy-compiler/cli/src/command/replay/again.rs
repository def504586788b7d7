//! One record, judged again.

use std::collections::{BTreeSet, HashMap};

use ambit_eval::{Hop, Verdict};
use ambit_filter::head::split;

use super::tally::{Reason, Way};
use crate::output::hex;
use crate::policy::written;
use crate::record::{Judge, Missing, Record};
use crate::sidecar::{Sidecar, Sidecars};

/// One policy: the judge of each workload, and which fields it reads.
pub(super) struct Side<'p> {
    /// In hexadecimal.
    digest: String,
    /// By whether it judges calls to the outside, and the workload as records name it.
    judges: [HashMap<String, Workload<'p>>; 2],
}

struct Workload<'p> {
    sidecar: &'p Sidecar,
    judge: Judge<'p>,
    reads: BTreeSet<String>,
}

/// Who judges again.
pub(super) struct Judges<'p> {
    pub(super) new: Side<'p>,
    /// The policy that decided, if it is at hand.
    pub(super) former: Option<Side<'p>>,
}

/// What comes of a record.
pub(super) enum Again {
    /// The same.
    Same,
    /// Another verdict, and why.
    Other(Reason),
    /// It hangs on what the record does not have.
    Open,
    /// There is nothing to judge, such as where a sidecar had no policy.
    Unjudged,
    /// Of a workload that serves nothing under the new policy.
    Gone,
}

impl<'p> Side<'p> {
    pub(super) fn new(sidecars: &'p Sidecars<'_>, digest: [u8; 32]) -> Self {
        let mut judges = [HashMap::new(), HashMap::new()];
        let [asked, calling] = &mut judges;
        for (workload, is_calling, sidecar) in sidecars.all() {
            let judge = Judge::new(sidecar.policy.program());
            let reads = judge.reads();
            let known = if is_calling { &mut *calling } else { &mut *asked };
            known.insert(written(workload), Workload { sidecar, judge, reads });
        }
        Self { digest: hex(&digest), judges }
    }

    fn of(&self, record: &Record<'_>) -> Option<&Workload<'p>> {
        let [asked, calling] = &self.judges;
        let known = if is_calling(record) { calling } else { asked };
        known.get(record.workload.as_deref()?)
    }
}

fn is_calling(record: &Record<'_>) -> bool {
    record.protocol.as_deref() == Some("egress")
}

impl Judges<'_> {
    pub(super) fn judge(&self, record: &Record<'_>) -> Again {
        if !record.is_judged() {
            return Again::Unjudged;
        }
        let Some(workload) = self.new.of(record) else {
            // Nothing bounds what it calls outside any more.
            return if is_calling(record) { compare(record, "allowed", None, true) } else { Again::Gone };
        };
        let decided_by = record.policy.as_deref();
        let former = self.former.as_ref().filter(|former| decided_by == Some(&former.digest));
        let missing = match former.and_then(|former| former.of(record)) {
            _ if decided_by == Some(&self.new.digest) => Missing::Absent,
            Some(former) => Missing::Unless(&former.reads),
            None => Missing::Unknown,
        };
        let program = workload.sidecar.policy.program();
        let verdict = workload.judge.with_request(record, missing, |request| {
            let verdict = program.decide(request);
            // Whatever was not read turns out, it is denied: then it is not open.
            let is_open = verdict.pending && program.best_case(request).allows();
            (!is_open).then_some(verdict)
        });
        match verdict {
            None => Again::Unjudged,
            Some(None) => Again::Open,
            Some(Some(verdict)) => {
                let by = || limits(record, workload.sidecar, &verdict);
                let passes = verdict.allows() || verdict.shadow;
                if verdict.code.word() == record.code
                    && passes == passed(record)
                    && is_same_hop(record, &verdict)
                {
                    return Again::Same;
                }
                compare(record, verdict.code.word(), by(), passes)
            }
        }
    }
}

/// Whether it passed, which in shadow mode a deny did.
fn passed(record: &Record<'_>) -> bool {
    record.verdict == "allow" || !record.enforced
}

fn is_same_hop(record: &Record<'_>, verdict: &Verdict) -> bool {
    let (_, hop, _) = record.said();
    hop == verdict.hop
}

fn compare(record: &Record<'_>, code: &'static str, by: Option<String>, passes: bool) -> Again {
    let way = match (passed(record), passes) {
        (false, true) => Way::Allowed,
        (true, false) => Way::Denied,
        _ => Way::Otherwise,
    };
    if way == Way::Otherwise && code == record.code && by.as_deref() == record.limits.as_deref() {
        return Again::Same;
    }
    let shadow =
        |is_deny: bool, passes: bool| if is_deny && passes { ", and passes in shadow mode" } else { "" };
    let told = |code: &str, by: Option<&str>, shadow: &str| match by {
        Some(by) => format!("{code} by {by}{shadow}"),
        None => format!("{code}{shadow}"),
    };
    let before = shadow(record.verdict != "allow", passed(record));
    let after = shadow(code != "allowed", passes);
    Again::Other(Reason {
        way,
        action: record.action.as_deref().unwrap_or("an unknown action").to_owned(),
        caller: record.caller.as_deref().or(record.peer.as_deref()).unwrap_or("nobody").to_owned(),
        before: told(&record.code, record.limits.as_deref(), before),
        after: told(code, by.as_deref(), after),
    })
}

/// The agent or the mission that limits a record's request under the new policy.
fn limits(record: &Record<'_>, sidecar: &Sidecar, verdict: &Verdict) -> Option<String> {
    let place = match verdict.hop? {
        Hop::Member(place) => place,
        Hop::Mission(place) => {
            let mission = record.lineage.as_ref()?.missions.get(usize::from(place));
            return mission.map(|mission| mission.clone().into_owned());
        }
    };
    let member = record.members().nth(usize::from(place))?;
    let program = sidecar.policy.program();
    let agent = program.agent(&split(member)).and_then(|agent| program.agent_name(agent));
    Some(agent.map_or_else(|| member.to_owned(), |name| String::from_utf8_lossy(name).into_owned()))
}
