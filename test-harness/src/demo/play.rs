//! Plays an attempt on one lane, and finds out what came of it.

use std::time::{Duration, Instant};

use ambit_lineage::header;
use serde_json::Value;

use super::agent::{CODE, DECISION, DONE, Deed, Task};
use super::story::{AsWhom, Attempt, Denied, WANTED};
use super::swarm::{Swarm, WINDOW_MS, WORKLOADS, workload};
use crate::client::{MAX_WAIT, Request, Response};
use crate::envoy::config::Lane;
use crate::envoy::process::wait_for;

/// What Envoy's RBAC filter answers.
const RBAC_ANSWER: &str = "RBAC: access denied";

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done.
    Done {
        /// What the last in the chain answered.
        answer: String,
        /// How often it was done.
        times: u32,
    },
    /// The filter of a workload refused it.
    Denied(Refusal),
    /// Envoy's RBAC filter refused it.
    Rbac,
    /// There was no connection to be had.
    NoConnection,
    /// None of these.
    Odd(String),
}

/// A deny of the filter, as its records have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    /// Whether the caller saw a JSON-RPC error, and not a status.
    pub(super) is_rpc: bool,
    /// The workload whose filter refused.
    pub(super) at: &'static str,
    /// Whether that was on the way out of the workload.
    pub(super) is_outbound: bool,
    /// The place in the lineage of the agent that limited the request, and the agent, if one did.
    pub(super) limited_by: Option<(usize, String)>,
    /// How often it was done before that.
    pub(super) after: u32,
}

impl Outcome {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// Whether the filter refused as expected.
    pub(super) fn is_denied(&self, expected: &Denied) -> bool {
        match self {
            Self::Denied(refusal) => {
                let limited_by = refusal.limited_by.as_ref().map(|(_, agent)| agent.as_str());
                (refusal.code.as_str(), limited_by, refusal.at, refusal.after)
                    == (expected.code, expected.limited_by, expected.at, expected.after)
            }
            _ => false,
        }
    }

    /// The filter's code, if it is the filter that refused.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Denied(refusal) => Some(&refusal.code),
            _ => None,
        }
    }
}

impl Swarm {
    /// Plays an attempt on a lane. `number` is the attempt's own, since two tasks of one trace would limit each other.
    pub(super) fn attempt(&self, lane: Lane, number: usize, attempt: &Attempt) -> Result<Outcome, String> {
        let (first, request) = match attempt.through.split_first() {
            None => (attempt.deed.to(), attempt.deed.request(1)?),
            Some((first, rest)) => {
                let task = Task {
                    through: rest.iter().map(|name| (*name).to_owned()).collect(),
                    call: attempt.deed.clone(),
                    times: attempt.times,
                    forgetful: attempt.forgetful.iter().map(|name| (*name).to_owned()).collect(),
                };
                let task = serde_json::to_vec(&task).map_err(|error| error.to_string())?;
                (*first, Request::post_json("/tasks", task))
            }
        };
        let trace = format!("00-{:032x}-{:016x}-01", number + 1, number + 1);
        let request = attempt
            .headers
            .iter()
            .fold(request.header("traceparent", trace), |request, (name, value)| request.header(name, value));
        let answer = self.mesh.between_on(lane, attempt.who, first).send(&request);
        let answer = answer.map_err(|error| format!("{} at {first}: {error}", attempt.who))?;
        self.outcome(&answer)
    }

    /// Waits until `probe`, whose lineage is lost on the way, is limited by no one else: until what ended before does
    /// not limit any more.
    pub(super) fn come_to_rest(&self, number: usize, probe: &Attempt) -> Result<(), String> {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            std::thread::sleep(Duration::from_millis(u64::from(WINDOW_MS)));
            match self.attempt(Lane::Wasm, number, probe)? {
                Outcome::Done { .. } => return Ok(()),
                outcome if Instant::now() > deadline => return Err(format!("no rest: {outcome:?}")),
                _ => {}
            }
        }
    }

    /// Plays an outsider's attempt on a lane.
    pub(super) fn outsider(&self, lane: Lane, as_whom: AsWhom) -> Result<Outcome, String> {
        let (to, method, path) = WANTED;
        let request = Request::new(method, path);
        match as_whom {
            AsWhom::Stranger => {
                let stranger =
                    self.mesh.authority().issue(&["spiffe://cluster.local/ns/default/sa/stranger"]);
                let endpoint = self.mesh.direct_on(lane, &stranger, to).map_err(|error| error.to_string())?;
                self.outcome(&endpoint.send(&request).map_err(|error| error.to_string())?)
            }
            AsWhom::Plaintext => match self.mesh.plain_on(lane, to).send(&request) {
                Ok(answer) => self.outcome(&answer),
                Err(_) => Ok(Outcome::NoConnection),
            },
        }
    }

    fn outcome(&self, answer: &Response) -> Result<Outcome, String> {
        let text = answer.text();
        let done: Option<u32> = answer.header(DONE).and_then(|done| done.parse().ok());
        Ok(match (answer.header(CODE), answer.status) {
            (Some(code), status) => {
                let after = done.unwrap_or(0);
                let id = answer.header(DECISION).unwrap_or_default();
                let (at, is_outbound, limited_by) = self.record(id)?;
                let code = code.to_owned();
                Outcome::Denied(Refusal { code, is_rpc: status == 200, at, is_outbound, limited_by, after })
            }
            (None, 200) => Outcome::Done { answer: said(&text), times: done.unwrap_or(1) },
            (None, 403) if text == RBAC_ANSWER => Outcome::Rbac,
            (None, status) => Outcome::Odd(format!("{status} {text}")),
        })
    }

    /// Where a decision was made, whether on the way out, and who limited it: from the access log of the workload that
    /// made it, or, of calls that were refused before they left, from its proxy's log.
    fn record(&self, id: &str) -> Result<Record, String> {
        let named = format!("id={id}");
        let found = wait_for("the record of a deny", || {
            for (name, ..) in WORKLOADS {
                let workload = self.mesh.workload(name);
                let is_it =
                    |entry: &Value| entry["ambit"].as_str().is_some_and(|record| record.contains(&named));
                if let Some(entry) = workload.access_log()?.iter().find(|entry| is_it(entry)) {
                    return Ok(Some((name, false, limited_by(entry))));
                }
                if workload
                    .envoy()
                    .log_lines()?
                    .iter()
                    .any(|line| line.contains("call refused") && line.contains(&named))
                {
                    return Ok(Some((name, true, None)));
                }
            }
            Ok(None)
        });
        found.map_err(|error| error.to_string())
    }
}

type Record = (&'static str, bool, Option<(usize, String)>);

impl Deed {
    /// Whom it is asked of.
    fn to(&self) -> &str {
        match self {
            Self::Tool { to, .. } | Self::Http { to, .. } => to,
            Self::Answer { .. } => "",
        }
    }
}

/// The agent at the place in the lineage that the record names; behind the members comes the caller.
fn limited_by(entry: &Value) -> Option<(usize, String)> {
    let record = entry["ambit"].as_str()?;
    let hop: usize = record.split(' ').find_map(|pair| pair.strip_prefix("hop="))?.parse().ok()?;
    let lineage = header::parse(entry["lineage"].as_str()?.as_bytes()).ok()?;
    let member = lineage.members().nth(hop).map(|member| member.as_str().to_owned());
    let id = member.or_else(|| entry["peer"].as_str().map(str::to_owned))?;
    Some((hop, workload(&id).map_or(id, str::to_owned)))
}

/// The part of an answer that is worth showing.
fn said(body: &str) -> String {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    json["result"]["content"][0]["text"].as_str().map_or_else(|| body.to_owned(), str::to_owned)
}
