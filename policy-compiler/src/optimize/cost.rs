//! What is cheap comes first, because it may settle the rest. The order changes no value.

use crate::ir::{Expression, Value};
use crate::model::Field;

/// The same condition with the parts of every `&&` and `||` in ascending order of cost.
pub(super) fn cheap_first(expression: Expression) -> Expression {
    let sorted = |parts: Vec<Expression>| {
        let mut parts: Vec<Expression> = parts.into_iter().map(cheap_first).collect();
        parts.sort_by_cached_key(cost);
        parts
    };
    match expression {
        Expression::And(parts) => Expression::And(sorted(parts)),
        Expression::Or(parts) => Expression::Or(sorted(parts)),
        Expression::Not(inner) => Expression::Not(Box::new(cheap_first(*inner))),
        Expression::All(list, body) => Expression::All(list, Box::new(cheap_first(*body))),
        Expression::Exists(list, body) => Expression::Exists(list, Box::new(cheap_first(*body))),
        other => other,
    }
}

/// A rough price. Only the order matters: the chain before headers, headers before bodies, bodies before lists.
fn cost(expression: &Expression) -> u32 {
    let sum = |parts: &[Expression]| parts.iter().map(cost).fold(1, u32::saturating_add);
    match expression {
        Expression::Constant(_) => 0,
        Expression::ChainHas(_)
        | Expression::OriginIn(_)
        | Expression::CallerIn(_)
        | Expression::UnderMission(_) => 1,
        Expression::Not(inner) => cost(inner).saturating_add(1),
        Expression::And(parts) | Expression::Or(parts) => sum(parts),
        Expression::Compare(_, left, right) => value(left).saturating_add(value(right)),
        Expression::InSet(needle, set) => value(needle)
            .saturating_add(u32::try_from(set.len()).map_or(32, |len| len.checked_ilog2().unwrap_or(0))),
        Expression::InList(needle, list) => value(needle).saturating_add(field(list).saturating_mul(8)),
        Expression::Truth(subject) => value(subject),
        Expression::Has(of) => field(of),
        Expression::HasElement(..) => 8,
        Expression::Text(_, subject, needle) => {
            value(subject).saturating_add(value(needle)).saturating_add(4)
        }
        Expression::Matches(subject, _) => value(subject).saturating_add(40),
        Expression::InNetwork(subject, _) => value(subject).saturating_add(20),
        Expression::All(list, body) | Expression::Exists(list, body) => {
            field(list).saturating_add(cost(body).saturating_mul(8))
        }
    }
}

fn value(value: &Value) -> u32 {
    match value {
        Value::Literal(_) | Value::Depth | Value::Minute | Value::Weekday => 1,
        Value::Field(of) => field(of),
        Value::Element(..) => 8,
        Value::Size(inner) => self::value(inner).saturating_add(1),
    }
}

const fn field(field: &Field) -> u32 {
    match field {
        Field::Method
        | Field::Path
        | Field::CallerPrincipal
        | Field::CallerNamespace
        | Field::CallerServiceAccount => 2,
        Field::Host
        | Field::Header(_)
        | Field::PathSegment(_)
        | Field::PeerAddress
        | Field::DestinationHost
        | Field::DestinationAddress
        | Field::DestinationPort => 4,
        Field::Query(_) => 6,
        Field::Body(_) => 16,
    }
}
