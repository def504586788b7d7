//! Compares what was observed of a request with what is expected, and with what holds of every request: a deny tells
//! the same to the caller, the access log and the log, and tells the caller nothing of policy or lineage.

use std::fmt;

use ambit_bytecode::Code;
use serde_json::Value;

use super::{Evidence, Judged, Observed, Reached};
use crate::scenario::{Ending, Exchange, Expectation, Hop, Stage};

/// The gRPC status `PERMISSION_DENIED`.
const GRPC_PERMISSION_DENIED: &str = "7";

/// All that is not as expected.
pub(super) fn faults(expectation: &Expectation, exchange: &Exchange, observed: &Observed) -> Vec<String> {
    let mut faults = Vec::new();
    let reached = observed.reached;
    match &expectation.ending {
        Ending::Allow => {
            if reached != Reached::Whole {
                faults.push(format!("the application received {reached}"));
            }
            judged(&mut faults, observed, Code::Allowed, None);
        }
        Ending::Shadow { code, hop } => {
            if reached != Reached::Whole {
                faults.push(format!("the application received {reached}"));
            }
            judged(&mut faults, observed, *code, *hop);
        }
        Ending::Deny { code, hop, stage } => {
            // At the headers nothing goes on; later the headers may have gone on, or not yet.
            if reached == Reached::Whole || (*stage == Stage::Headers && reached == Reached::Headers) {
                faults.push(format!("the application received {reached}"));
            }
            if let Some(seen) = observed.stage
                && seen != *stage
            {
                faults.push(format!(
                    "it was decided at the {}",
                    if seen == Stage::Body { "body" } else { "headers" }
                ));
            }
            judged(&mut faults, observed, *code, *hop);
        }
        Ending::Proxy(_) => {
            if reached == Reached::Whole {
                faults.push(format!("the application received {reached}"));
            }
            if observed.judged.is_some() {
                faults.push("the filter judged it".to_owned());
            }
        }
    }
    if let Some(evidence) = &observed.evidence {
        check_evidence(&mut faults, &expectation.ending, exchange, evidence);
        let said = |word: &&String| !evidence.log.iter().any(|line| line.contains(word.as_str()));
        faults.extend(
            expectation.log.iter().filter(said).map(|word| format!("no line of the log has `{word}`")),
        );
    }
    faults
}

fn judged(faults: &mut Vec<String>, observed: &Observed, code: Code, hop: Option<Hop>) {
    match &observed.judged {
        None if code == Code::Allowed => {}
        None => faults.push("the filter left no verdict".to_owned()),
        Some(judged) => {
            if judged.code != code.word() {
                faults.push(format!("the code is `{}`", judged.code));
            }
            if let Some(hop) = hop
                && judged.hop != hop
            {
                faults.push(format!("it is limited by `{}`", judged.hop));
            }
        }
    }
}

fn check_evidence(faults: &mut Vec<String>, ending: &Ending, exchange: &Exchange, evidence: &Evidence) {
    let status = evidence.status.unwrap_or_default();
    let (code, enforced) = match ending {
        Ending::Deny { code, .. } => (*code, true),
        Ending::Shadow { code, .. } => (*code, false),
        Ending::Allow | Ending::Proxy(_) => {
            let expected = if let Ending::Proxy(status) = ending { *status } else { 200 };
            if status != expected {
                faults.push(format!("the status is {status}, not {expected}"));
            }
            if evidence.header("x-ambit-code").is_some() {
                faults.push("the response is the filter's".to_owned());
            }
            if let Some(record) = &evidence.record {
                faults.push(format!("the access log has `{record}`"));
            }
            if decisions(evidence).next().is_some() {
                faults.push("the log has a decision".to_owned());
            }
            return;
        }
    };
    let record = evidence.record.as_deref().unwrap_or_default();
    let id = pair(record, "id").unwrap_or_default();
    if id.len() != 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        faults.push(format!("the access log has no decision id: `{record}`"));
    }
    if pair(record, "verdict") != Some("deny") {
        faults.push(format!("the access log has no verdict: `{record}`"));
    }
    let decisions: Vec<Value> = decisions(evidence).collect();
    match decisions.as_slice() {
        [line] => {
            let expected = [
                ("id", Value::from(id)),
                ("verdict", Value::from("deny")),
                ("code", Value::from(code.word())),
                ("enforced", Value::from(enforced)),
            ];
            for (key, value) in expected {
                if line[key] != value {
                    faults.push(format!("the log has `{key}: {}`, not {value}", line[key]));
                }
            }
        }
        lines => faults.push(format!("the log has {} decisions", lines.len())),
    }
    if enforced {
        check_reply(faults, code, id, exchange, evidence);
    } else if status != 200 || evidence.header("x-ambit-code").is_some() {
        faults.push(format!("the caller sees of it what only the operator may: status {status}"));
    }
}

/// What a caller is told of a deny.
fn check_reply(faults: &mut Vec<String>, code: Code, id: &str, exchange: &Exchange, evidence: &Evidence) {
    let is_grpc = exchange.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case(b"content-type") && value.starts_with(b"application/grpc")
    });
    let details = format!("ambit:{}", code.word());
    let mut expect = |what: &str, got: Option<&str>, expected: &str| {
        if got != Some(expected) {
            faults.push(format!("{what} is {got:?}, not `{expected}`"));
        }
    };
    expect("the detail of the access log", evidence.details.as_deref(), &details);
    expect("the header `x-ambit-code`", evidence.header("x-ambit-code"), code.word());
    expect("the header `x-ambit-decision`", evidence.header("x-ambit-decision"), id);
    let status = evidence.status.map(|status| status.to_string());
    if is_grpc {
        expect("the status", status.as_deref(), "200");
        expect("the gRPC status", evidence.header("grpc-status"), GRPC_PERMISSION_DENIED);
    } else {
        expect("the status", status.as_deref(), "403");
        let body: Value = serde_json::from_slice(&evidence.body).unwrap_or_default();
        expect("the body's `error`", body["error"].as_str(), code.word());
        expect("the body's `decision`", body["decision"].as_str(), id);
        expect("the body's `message`", body["message"].as_str(), code.sentence());
        expect("the body's `code`", Some(&body["code"].to_string()), &code.number().to_string());
        expect("the content type", evidence.header("content-type"), "application/json");
    }
    let told = evidence.headers.iter().map(|(_, value)| value.as_slice()).chain([evidence.body.as_slice()]);
    if told.into_iter().any(|told| String::from_utf8_lossy(told).contains("spiffe:")) {
        faults.push("the reply names a principal".to_owned());
    }
}

/// The value of a pair of the access log's record.
fn pair<'a>(record: &'a str, key: &str) -> Option<&'a str> {
    record.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn decisions(evidence: &Evidence) -> impl Iterator<Item = Value> + '_ {
    let objects = evidence.log.iter().filter_map(|line| line.find("{\"ambit\":").map(|start| &line[start..]));
    // What follows the object on its line is the proxy's.
    objects.filter_map(|text| serde_json::Deserializer::from_str(text).into_iter().next()?.ok())
}

impl Judged {
    /// The verdict in the record that the filter leaves for access logs.
    pub(super) fn from_record(record: &str) -> Option<Self> {
        let place = |key| pair(record, key).map(str::parse);
        let hop = match (place("hop"), place("mission")) {
            (None, None) => Hop::None,
            (Some(place), None) => Hop::Member(place.ok()?),
            (None, Some(place)) => Hop::Mission(place.ok()?),
            (Some(_), Some(_)) => return None,
        };
        Some(Self { code: pair(record, "code")?.to_owned(), hop })
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Headers => "the headers only",
            Self::Whole => "all of it",
        })
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.judged {
            Some(Judged { code, hop }) => write!(f, "`{code} {hop}`")?,
            None => f.write_str("no verdict")?,
        }
        write!(f, ", the application received {}", self.reached)?;
        let Some(evidence) = &self.evidence else { return Ok(()) };
        match evidence.status {
            Some(status) => write!(f, ", status {status}")?,
            None => f.write_str(", no response")?,
        }
        evidence.details.as_ref().map_or(Ok(()), |details| write!(f, " ({details})"))
    }
}
