//! A record as a test of `ambit test`.

use std::collections::BTreeMap;

use ambit_compiler::model::Policy;
use serde_json::{Map, Value};

use crate::cases::principal_of;
use crate::failure::Problem;
use crate::policy::{Loaded, written};
use crate::request::quoted;
use crate::story::{Member, Story};
use crate::time;

pub(super) fn render(story: &Story<'_>, loaded: &Loaded) -> Result<String, Problem> {
    let record = story.record;
    let by_hand = |why: &str| {
        Problem::new(format!("no test can be made of this decision: {why}"))
            .help("write the request out under `raw`, as `ambit test --help` shows")
    };
    if record.lineage_refused.is_some() {
        return Err(by_hand("its lineage could not be read"));
    }
    let Some(key) = record.key.as_deref().filter(|_| !record.key_cut && record.refused.is_none()) else {
        return Err(by_hand("what was asked could not be read, or is too long"));
    };
    let policy = &loaded.policy;
    let service = service(story, policy).ok_or_else(|| by_hand("no service of the policy was asked"))?;
    let Some((caller, members)) = story.members.split_last() else {
        return Err(by_hand("its caller had no certificate"));
    };
    let who = match members {
        [] => caller.name().to_owned(),
        members => {
            let names: Vec<&str> = members.iter().map(Member::name).collect();
            format!("{} for {}", caller.name(), names.join(", "))
        }
    };
    let name = format!("{}: {who}: {key}", record.id);
    let mut lines =
        vec![format!("  - name: {}", quoted(&name)), format!("    from: {}", said(caller, policy))];
    if !members.is_empty() {
        let names: Vec<String> = members.iter().map(|member| said(member, policy)).collect();
        lines.push(format!("    for: [{}]", names.join(", ")));
        if record.lineage.as_ref().is_some_and(|lineage| lineage.merged) {
            lines.push(String::from("    merged: true"));
        }
    }
    if !story.missions.is_empty() {
        let names: Vec<String> = story.missions.iter().map(|(name, _)| quoted(name)).collect();
        lines.push(format!("    under: [{}]", names.join(", ")));
    }
    if record.lineage.is_none() {
        lines.push(String::from("    stamped: false"));
    }
    lines.push(format!("    to: {service}"));
    let parts = Parts::of(story);
    let query: Vec<String> = parts.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    lines.push(format!("    send: {}", quoted(&format!("{key}{query}"))));
    if !parts.headers.is_empty() {
        lines.push(format!("    headers: {}", Value::from(parts.headers)));
    }
    if !parts.arguments.is_empty() {
        lines.push(format!("    args: {}", Value::from(parts.arguments)));
    }
    if let Some(address) = parts.address {
        lines.push(format!("    address: {}", quoted(&address)));
    }
    lines.push(format!("    at: {}", time::show(record.time)));
    lines.push(format!("    expect: {}", record.code));
    if let Some(limits) = record.limits.as_deref() {
        lines.push(format!("    by: {}", quoted(limits)));
    }
    for name in parts.unknown {
        lines.push(format!("    # The record does not show {name}."));
    }
    Ok(format!("tests:\n{}\n", lines.join("\n")))
}

/// An agent by its name, if that stands for the same principal; else the principal.
fn said(member: &Member<'_>, policy: &Policy) -> String {
    match member.agent {
        Some(agent) if principal_of(policy, agent) == member.principal => agent.name.clone(),
        _ => quoted(member.principal),
    }
}

/// The service that was asked: by its action, else the workload's first of the protocol.
fn service<'p>(story: &Story<'_>, policy: &'p Policy) -> Option<&'p str> {
    if let Some((service, _)) = story.record.action.as_deref().and_then(|action| action.split_once('/')) {
        return policy.services.iter().find(|found| found.name == service).map(|found| found.name.as_str());
    }
    let workload = story.record.workload.as_deref()?;
    let mut services = policy.services.iter().filter(|service| written(&service.workload) == workload);
    services.next().map(|service| service.name.as_str())
}

/// The fields of a record, put where they were in the request.
#[derive(Default)]
struct Parts {
    headers: Map<String, Value>,
    query: BTreeMap<String, String>,
    arguments: Map<String, Value>,
    address: Option<String>,
    unknown: Vec<String>,
}

impl Parts {
    fn of(story: &Story<'_>) -> Self {
        let mut parts = Self::default();
        let fields = &story.record.fields;
        let start = match story.record.protocol.as_deref() {
            Some("mcp") => "params/arguments/",
            Some("a2a") => "params/message/parts/data/",
            _ => "",
        };
        for (name, value) in fields {
            let (source, rest) = name.split_once('/').unwrap_or((name, ""));
            let is_hidden = value.is_object() && value.get("list").is_none();
            match source {
                "header" | "query" | "body" | "peer-address" if is_hidden => {
                    parts.unknown.push(name.to_string())
                }
                "header" => {
                    parts.headers.insert(rest.to_owned(), value.clone());
                }
                "query" => {
                    let text = value.as_str().unwrap_or_default();
                    parts.query.insert(rest.to_owned(), percent(text));
                }
                "peer-address" => parts.address = value.as_str().map(str::to_owned),
                "body" => match rest.strip_prefix(start) {
                    Some(path) if !path.contains("/*") => {
                        let keys: Vec<String> =
                            path.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
                        let value =
                            if value.get("list").is_some() { list(fields, name) } else { value.clone() };
                        insert(&mut parts.arguments, &keys, value);
                    }
                    Some(_) => {}
                    None => parts.unknown.push(name.to_string()),
                },
                _ => {}
            }
        }
        parts
    }
}

/// A list of which the record has the elements, or what conditions read of them.
fn list(fields: &BTreeMap<std::borrow::Cow<'_, str>, Value>, name: &str) -> Value {
    let own = format!("{name}/*");
    if let Some(elements) = fields.get(own.as_str()) {
        return elements.clone();
    }
    let count = fields.get(name).and_then(|value| value.get("list")).and_then(Value::as_u64).unwrap_or(0);
    let mut elements: Vec<Map<String, Value>> = (0..count.min(64)).map(|_| Map::new()).collect();
    let inside = format!("{own}/");
    for (field, values) in fields {
        let Some(rest) = field.strip_prefix(inside.as_str()) else { continue };
        let keys: Vec<String> =
            rest.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        for (element, value) in elements.iter_mut().zip(values.as_array().into_iter().flatten()) {
            if !value.is_object() {
                insert(element, &keys, value.clone());
            }
        }
    }
    Value::from(elements.into_iter().map(Value::from).collect::<Vec<_>>())
}

/// Puts a value where its keys lead.
fn insert(object: &mut Map<String, Value>, keys: &[String], value: Value) {
    match keys {
        [] => {}
        [last] => {
            object.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = object.entry(first.clone()).or_insert_with(|| Value::from(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Text in a query.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
