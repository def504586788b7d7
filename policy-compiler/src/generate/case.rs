//! Requests aimed at a policy.

use std::collections::BTreeMap;

use crate::model::{Field, Identity, Literal, Policy, Protocol, Segment, Selector, Service, Workload};
use crate::reference::{Case, Code, FieldValue, Key, Lineage};

use super::choices::Choices;
use super::{egress, policy, pool};

/// The most elements of a list that a condition looks at, and so an interesting length.
const LONG_LIST: usize = 65;

/// A workload and a request to it.
pub fn case(choices: &mut Choices, policy: &Policy) -> (Workload, Case) {
    let workload = policy::workload(choices.one_in(8));
    let services: Vec<&Service> =
        policy.services.iter().filter(|service| service.workload == workload).collect();
    let service = choices.pick(&services).copied();
    let protocol = match service {
        Some(service) if !choices.one_in(12) => service.protocol,
        _ => Protocol::Http,
    };
    let case = Case {
        peer: if choices.one_in(24) { None } else { Some(principal(choices, policy)) },
        lineage: lineage(choices, policy),
        protocol,
        key: key(choices, service, protocol),
        fields: match protocol {
            Protocol::Egress if !choices.one_in(8) => egress::fields(choices),
            _ => fields(choices),
        },
        arguments: arguments(choices),
        now: u64::try_from(choices.below(8)).unwrap_or(0).saturating_mul(43_210),
    };
    (workload, case)
}

/// Mostly one of the policy, sometimes a near miss.
fn principal(choices: &mut Choices, policy: &Policy) -> String {
    // Several have to be right at once for a request to get anywhere, so that most of them are.
    let domain = match choices.below(64) {
        62 => *choices.pick(&["other.example", "mesh.example.", "MESH.EXAMPLE"]).unwrap_or(&""),
        63 => choices.pick(&pool::TRUST_DOMAINS).copied().unwrap_or(""),
        _ => choices.pick(&policy.mesh.trust_domains).map_or("", String::as_str),
    };
    let identities: Vec<&Identity> = policy.agents.iter().flat_map(|agent| &agent.identities).collect();
    let path = match choices.pick(&identities) {
        Some(Identity::Path(path) | Identity::Id { path, .. }) => path.clone(),
        Some(Identity::Namespace(namespace)) => format!("/ns/{namespace}/sa/z"),
        Some(Identity::Pattern(pattern)) => {
            pattern.replace('*', choices.pick(&pool::ACCOUNTS).copied().unwrap_or("a"))
        }
        None => String::from("/x"),
    };
    match choices.below(128) {
        123 => format!("spiffe://{domain}{path}/z"),
        124 => format!("spiffe://{domain}"),
        125 => format!("spiffe://{domain}{path}/"),
        126 => format!("spiffe://{domain}/ns/none/sa/none"),
        127 => String::from("none"),
        _ => format!("spiffe://{domain}{path}"),
    }
}

fn lineage(choices: &mut Choices, policy: &Policy) -> Lineage {
    match choices.below(8) {
        0 => Lineage::Absent,
        1 if choices.one_in(4) => {
            let codes = [Code::LineageMalformed, Code::LineageRepeated, Code::LineageTooLong];
            Lineage::Malformed(choices.pick(&codes).copied().unwrap_or(Code::LineageMalformed))
        }
        _ => {
            let most = if choices.one_in(32) { 18 } else { 3 };
            let members = choices.some(0, most, |choices| principal(choices, policy));
            let names: Vec<String> = policy.missions.iter().map(|mission| mission.name.clone()).collect();
            let missions =
                choices.some(0, if names.is_empty() { 0 } else { 2 }, |choices| match choices.one_in(12) {
                    true => String::from("none"),
                    false => choices.pick(&names).cloned().unwrap_or_default(),
                });
            Lineage::Parsed { members, missions, merged: choices.one_in(4) }
        }
    }
}

/// A key that some selector of the service means, or nearly.
fn key(choices: &mut Choices, service: Option<&Service>, protocol: Protocol) -> Key {
    if choices.one_in(32) {
        return Key::Refused(Code::PathRefused);
    }
    let selectors: Vec<&Selector> =
        service.into_iter().flat_map(|s| &s.actions).map(|action| &action.selector).collect();
    let mut key = match choices.pick(&selectors) {
        Some(Selector::Key(pattern)) => pattern
            .split('*')
            .collect::<Vec<_>>()
            .join(choices.pick(&["", "a", "ab", "*", "/"]).copied().unwrap_or("")),
        Some(Selector::Http { methods, path }) => {
            let method = choices.pick(methods).map_or("GET", String::as_str).to_owned();
            let mut key = format!("{method} ");
            for segment in &path.segments {
                key.push_str(match segment {
                    Segment::Literal(literal) => literal_segment(literal),
                    Segment::One(_) => choices.pick(&["/a", "/b", "/c"]).unwrap_or(&"/a"),
                    Segment::Rest => choices.pick(&["", "/", "/a", "/a/b"]).unwrap_or(&""),
                });
            }
            if key.ends_with(' ') {
                key.push('/');
            }
            key
        }
        None if protocol == Protocol::Http => String::from("GET /"),
        None => String::from("a"),
    };
    match choices.below(16) {
        13 => key.push('a'),
        14 => key.push('/'),
        15 => {
            key.pop();
        }
        _ => {}
    }
    Key::Known(key.into_bytes())
}

fn literal_segment(literal: &str) -> &'static str {
    match literal {
        "a" => "/a",
        "b" => "/b",
        _ => "/ab",
    }
}

fn fields(choices: &mut Choices) -> BTreeMap<Field, FieldValue> {
    let mut fields = BTreeMap::new();
    for field in pool::fields() {
        let about_caller =
            matches!(field, Field::CallerPrincipal | Field::CallerNamespace | Field::CallerServiceAccount);
        if !about_caller && choices.below(2) == 1 {
            fields.insert(field, scalar(choices));
        }
    }
    for list in pool::lists() {
        match choices.below(8) {
            0 => {}
            7 => {
                fields.insert(list, scalar(choices));
            }
            6 if choices.one_in(4) => {
                let elements = vec![scalar(choices); LONG_LIST.saturating_sub(choices.below(2))];
                fields.insert(list, FieldValue::List(elements));
            }
            _ => {
                let elements = choices.some(0, 3, element);
                fields.insert(list, FieldValue::List(elements));
            }
        }
    }
    fields
}

fn arguments(choices: &mut Choices) -> Option<FieldValue> {
    match choices.below(8) {
        0..4 => None,
        4 => Some(scalar(choices)),
        _ => Some(object(choices, 3)),
    }
}

/// An object of a few names, nested no more than `depth` deep.
fn object(choices: &mut Choices, depth: usize) -> FieldValue {
    let mut members = BTreeMap::new();
    for name in pool::ARGUMENTS {
        match choices.below(8) {
            1 => drop(members.insert(name.to_owned(), scalar(choices))),
            2 | 3 if depth > 0 => {
                drop(members.insert(name.to_owned(), object(choices, depth.saturating_sub(1))))
            }
            _ => {}
        }
    }
    if choices.one_in(24) {
        members.insert(String::from("z"), FieldValue::Null);
    }
    FieldValue::Object(members)
}

fn scalar(choices: &mut Choices) -> FieldValue {
    match choices.below(16) {
        14 => FieldValue::Unusable,
        15 => FieldValue::Unread,
        13 => FieldValue::Text(vec![0xff, b'a']),
        12 => FieldValue::Object(BTreeMap::new()),
        _ => match choices.pick(&pool::literals()) {
            Some(Literal::Bool(truth)) => FieldValue::Bool(*truth),
            Some(Literal::Number(number)) => FieldValue::Number(*number),
            Some(Literal::Text(text)) => FieldValue::Text(text.clone().into_bytes()),
            Some(Literal::Null) | None => FieldValue::Null,
        },
    }
}

fn element(choices: &mut Choices) -> FieldValue {
    match choices.below(4) {
        2 => FieldValue::Object(BTreeMap::from([("a".to_owned(), scalar(choices))])),
        3 => {
            let inner = FieldValue::Object(BTreeMap::from([("b".to_owned(), scalar(choices))]));
            FieldValue::Object(BTreeMap::from([("a".to_owned(), inner)]))
        }
        _ => scalar(choices),
    }
}
