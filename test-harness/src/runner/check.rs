//! Compares what was observed of a request with what is expected, and with what holds of every request: a deny tells
//! the same to the caller, the access log and the log, and tells the caller nothing of policy or lineage.

use std::fmt;

use ambit_bytecode::Code;
use serde_json::Value;

use super::{Evidence, Judged, Observed, Reached};
use crate::scenario::{Ending, Exchange, Expectation, Hop, Stage};

/// The gRPC status `PERMISSION_DENIED`.
const GRPC_PERMISSION_DENIED: &str = "7";

/// The gRPC status `RESOURCE_EXHAUSTED`.
const GRPC_RESOURCE_EXHAUSTED: &str = "8";

/// All that is not as expected.
pub(super) fn faults(expectation: &Expectation, exchange: &Exchange, observed: &Observed) -> Vec<String> {
    let mut faults = Vec::new();
    let reached = observed.reached;
    if let (Some(expected), Some(target)) = (&expectation.arrives, &observed.target)
        && expected != target
    {
        faults.push(format!("it arrives at the application as `{}`", target.escape_ascii()));
    }
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
    // After another verdict than the expected one, everything else is another too.
    if let Some(evidence) = observed.evidence.as_ref().filter(|_| faults.is_empty()) {
        check_evidence(&mut faults, expectation, exchange, evidence);
        let body = String::from_utf8_lossy(&evidence.body);
        let replied = |word: &&String| !body.contains(word.as_str());
        faults.extend(
            expectation
                .reply
                .iter()
                .filter(replied)
                .map(|word| format!("the reply `{body}` has no `{word}`")),
        );
        if let Some(expected) = &expectation.receives
            && *expected != evidence.body
        {
            faults.push(format!("the caller receives `{body}`"));
        }
        if let Some(length) = evidence.header("content-length")
            && exchange.method != b"HEAD"
            && length != evidence.body.len().to_string()
        {
            faults.push(format!("the response has {} bytes and says {length}", evidence.body.len()));
        }
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

fn check_evidence(
    faults: &mut Vec<String>,
    expectation: &Expectation,
    exchange: &Exchange,
    evidence: &Evidence,
) {
    let ending = &expectation.ending;
    let status = evidence.status.unwrap_or_default();
    let (code, enforced) = match ending {
        Ending::Deny { code, .. } => (*code, true),
        Ending::Shadow { code, .. } => (*code, false),
        Ending::Allow | Ending::Proxy(_) => {
            let answered = exchange.answer.as_ref().map_or(200, |answer| answer.status);
            let expected = if let Ending::Proxy(status) = ending { *status } else { answered };
            if status != expected {
                faults.push(format!("the status is {status}, not {expected}"));
            }
            if evidence.header("x-ambit-code").is_some() {
                faults.push("the response is the filter's".to_owned());
            }
            if let Some(record) = &evidence.record {
                faults.push(format!("the access log has `{record}`"));
            }
            match (&expectation.withheld, decisions(evidence).next()) {
                (None, None) => {}
                (None, Some(_)) => faults.push("the log has a decision".to_owned()),
                (Some(detail), line) => check_withheld(faults, detail, line.as_ref(), evidence),
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
        check_reply(faults, code, id, expectation, exchange, evidence);
    } else if status != 200 || evidence.header("x-ambit-code").is_some() {
        faults.push(format!("the caller sees of it what only the operator may: status {status}"));
    }
}

/// What a caller is told in the place of an answer that cannot be read.
fn check_withheld(faults: &mut Vec<String>, detail: &str, line: Option<&Value>, evidence: &Evidence) {
    let line = line.unwrap_or(&Value::Null);
    let code = Code::ReplyUnreadable.word();
    if line["code"] != code || line["detail"] != detail {
        faults.push(format!("the log has {line}, not a decision for `{detail}`"));
    }
    // In a stream it is one event of several.
    let texts = evidence.body.split(|byte| *byte == b'\n');
    let texts = texts.map(|line| line.strip_prefix(b"data: ").unwrap_or(line)).chain([&evidence.body[..]]);
    let told: Vec<Value> = texts.filter_map(|text| serde_json::from_slice(text).ok()).collect();
    let mut objects = told.iter().flat_map(told_in).peekable();
    if objects.peek().is_some() && !objects.any(|(word, id)| word == code && *id == line["id"]) {
        faults.push(format!("the caller is told {told:?}"));
    }
}

/// What a caller is told of a deny, in the form that its client shows.
fn check_reply(
    faults: &mut Vec<String>,
    code: Code,
    id: &str,
    expectation: &Expectation,
    exchange: &Exchange,
    evidence: &Evidence,
) {
    let is_grpc = exchange.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case(b"content-type") && value.starts_with(b"application/grpc")
    });
    let mut expect = |what: &str, got: Option<&str>, expected: &str| {
        if got != Some(expected) {
            faults.push(format!("{what} is {got:?}, not `{expected}`"));
        }
    };
    expect("the detail of the access log", evidence.details.as_deref(), &format!("ambit:{}", code.word()));
    expect("the header `x-ambit-code`", evidence.header("x-ambit-code"), code.word());
    expect("the header `x-ambit-decision`", evidence.header("x-ambit-decision"), id);
    let denied = if code == Code::BodyTooLarge { 413 } else { 403 };
    let status = expectation.status.unwrap_or(if is_grpc { 200 } else { denied });
    expect("the status", evidence.status.map(|status| status.to_string()).as_deref(), &status.to_string());
    if is_grpc {
        let grpc = if code == Code::BodyTooLarge { GRPC_RESOURCE_EXHAUSTED } else { GRPC_PERMISSION_DENIED };
        expect("the gRPC status", evidence.header("grpc-status"), grpc);
    } else if exchange.method != b"HEAD" {
        // An error may come as the one event of a stream.
        let (media, json) = match evidence.body.strip_prefix(b"data: ") {
            Some(event) => ("text/event-stream", event),
            None => ("application/json", evidence.body.as_slice()),
        };
        expect("the content type", evidence.header("content-type"), media);
        let body: Value = serde_json::from_slice(json).unwrap_or_default();
        let objects = told_in(&body);
        if objects.is_empty() {
            expect(
                "the body",
                Some(&String::from_utf8_lossy(&evidence.body)),
                "an error in one of our forms",
            );
        }
        for (word, decision) in objects {
            expect("the code in the body", word.as_str(), code.word());
            expect("the decision in the body", decision.as_str(), id);
        }
    }
    let all = evidence.headers.iter().map(|(_, value)| value.as_slice()).chain([evidence.body.as_slice()]);
    if all.into_iter().any(|told| String::from_utf8_lossy(told).contains("spiffe:")) {
        faults.push("the reply names a principal".to_owned());
    }
}

/// The code's word and the decision id in each error of a reply: one of our own, of JSON-RPC (one or a batch), or of
/// Google's APIs.
fn told_in(body: &Value) -> Vec<(&Value, &Value)> {
    let own = |object: &'_ Value| object["error"].is_string();
    match body {
        Value::Array(batch) => batch.iter().flat_map(told_in).collect(),
        _ if own(body) => vec![(&body["error"], &body["decision"])],
        _ if body["jsonrpc"] == "2.0" && own(&body["error"]["data"]) => {
            let data = &body["error"]["data"];
            vec![(&data["error"], &data["decision"])]
        }
        _ => match &body["error"]["details"][0]["metadata"] {
            Value::Object(_) => {
                let metadata = &body["error"]["details"][0]["metadata"];
                vec![(&metadata["code"], &metadata["decision"])]
            }
            _ => Vec::new(),
        },
    }
}

/// The value of a pair of the access log's record.
fn pair<'a>(record: &'a str, key: &str) -> Option<&'a str> {
    record.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn decisions(evidence: &Evidence) -> impl Iterator<Item = Value> + '_ {
    decisions_in(&evidence.log)
}

fn decisions_in(log: &[String]) -> impl Iterator<Item = Value> + '_ {
    let objects = log.iter().filter_map(|line| line.find("{\"ambit\":").map(|start| &line[start..]));
    // What follows the object on its line is the proxy's.
    objects.filter_map(|text| serde_json::Deserializer::from_str(text).into_iter().next()?.ok())
}

impl Judged {
    /// The verdict in the first decision that a log has.
    pub(crate) fn from_log(log: &[String]) -> Option<Self> {
        let decision = decisions_in(log).next()?;
        let place = |key: &str| decision[key].as_u64().and_then(|place| u8::try_from(place).ok());
        let hop = place("hop").map(Hop::Member).or_else(|| place("mission").map(Hop::Mission));
        Some(Self { code: decision["code"].as_str()?.to_owned(), hop: hop.unwrap_or(Hop::None) })
    }

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
