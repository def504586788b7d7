//! Conditions that do not depend on the request.

use crate::model::{Comparison, Condition, Literal, Operand};

/// The truth of a condition whatever the request: none if it depends on it, `Some(None)` if it is always unknown.
#[expect(
    clippy::option_option,
    reason = "whether it is known here, and whether it is known at all, are two questions"
)]
pub(in crate::check) fn truth(condition: &Condition) -> Option<Option<bool>> {
    match condition {
        Condition::Constant(truth) => Some(Some(*truth)),
        Condition::Not(inner) => truth(inner).map(|known| known.map(|truth| !truth)),
        Condition::And(parts) => decided(parts, false),
        Condition::Or(parts) => decided(parts, true),
        Condition::Compare { op, left: Operand::Literal(left), right: Operand::Literal(right) } => {
            compare(*op, left, right)
        }
        _ => None,
    }
}

/// A part that decides alone, or all parts together.
#[expect(clippy::option_option, reason = "as above")]
fn decided(parts: &[Condition], deciding: bool) -> Option<Option<bool>> {
    let truths: Vec<Option<Option<bool>>> = parts.iter().map(truth).collect();
    if truths.contains(&Some(Some(deciding))) {
        return Some(Some(deciding));
    }
    let all: Option<Vec<Option<bool>>> = truths.into_iter().collect();
    all.map(|known| if known.contains(&None) { None } else { Some(!deciding) })
}

#[expect(clippy::option_option, reason = "as above")]
fn compare(op: Comparison, left: &Literal, right: &Literal) -> Option<Option<bool>> {
    let known = match op {
        Comparison::Equal => same_type(left, right).then_some(left == right),
        Comparison::NotEqual => same_type(left, right).then_some(left != right),
        // An order of two literals is not worked out here: it costs more than the warning is worth.
        _ => return None,
    };
    Some(known)
}

fn same_type(left: &Literal, right: &Literal) -> bool {
    core::mem::discriminant(left) == core::mem::discriminant(right)
}
