//! Folding of constants, and flattening.

use core::cmp::Ordering;

use crate::ir::{Expression, Value, number};
use crate::model::{Comparison, Literal, TextTest};

/// The same condition, simpler.
pub(super) fn folded(expression: &Expression) -> Expression {
    match expression {
        Expression::Not(inner) => negated(folded(inner)),
        Expression::And(parts) => joined(parts, true),
        Expression::Or(parts) => joined(parts, false),
        Expression::Compare(op, Value::Literal(left), Value::Literal(right)) => {
            known(compared(*op, left, right), expression)
        }
        Expression::InSet(Value::Literal(needle), set) => known(contained(needle, set), expression),
        Expression::Truth(Value::Literal(Literal::Bool(truth))) => Expression::Constant(*truth),
        Expression::Text(
            test,
            Value::Literal(Literal::Text(subject)),
            Value::Literal(Literal::Text(needle)),
        ) => Expression::Constant(match test {
            TextTest::StartsWith => subject.starts_with(needle),
            TextTest::EndsWith => subject.ends_with(needle),
            TextTest::Contains => subject.contains(needle),
        }),
        // Quantifiers stay even over a constant: whether the list is one is part of their value.
        Expression::All(list, body) => Expression::All(list.clone(), Box::new(folded(body))),
        Expression::Exists(list, body) => Expression::Exists(list.clone(), Box::new(folded(body))),
        other => other.clone(),
    }
}

fn known(truth: Option<bool>, otherwise: &Expression) -> Expression {
    truth.map_or_else(|| otherwise.clone(), Expression::Constant)
}

/// The contrary of what is folded. Comparisons have a contrary that is unknown where they are.
fn negated(expression: Expression) -> Expression {
    match expression {
        Expression::Constant(truth) => Expression::Constant(!truth),
        Expression::Not(inner) => *inner,
        Expression::Compare(op, left, right) => {
            let contrary = match op {
                Comparison::Equal => Comparison::NotEqual,
                Comparison::NotEqual => Comparison::Equal,
                Comparison::Less => Comparison::GreaterOrEqual,
                Comparison::LessOrEqual => Comparison::Greater,
                Comparison::Greater => Comparison::LessOrEqual,
                Comparison::GreaterOrEqual => Comparison::Less,
            };
            Expression::Compare(contrary, left, right)
        }
        other => Expression::Not(Box::new(other)),
    }
}

/// All (or any) of the parts: flat, without repetitions and without constants that change nothing.
fn joined(parts: &[Expression], all: bool) -> Expression {
    let mut kept: Vec<Expression> = Vec::new();
    let mut open: Vec<Expression> = parts.iter().rev().map(folded).collect();
    while let Some(part) = open.pop() {
        match part {
            Expression::Constant(truth) if truth == all => {}
            Expression::Constant(truth) => return Expression::Constant(truth),
            Expression::And(inner) if all => open.extend(inner.into_iter().rev()),
            Expression::Or(inner) if !all => open.extend(inner.into_iter().rev()),
            other if kept.contains(&other) => {}
            other => kept.push(other),
        }
    }
    match kept.len() {
        0 => Expression::Constant(all),
        1 => kept.pop().unwrap_or(Expression::Constant(all)),
        _ if all => Expression::And(kept),
        _ => Expression::Or(kept),
    }
}

/// `None` is unknown, which no constant says.
fn compared(op: Comparison, left: &Literal, right: &Literal) -> Option<bool> {
    let order = match (left, right) {
        (Literal::Number(left), Literal::Number(right)) => Some(number::order(*left, *right)),
        (Literal::Text(left), Literal::Text(right)) => Some(left.cmp(right)),
        _ => None,
    };
    let same = same(left, right);
    match op {
        Comparison::Equal => same,
        Comparison::NotEqual => same.map(|same| !same),
        Comparison::Less => order.map(Ordering::is_lt),
        Comparison::LessOrEqual => order.map(Ordering::is_le),
        Comparison::Greater => order.map(Ordering::is_gt),
        Comparison::GreaterOrEqual => order.map(Ordering::is_ge),
    }
}

fn same(left: &Literal, right: &Literal) -> Option<bool> {
    match (left, right) {
        (Literal::Null, Literal::Null) => Some(true),
        (Literal::Bool(left), Literal::Bool(right)) => Some(left == right),
        // Numbers are in lowest form, so that equal ones look alike.
        (Literal::Number(left), Literal::Number(right)) => Some(left == right),
        (Literal::Text(left), Literal::Text(right)) => Some(left == right),
        _ => None,
    }
}

fn contained(needle: &Literal, set: &[Literal]) -> Option<bool> {
    let answers = || set.iter().map(|member| same(needle, member));
    if answers().any(|answer| answer == Some(true)) {
        return Some(true);
    }
    answers().any(|answer| answer == Some(false)).then_some(false)
}
