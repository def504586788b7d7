//! What a verdict was made of, for its record: enough to make it again offline, and no more of the request than policy
//! lets be shown.
//!
//! What is asked is written as it is, as access logs have it. Every other field that a condition may read is written as
//! it is only if policy marks it; otherwise a digest under the workload's secret stands for it, by which records can be
//! compared, and nothing where there is no secret. Sizes are bounded: what has no room is left out, and that is said.

use ambit_bytecode::{Code, Source};
use ambit_eval::{
    Arguments, Caller, Count, Facts, Hop, Key, Number, Program, Protocol, Request, Statement, Value, Verdict,
};
use ambit_lineage::secret::Secret;

use crate::facts::{Body, RequestFacts};
use crate::limits::{MAX_EVIDENCE_BYTES, MAX_SHOWN_BYTES, MAX_SHOWN_ELEMENTS};
use crate::policy::Policy;
use crate::record::{DecisionId, Json};

/// Members of a record.
#[derive(Clone, Debug)]
pub struct Evidence(pub(crate) Json);

/// What records may show of requests.
#[derive(Debug, Default)]
pub struct Records {
    /// Names of fields that are shown as they are, with what is inside them; `*` is all.
    pub loggable: Vec<String>,
    /// One in this many allows is recorded; 0 is none.
    pub allows: u32,
    /// What digests are made with.
    pub(crate) secret: Option<Secret>,
}

/// What a record says of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Showing {
    /// Nothing: no condition reads it.
    Not,
    /// That it is the same as another.
    Digest,
    /// Its value.
    Value,
}

impl Records {
    /// Everything is shown.
    #[must_use]
    pub fn all() -> Self {
        Self { loggable: vec![String::from("*")], allows: 1, secret: None }
    }

    /// What a record says of a field that some condition reads.
    pub(crate) fn showing(&self, program: &Program<Vec<u8>>, field: u16) -> Showing {
        let mut name = String::new();
        write_name(program, field, &mut name);
        match program.field(field).map(|field| field.source) {
            // The key has them.
            Some(Source::Method | Source::Path | Source::PathSegment | Source::Host) => Showing::Value,
            // So has the destination.
            Some(Source::DestinationHost | Source::DestinationAddress | Source::DestinationPort) => {
                Showing::Value
            }
            _ if self.loggable.iter().any(|loggable| covers(loggable, &name)) => Showing::Value,
            _ => Showing::Digest,
        }
    }
}

/// Whether what is marked is a field, or has it inside.
fn covers(loggable: &str, name: &str) -> bool {
    let rest = name.as_bytes().strip_prefix(loggable.as_bytes());
    loggable == "*" || rest.is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

/// The names of all fields of a program in records, by their ids.
#[must_use]
pub fn names(program: &Program<Vec<u8>>) -> Vec<String> {
    let name = |field| {
        let mut name = String::new();
        write_name(program, field, &mut name);
        name
    };
    (0..program.fields()).map(name).collect()
}

/// The name of a field in records: `header/x-tenant`, `query/page`, `path-segment/2`, `body/params/arguments/amount`. Of
/// what lies in the elements of a list, `*` stands between the list's keys and its own.
fn write_name(program: &Program<Vec<u8>>, field: u16, name: &mut String) {
    let Some(description) = program.field(field) else { return };
    match description.list {
        Some(list) => {
            write_name(program, list, name);
            name.push_str("/*");
        }
        None => name.push_str(description.source.word()),
    }
    match description.source {
        Source::Header | Source::Query => write_part(description.name, name),
        Source::PathSegment => write_part(description.number.to_string().as_bytes(), name),
        _ => {}
    }
    for place in 0..description.keys {
        write_part(program.field_key(field, place).unwrap_or_default(), name);
    }
}

/// A part of a name, escaped as in a JSON pointer, so that no two fields have one name.
fn write_part(part: &[u8], name: &mut String) {
    name.push('/');
    for character in String::from_utf8_lossy(part).chars() {
        match character {
            '~' => name.push_str("~0"),
            '/' => name.push_str("~1"),
            other => name.push(other),
        }
    }
}

/// Writes what a verdict was made of.
pub(crate) fn write(
    policy: &Policy,
    request: &Request<'_, RequestFacts<'_>>,
    body: Body<'_>,
    root: Option<&str>,
    verdict: &Verdict,
) -> Evidence {
    let mut json = Json::default();
    match request.caller {
        Caller::Proven(principal) => json.text("peer", principal.whole),
        Caller::Malformed => json.text("peer", b""),
        Caller::Unauthenticated => {}
    }
    write_lineage(policy.program(), request, root, verdict, &mut json);
    json.text("protocol", word(request.protocol));
    match request.key {
        Key::Known(key) => {
            json.text("key", key.get(..MAX_SHOWN_BYTES).unwrap_or(key));
            if key.len() > MAX_SHOWN_BYTES {
                json.raw("keyCut", "true");
            }
        }
        Key::Refused(code) => json.text("refused", code.word().as_bytes()),
        Key::Unread | Key::Action(_) => {}
    }
    let (state, missing): (&[u8], _) = match body {
        Body::Unread => (b"unread", Value::Unread),
        Body::Absent => (b"absent", Value::Absent),
        Body::Read(view) if view.is_whole => (b"whole", Value::Absent),
        Body::Read(_) => (b"part", Value::Unread),
        Body::Opaque | Body::Anything => (b"opaque", Value::Unusable),
    };
    json.text("body", state);
    let (program, facts) = (policy.program(), request.facts);
    for listing in 0..program.listings() {
        if program.listing(listing).is_some_and(|listing| Some(listing.action) == verdict.action) {
            let arguments: &[u8] = match facts.arguments(listing) {
                Arguments::Listed => b"listed",
                Arguments::Unlisted => b"unlisted",
                Arguments::Unread => b"unread",
            };
            json.text("arguments", arguments);
        }
    }
    json.open("fields");
    let start = json.len();
    for field in 0..program.fields() {
        let Some(description) = program.field(field) else { continue };
        if policy.showing(field) == Showing::Not || description.list.is_some() {
            continue;
        }
        if json.len().saturating_sub(start) > MAX_EVIDENCE_BYTES {
            json.raw("cut", "true");
            break;
        }
        if let Count::Elements(count) = facts.count(field) {
            write_list(policy, facts, field, count, &mut json);
            continue;
        }
        let missing = if description.source == Source::Body { missing } else { Value::Absent };
        let value = facts.value(field);
        if value != missing {
            write_name(program, field, json.open_key());
            json.close_key();
            write_value(policy, field, value, &mut json);
        }
    }
    json.close();
    Evidence(json)
}

/// Writes on whose behalf it is asked, and which of them limits the request.
fn write_lineage(
    program: &Program<Vec<u8>>,
    request: &Request<'_, RequestFacts<'_>>,
    root: Option<&str>,
    verdict: &Verdict,
    json: &mut Json,
) {
    let (mut members, mut missions) = (&[][..], &[][..]);
    match request.statement {
        Statement::Absent => {}
        Statement::Refused(code) => json.text("lineageRefused", code.word().as_bytes()),
        Statement::Lineage(lineage) => {
            (members, missions) = (lineage.members, lineage.missions);
            json.open("lineage");
            if let Some(root) = root {
                json.text("root", root.as_bytes());
            }
            json.texts("via", &mut members.iter().map(|member| member.whole));
            json.texts("missions", &mut missions.iter().copied());
            json.truth("merged", lineage.merged);
            json.truth("stamped", verdict.caller.is_some_and(|caller| program.stamps(caller)));
            json.close();
        }
    }
    let holder = match verdict.hop {
        Some(Hop::Member(place)) => {
            let agent = match members.get(usize::from(place)) {
                Some(member) => program.agent(member),
                None => verdict.caller,
            };
            agent.and_then(|agent| program.agent_name(agent))
        }
        Some(Hop::Mission(place)) => missions.get(usize::from(place)).copied(),
        None => None,
    };
    let Some(holder) = holder else { return };
    json.text("limits", holder);
    if let Code::NotGranted | Code::NotGrantedThisWay | Code::ConditionNotMet = verdict.code
        && let Some((service, action)) = verdict.action.and_then(|action| program.action_name(action))
    {
        json.joined("missing", &[holder, b": ", service, b"/", action]);
    }
}

/// Writes a list: how many elements it has, and what conditions may read of each.
fn write_list(policy: &Policy, facts: &RequestFacts<'_>, list: u16, count: u32, json: &mut Json) {
    let program = policy.program();
    write_name(program, list, json.open_key());
    json.close_key();
    json.push("{\"list\":");
    json.display(&count);
    json.close();
    if count > MAX_SHOWN_ELEMENTS {
        return;
    }
    for field in 0..program.fields() {
        let of_list = program.field(field).is_some_and(|description| description.list == Some(list));
        // Elements that are objects have no value of their own.
        let has_values = || (0..count).any(|place| facts.element(field, place) != Value::Unusable);
        let is_written =
            if field == list { has_values() } else { of_list && policy.showing(field) != Showing::Not };
        if !is_written {
            continue;
        }
        let name = json.open_key();
        write_name(program, field, name);
        if field == list {
            name.push_str("/*");
        }
        json.close_key();
        let mut before = "[";
        for place in 0..count {
            json.push(before);
            write_value(policy, field, facts.element(field, place), json);
            before = ",";
        }
        json.push(if count == 0 { "[]" } else { "]" });
    }
}

/// A value as JSON. What has none is an object that says why.
fn write_value(policy: &Policy, field: u16, value: Value<'_>, json: &mut Json) {
    if policy.showing(field) == Showing::Value {
        match value {
            Value::Text(text) if text.len() <= MAX_SHOWN_BYTES && core::str::from_utf8(text).is_ok() => {
                return json.quote(&[text]);
            }
            Value::Number(number) => return write_number(number, json),
            Value::Null => return json.push("null"),
            Value::Bool(truth) => return json.push(if truth { "true" } else { "false" }),
            _ => {}
        }
    }
    let mut hidden = Vec::new();
    match value {
        Value::Absent => return json.push("{}"),
        Value::Unread => return json.push("{\"is\":\"unread\"}"),
        Value::Unusable => return json.push("{\"is\":\"unusable\"}"),
        // What it is counts, too: `"1"` is not `1`.
        Value::Null => hidden.push(b'0'),
        Value::Bool(truth) => hidden.push(if truth { b'1' } else { b'2' }),
        Value::Number(number) => {
            hidden.push(b'n');
            hidden.extend_from_slice(&number.coefficient.to_le_bytes());
            hidden.extend_from_slice(&number.exponent.to_le_bytes());
        }
        Value::Text(text) => {
            hidden.push(b't');
            hidden.extend_from_slice(text);
        }
    }
    match &policy.records().secret {
        Some(secret) => {
            json.push("{\"digest\":\"");
            json.display(&DecisionId(secret.field_digest(&hidden)));
            json.push("\"}");
        }
        None => json.push("{\"is\":\"withheld\"}"),
    }
}

/// Readers of JSON need not be exact beyond 15 digits, nor take every power of ten: such numbers are given as text.
fn write_number(number: Number, json: &mut Json) {
    let is_short = number.coefficient.unsigned_abs() < 1_000_000_000 && matches!(number.exponent, -15..=6);
    let is_long = number.exponent != 0 && !is_short;
    json.push(if is_long { "{\"number\":\"" } else { "" });
    json.display(&number.coefficient);
    match number.exponent {
        zeros @ 0..=6 => (0..zeros).for_each(|_| json.push("0")),
        exponent => {
            json.push("e");
            json.display(&exponent);
        }
    }
    json.push(if is_long { "\"}" } else { "" });
}

const fn word(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Http => b"http",
        Protocol::Mcp => b"mcp",
        Protocol::A2a => b"a2a",
        Protocol::Grpc => b"grpc",
        Protocol::Egress => b"egress",
    }
}
