//! Verdicts as a line of text, held against the reference evaluator.
//!
//! `CALLER [for AGENT, AGENT] [under MISSION]: SERVICE REQUEST [with JSON] [at TIME] -> CODE`, where CALLER is an agent or a
//! SPIFFE path, REQUEST is the action key of the service's protocol, and JSON has `args`, `headers`, `query`, `ip` and `host`.
//! The lineage is stamped, origin first.
//!
//! Of SERVICE `egress` the request is `METHOD URL` or `connect HOST:PORT`, with `-` for no host, and JSON may have the
//! `address`. Where nothing bounds the caller, CODE is `unbounded`.

use std::collections::BTreeMap;

use ambit_compiler::model::{Decimal, Field, Identity, Policy, Protocol};
use ambit_compiler::reference::{Case, FieldValue, Key, Lineage, SpiffeId, Terms, judge};
use ambit_compiler::{agents, egress};
use serde_json::Value;

/// A Monday morning.
const NOW: u64 = 1_795_395_480;

/// Says why the verdict of a line does not hold.
pub(crate) fn hold(policy: &Policy, line: &str) -> Result<(), String> {
    let (question, code) = line.rsplit_once(" -> ").ok_or("no ` -> `")?;
    let (who, what) = question.split_once(": ").ok_or("no `: `")?;
    let (what, now) = match what.rsplit_once(" at ") {
        Some((what, time)) => (what, seconds(time)),
        None => (what, NOW),
    };
    let (what, more) = match what.split_once(" with ") {
        Some((what, json)) => (what, serde_json::from_str(json).map_err(|error| error.to_string())?),
        None => (what, Value::Null),
    };
    let (service, request) = what.split_once(' ').ok_or("no request")?;
    let (who, missions) = match who.split_once(" under ") {
        Some((who, mission)) => (who, vec![mission.to_owned()]),
        None => (who, Vec::new()),
    };
    let (caller, members) = who.split_once(" for ").unwrap_or((who, ""));
    let members =
        members.split(", ").filter(|member| !member.is_empty()).map(|member| principal(policy, member));
    let peer = principal(policy, caller);
    let outside = if service == egress::SERVICE { Some(outside(policy, &peer)) } else { None };
    let policy = match &outside {
        None => policy,
        Some(Some(outside)) => outside,
        Some(None) if code == "unbounded" => return Ok(()),
        Some(None) => return Err(String::from("it is unbounded")),
    };
    let service = policy.services.iter().find(|other| other.name == service).ok_or("no such service")?;
    let (key, fields) = match service.protocol {
        Protocol::Egress => call_outside(request, &more),
        protocol => (request, fields(protocol, request, &more)),
    };
    let case = Case {
        peer: Some(peer),
        lineage: Lineage::Parsed { members: members.collect(), missions, merged: false },
        protocol: service.protocol,
        key: Key::Known(key.as_bytes().to_vec()),
        fields,
        arguments: more.get("args").map(field_value),
        now,
    };
    let said = judge(policy, &service.workload, &case, Terms::default());
    if said.code.word() == code {
        Ok(())
    } else {
        Err(format!("it is {} by {:?}", said.code.word(), said.hop))
    }
}

/// By what calls outside of a principal are judged.
fn outside(policy: &Policy, peer: &str) -> Option<Policy> {
    let workload = agents::kubernetes(SpiffeId::parse(peer)?.path)?;
    egress::policy(policy, &workload)
}

/// The key and the facts of a call outside.
fn call_outside<'r>(request: &'r str, more: &Value) -> (&'r str, BTreeMap<Field, FieldValue>) {
    let text = |text: &str| FieldValue::Text(text.as_bytes().to_vec());
    let mut fields = BTreeMap::new();
    let (method, target) = request.split_once(' ').expect("a method, or connect, and a target");
    let (key, host, port) = match target.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            fields.insert(Field::Method, text(method));
            fields.insert(Field::Path, text(if path.is_empty() { "/" } else { path }));
            let usual = if scheme == "https" { "443" } else { "80" };
            let (host, port) = authority.split_once(':').unwrap_or((authority, usual));
            (egress::HTTP_KEY, host, port)
        }
        None => {
            let (host, port) = target.rsplit_once(':').expect("a port");
            (method, host, port)
        }
    };
    if host != "-" {
        fields.insert(Field::DestinationHost, text(host));
    }
    fields.insert(Field::DestinationPort, FieldValue::Number(decimal(port)));
    if let Some(address) = more["address"].as_str() {
        fields.insert(Field::DestinationAddress, text(address));
    }
    (key, fields)
}

fn principal(policy: &Policy, name: &str) -> String {
    let domain = &policy.mesh.trust_domains[0];
    if name.starts_with('/') {
        return format!("spiffe://{domain}{name}");
    }
    let agent =
        policy.agents.iter().find(|agent| agent.name == name).unwrap_or_else(|| panic!("no agent {name}"));
    match &agent.identities[0] {
        Identity::Path(path) => format!("spiffe://{domain}{path}"),
        Identity::Id { trust_domain, path } => format!("spiffe://{trust_domain}{path}"),
        Identity::Namespace(namespace) => format!("spiffe://{domain}/ns/{namespace}/sa/any"),
        Identity::Pattern(pattern) => format!("spiffe://{domain}{}", pattern.replace('*', "x")),
    }
}

fn fields(protocol: Protocol, request: &str, more: &Value) -> BTreeMap<Field, FieldValue> {
    let text = |text: &str| FieldValue::Text(text.as_bytes().to_vec());
    let mut fields = BTreeMap::new();
    if let (Protocol::Http, Some((method, path))) = (protocol, request.split_once(' ')) {
        fields.insert(Field::Method, text(method));
        fields.insert(Field::Path, text(path));
        for (segment, place) in path.split('/').skip(1).zip(0..) {
            fields.insert(Field::PathSegment(place), text(segment));
        }
    }
    let named = |key: &str| more[key].as_object().cloned().unwrap_or_default();
    for (name, value) in named("headers") {
        fields.insert(Field::Header(name), text(value.as_str().unwrap()));
    }
    for (name, value) in named("query") {
        fields.insert(Field::Query(name), text(value.as_str().unwrap()));
    }
    if let Some(ip) = more["ip"].as_str() {
        fields.insert(Field::PeerAddress, text(ip));
    }
    if let Some(host) = more["host"].as_str() {
        fields.insert(Field::Host, text(host));
    }
    let mut keys: Vec<String> = protocol.arguments().iter().map(|key| (*key).to_owned()).collect();
    body(&more["args"], &mut keys, &mut fields);
    fields
}

/// Every field of a body by its keys, objects included.
fn body(value: &Value, keys: &mut Vec<String>, fields: &mut BTreeMap<Field, FieldValue>) {
    if let Value::Object(object) = value {
        for (key, value) in object {
            keys.push(key.clone());
            fields.insert(Field::Body(keys.clone()), field_value(value));
            body(value, keys, fields);
            keys.pop();
        }
    }
}

fn field_value(value: &Value) -> FieldValue {
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(truth) => FieldValue::Bool(*truth),
        Value::Number(number) => FieldValue::Number(decimal(&number.to_string())),
        Value::String(text) => FieldValue::Text(text.as_bytes().to_vec()),
        Value::Array(items) => FieldValue::List(items.iter().map(field_value).collect()),
        Value::Object(object) => {
            FieldValue::Object(object.iter().map(|(key, value)| (key.clone(), field_value(value))).collect())
        }
    }
}

fn decimal(text: &str) -> Decimal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut coefficient: i64 = format!("{whole}{fraction}").parse().unwrap();
    let mut exponent = -i16::try_from(fraction.len()).unwrap();
    while coefficient != 0 && coefficient % 10 == 0 {
        coefficient /= 10;
        exponent += 1;
    }
    Decimal { coefficient, exponent: if coefficient == 0 { 0 } else { exponent } }
}

/// Unix seconds of a time in November 2026, or of the start of a month of 2027.
fn seconds(time: &str) -> u64 {
    const NOVEMBER: u64 = 1_793_491_200;
    let number = |range: core::ops::Range<usize>| time.get(range).unwrap().parse::<u64>().unwrap();
    let day = match time.get(..7).unwrap() {
        "2026-11" => number(8..10) - 1,
        "2027-01" => number(8..10) - 1 + 61,
        other => panic!("add {other} here"),
    };
    NOVEMBER + ((day * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19)
}
