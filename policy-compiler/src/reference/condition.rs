//! The value of a condition: true, false, or unknown (`None`).

use core::cmp::Ordering;
use core::net::IpAddr;
use std::collections::BTreeMap;

use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;

use crate::model::{AgentId, Cidr, Comparison, Condition, Field, Literal, MissionId, Operand, TextTest};

use super::case::FieldValue;
use super::identity::SpiffeId;
use super::{MAX_LIST, decimal};

/// What a condition may look at.
pub(super) struct Scene<'a> {
    /// Without those about the caller, which the peer says.
    pub(super) fields: &'a BTreeMap<Field, FieldValue>,
    pub(super) peer: &'a str,
    /// Unix seconds.
    pub(super) now: u64,
    /// Agents of the lineage, origin first, without the caller.
    pub(super) members: &'a [AgentId],
    pub(super) caller: AgentId,
    pub(super) missions: &'a [MissionId],
    /// The order of `members` is known, and all of them are behind this one request.
    pub(super) ordered: bool,
}

/// A value that is known.
#[derive(Clone, Debug)]
enum Value<'a> {
    Null,
    Bool(bool),
    Number(crate::model::Decimal),
    Text(&'a [u8]),
    List(&'a [FieldValue]),
    Object,
}

const SECONDS_A_DAY: u64 = 86_400;

impl Scene<'_> {
    /// The truth of `condition`.
    pub(super) fn truth(&self, condition: &Condition) -> Option<bool> {
        self.truth_of(condition, None)
    }

    /// The truth of `condition`, inside a quantifier over `element`.
    fn truth_of(&self, condition: &Condition, element: Option<&FieldValue>) -> Option<bool> {
        match condition {
            Condition::Constant(truth) => Some(*truth),
            Condition::Not(inner) => self.truth_of(inner, element).map(|truth| !truth),
            Condition::And(parts) => all(parts.iter().map(|part| self.truth_of(part, element))),
            Condition::Or(parts) => any(parts.iter().map(|part| self.truth_of(part, element))),
            Condition::Compare { op, left, right } => {
                compare(*op, &self.value(left, element)?, &self.value(right, element)?)
            }
            Condition::In { needle, set } => {
                let needle = self.value(needle, element)?;
                let answers: Vec<Option<bool>> =
                    set.iter().map(|literal| equal(&needle, &constant(literal))).collect();
                match answers.contains(&Some(true)) {
                    true => Some(true),
                    false => answers.contains(&Some(false)).then_some(false),
                }
            }
            Condition::InList { needle, list } => {
                let needle = self.value(needle, element)?;
                if matches!(needle, Value::List(_) | Value::Object) {
                    // Equal to nothing and unequal to nothing, so that even an empty list does not settle it.
                    return None;
                }
                any(self.elements(list)?.iter().map(|item| equal(&needle, &known(item)?)))
            }
            Condition::Truth(operand) => match self.value(operand, element)? {
                Value::Bool(truth) => Some(truth),
                _ => None,
            },
            Condition::Has(operand) => self.presence(operand, element),
            Condition::Text { test, subject, needle } => {
                match (self.value(subject, element)?, self.value(needle, element)?) {
                    (Value::Text(subject), Value::Text(needle)) => match test {
                        TextTest::StartsWith => Some(subject.starts_with(needle)),
                        TextTest::EndsWith => Some(subject.ends_with(needle)),
                        TextTest::Contains => contains(subject, needle),
                    },
                    _ => None,
                }
            }
            Condition::Matches { subject, regex } => match self.value(subject, element)? {
                Value::Text(text) => regex_matches(regex, text),
                _ => None,
            },
            Condition::InNetwork { subject, ranges } => match self.value(subject, element)? {
                Value::Text(text) => {
                    let address = address(text)?;
                    Some(ranges.iter().any(|range| holds(range, &address)))
                }
                _ => None,
            },
            Condition::ChainHas(agent) => match (self.caller == *agent, self.members.contains(agent)) {
                (true, _) => Some(true),
                (false, false) => Some(false),
                (false, true) => self.ordered.then_some(true),
            },
            Condition::OriginIn(agents) => self.origin_in(agents),
            Condition::CallerIn(agents) => Some(agents.contains(&self.caller)),
            Condition::UnderMission(mission) => Some(self.missions.contains(mission)),
            Condition::All { list, body } => {
                all(self.elements(list)?.iter().map(|item| self.truth_of(body, Some(item))))
            }
            Condition::Exists { list, body } => {
                any(self.elements(list)?.iter().map(|item| self.truth_of(body, Some(item))))
            }
        }
    }

    /// Without an order, anyone may be the origin: known only if all or none of the members are among `agents`.
    fn origin_in(&self, agents: &[AgentId]) -> Option<bool> {
        if self.ordered {
            return Some(agents.contains(self.members.first().unwrap_or(&self.caller)));
        }
        let mut answers = self.members.iter().chain([&self.caller]).map(|member| agents.contains(member));
        let first = answers.next()?;
        answers.all(|answer| answer == first).then_some(first)
    }

    fn field(&self, field: &Field) -> Option<Value<'_>> {
        match field {
            Field::CallerPrincipal | Field::CallerNamespace | Field::CallerServiceAccount => {
                self.of_caller(field).map(|text| Value::Text(text.as_bytes()))
            }
            _ => known(self.fields.get(field)?),
        }
    }

    fn of_caller(&self, field: &Field) -> Option<&str> {
        let id = SpiffeId::parse(self.peer)?;
        match field {
            Field::CallerNamespace => id.kubernetes().map(|(namespace, _)| namespace),
            Field::CallerServiceAccount => id.kubernetes().map(|(_, account)| account),
            _ => Some(self.peer),
        }
    }

    fn elements(&self, list: &Field) -> Option<&[FieldValue]> {
        match self.field(list)? {
            Value::List(elements) if elements.len() <= MAX_LIST => Some(elements),
            _ => None,
        }
    }

    /// `None` is a value that is absent, unreadable or too large.
    fn value<'s>(&'s self, operand: &'s Operand, element: Option<&'s FieldValue>) -> Option<Value<'s>> {
        match operand {
            Operand::Literal(literal) => Some(constant(literal)),
            Operand::Field(field) => self.field(field),
            Operand::Element(keys) => match below(element?, keys) {
                Below::Found(value) => known(value),
                Below::Missing | Below::Unread => None,
            },
            Operand::Size(inner) => match (self.value(inner, element)?, inner.as_ref()) {
                (Value::Text(text), _) => whole(u64::try_from(text.len()).ok()?),
                (Value::List(elements), Operand::Field(_)) if elements.len() <= MAX_LIST => {
                    whole(u64::try_from(elements.len()).ok()?)
                }
                // A list within a list is not counted.
                _ => None,
            },
            Operand::ChainDepth if self.ordered => {
                whole(u64::try_from(self.members.len()).ok()?.checked_add(1)?)
            }
            Operand::ChainDepth => None,
            Operand::MinuteOfDay => whole(self.now.checked_rem(SECONDS_A_DAY)?.checked_div(60)?),
            // 1 January 1970 was a Thursday.
            Operand::Weekday => whole(self.now.checked_div(SECONDS_A_DAY)?.checked_add(3)?.checked_rem(7)?),
        }
    }

    fn presence(&self, operand: &Operand, element: Option<&FieldValue>) -> Option<bool> {
        match operand {
            Operand::Field(
                field @ (Field::CallerPrincipal | Field::CallerNamespace | Field::CallerServiceAccount),
            ) => Some(self.of_caller(field).is_some()),
            Operand::Field(field) => match self.fields.get(field) {
                None => Some(false),
                Some(FieldValue::Unread) => None,
                Some(_) => Some(true),
            },
            Operand::Element(keys) => match below(element?, keys) {
                Below::Found(_) => Some(true),
                Below::Missing => Some(false),
                Below::Unread => None,
            },
            // Whatever else has a value.
            _ => Some(true),
        }
    }
}

/// What lies below an element.
enum Below<'a> {
    Found(&'a FieldValue),
    Missing,
    Unread,
}

fn below<'a>(value: &'a FieldValue, keys: &[String]) -> Below<'a> {
    match (value, keys.split_first()) {
        (FieldValue::Unread, _) => Below::Unread,
        (_, None) => Below::Found(value),
        (FieldValue::Object(entries), Some((key, rest))) => match entries.get(key) {
            Some(inner) => below(inner, rest),
            None => Below::Missing,
        },
        (_, Some(_)) => Below::Missing,
    }
}

/// False if one is false, else unknown if one is unknown, else true.
fn all(mut truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    truths
        .try_fold(Some(true), |so_far, truth| match truth {
            Some(false) => Err(()),
            Some(true) => Ok(so_far),
            None => Ok(None),
        })
        .unwrap_or(Some(false))
}

/// True if one is true, else unknown if one is unknown, else false.
fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}

fn known(value: &FieldValue) -> Option<Value<'_>> {
    match value {
        FieldValue::Unread | FieldValue::Unusable => None,
        FieldValue::Null => Some(Value::Null),
        FieldValue::Bool(truth) => Some(Value::Bool(*truth)),
        FieldValue::Number(number) => Some(Value::Number(*number)),
        FieldValue::Text(text) => Some(Value::Text(text)),
        FieldValue::List(elements) => Some(Value::List(elements)),
        FieldValue::Object(_) => Some(Value::Object),
    }
}

fn constant(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Number(number) => Value::Number(*number),
        Literal::Text(text) => Value::Text(text.as_bytes()),
    }
}

/// A number that has no fraction. Not in lowest form, which comparison does not need.
fn whole(number: u64) -> Option<Value<'static>> {
    Some(Value::Number(crate::model::Decimal { coefficient: i64::try_from(number).ok()?, exponent: 0 }))
}

fn equal(left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => {
            Some(decimal::compare(*left, *right) == Ordering::Equal)
        }
        (Value::Text(left), Value::Text(right)) => Some(left == right),
        _ => None,
    }
}

fn compare(op: Comparison, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(decimal::compare(*left, *right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match op {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => equal(left, right).map(|same| !same),
        Comparison::Less => order.map(Ordering::is_lt),
        Comparison::LessOrEqual => order.map(Ordering::is_le),
        Comparison::Greater => order.map(Ordering::is_gt),
        Comparison::GreaterOrEqual => order.map(Ordering::is_ge),
    }
}

/// Of UTF-8 only: headers can hold other bytes, and of those it is unknown.
fn contains(text: &[u8], needle: &[u8]) -> Option<bool> {
    core::str::from_utf8(text).ok()?;
    core::str::from_utf8(needle).ok()?;
    Some((0..=text.len()).any(|start| text.get(start..).is_some_and(|tail| tail.starts_with(needle))))
}

/// Whether `regex` matches somewhere in `text`: over bytes, as the compiled table does, but by another engine.
fn regex_matches(regex: &str, text: &[u8]) -> Option<bool> {
    let vm = PikeVM::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
        .build(regex)
        .ok()?;
    Some(vm.is_match(&mut vm.create_cache(), text))
}

/// An address as IPv6.
fn address(text: &[u8]) -> Option<[u8; 16]> {
    Some(match core::str::from_utf8(text).ok()?.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    })
}

fn holds(range: &Cidr, address: &[u8; 16]) -> bool {
    let bits = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
    let mask = match u32::from(128_u8.saturating_sub(range.prefix)) {
        128.. => 0,
        host_bits => u128::MAX << host_bits,
    };
    bits(*address) & mask == bits(range.address) & mask
}
