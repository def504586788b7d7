//! Names that are not values but questions: who calls, who began, under what mission, at what hour, on what day.

use cel_core::types::{Expr, SpannedExpr};

use super::lower::Lower;
use super::name::{Chain, Key};
use crate::diagnostics::Code;
use crate::model::{AgentId, Comparison, Condition, Decimal, Literal, Operand};
use crate::syntax::suggest::did_you_mean;

/// Days of the week in order of their numbers.
pub(super) const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const MINUTES_AN_HOUR: u32 = 60;
const HOURS_A_DAY: u32 = 24;

/// A name that can only be compared with literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Caller,
    Origin,
    Mission,
    Weekday,
    Hour,
}

/// The special name that a chain is.
pub(super) fn of(chain: &Chain<'_>) -> Option<Special> {
    let keys: Vec<Key<'_>> = chain.keys.iter().map(|(key, _)| *key).collect();
    match (chain.root, keys.as_slice()) {
        ("caller", [Key::Name("name")]) => Some(Special::Caller),
        ("chain", [Key::Name("origin")]) => Some(Special::Origin),
        ("mission", []) => Some(Special::Mission),
        ("time", [Key::Name("weekday")]) => Some(Special::Weekday),
        ("time", [Key::Name("hour")]) => Some(Special::Hour),
        _ => None,
    }
}

impl Lower<'_> {
    /// `special op other`
    pub(super) fn compare_special(
        &mut self,
        special: Special,
        op: Comparison,
        name: &SpannedExpr,
        other: &SpannedExpr,
    ) -> Option<Condition> {
        if special == Special::Hour {
            let hour = self.hour_literal(other)?;
            return hour_condition(op, hour);
        }
        let equal = match op {
            Comparison::Equal => true,
            Comparison::NotEqual => false,
            _ => {
                let what = self.parsed.source(&name.span).to_owned();
                self.refuse(
                    Code::ConditionType,
                    &name.span,
                    format!("`{what}` has no order"),
                    "compare with `==`, `!=` or `in`",
                );
                return None;
            }
        };
        let condition = self.one_of(special, &[other])?;
        Some(if equal { condition } else { Condition::Not(Box::new(condition)) })
    }

    /// `special in [items]`
    pub(super) fn one_of(&mut self, special: Special, items: &[&SpannedExpr]) -> Option<Condition> {
        match special {
            Special::Caller => Some(Condition::CallerIn(self.agents(items)?)),
            Special::Origin => Some(Condition::OriginIn(self.agents(items)?)),
            Special::Mission => {
                let mut any: Vec<Condition> = Vec::new();
                let mut good = true;
                for item in items {
                    match self.mission_named(item) {
                        Some(condition) => any.push(condition),
                        None => good = false,
                    }
                }
                good.then(|| either(any))?
            }
            Special::Weekday => {
                let mut days = Vec::new();
                for item in items {
                    let day = self.weekday(item)?;
                    if !days.contains(&day) {
                        days.push(day);
                    }
                }
                match days.as_slice() {
                    [day] => Some(Condition::Compare {
                        op: Comparison::Equal,
                        left: Operand::Weekday,
                        right: Operand::Literal(day.clone()),
                    }),
                    _ => Some(Condition::In { needle: Operand::Weekday, set: days }),
                }
            }
            Special::Hour => {
                let mut any = Vec::new();
                for item in items {
                    let hour = self.hour_literal(item)?;
                    any.push(hour_condition(Comparison::Equal, hour)?);
                }
                either(any)
            }
        }
    }

    /// The agents named by text literals.
    fn agents(&mut self, items: &[&SpannedExpr]) -> Option<Vec<AgentId>> {
        let mut found = Vec::new();
        let mut good = true;
        for item in items {
            match self.agent_named(item) {
                Some(agent) if !found.contains(&agent) => found.push(agent),
                Some(_) => {}
                None => good = false,
            }
        }
        found.sort_unstable();
        good.then_some(found)
    }

    /// The agent named by a text literal.
    pub(super) fn agent_named(&mut self, item: &SpannedExpr) -> Option<AgentId> {
        let name = self.text_literal(item, "an agent's name")?;
        self.lookup(&item.span, |names, span, out| names.agent(&name, span, out))
    }

    /// That the lineage is under the mission named by a text literal.
    pub(super) fn mission_named(&mut self, item: &SpannedExpr) -> Option<Condition> {
        let name = self.text_literal(item, "a mission's name")?;
        self.lookup(&item.span, |names, span, out| names.mission(&name, span, out))
            .map(Condition::UnderMission)
    }

    fn weekday(&mut self, item: &SpannedExpr) -> Option<Literal> {
        let name = self.text_literal(item, "a day")?;
        let place = WEEKDAYS.iter().zip(0_u32..).find(|(day, _)| **day == name).map(|(_, place)| place);
        if place.is_none() {
            let first: String = name.to_ascii_lowercase().chars().take(3).collect();
            let help = WEEKDAYS
                .iter()
                .find(|day| **day == first)
                .map(|day| format!("did you mean `{day}`?"))
                .or_else(|| did_you_mean(&name, WEEKDAYS.iter().copied()))
                .unwrap_or_else(|| format!("the days are `{}`", WEEKDAYS.join("`, `")));
            self.refuse(Code::ConditionType, &item.span, format!("`{name}` is not a day"), help);
        }
        place.map(|number| Literal::Number(Decimal::whole(number)))
    }

    fn hour_literal(&mut self, item: &SpannedExpr) -> Option<u32> {
        let hour = match &item.node {
            Expr::Int(hour) => u32::try_from(*hour).ok(),
            Expr::UInt(hour) => u32::try_from(*hour).ok(),
            _ => None,
        };
        let hour = hour.filter(|hour| *hour <= HOURS_A_DAY);
        if hour.is_none() {
            let help = "whole hours from 0 to 24; for finer times use `time.minuteOfDay`";
            self.refuse(Code::ConditionType, &item.span, "not an hour", help);
        }
        hour
    }
}

/// `time.hour op hour`, by minutes.
fn hour_condition(op: Comparison, hour: u32) -> Option<Condition> {
    let start = hour.checked_mul(MINUTES_AN_HOUR)?;
    let end = start.checked_add(MINUTES_AN_HOUR)?;
    let minute = |op, minutes| {
        let right = Operand::Literal(Literal::Number(Decimal::whole(minutes)));
        Some(Condition::Compare { op, left: Operand::MinuteOfDay, right })
    };
    match op {
        Comparison::Less => minute(Comparison::Less, start),
        Comparison::GreaterOrEqual => minute(Comparison::GreaterOrEqual, start),
        Comparison::LessOrEqual => minute(Comparison::Less, end),
        Comparison::Greater => minute(Comparison::GreaterOrEqual, end),
        Comparison::Equal => Some(Condition::And(vec![
            minute(Comparison::GreaterOrEqual, start)?,
            minute(Comparison::Less, end)?,
        ])),
        Comparison::NotEqual => Some(Condition::Or(vec![
            minute(Comparison::Less, start)?,
            minute(Comparison::GreaterOrEqual, end)?,
        ])),
    }
}

/// Any of them.
fn either(mut any: Vec<Condition>) -> Option<Condition> {
    if any.len() > 1 { Some(Condition::Or(any)) } else { any.pop() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &Condition, minute: u32) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().all(|part| holds(part, minute)),
            Condition::Or(parts) => parts.iter().any(|part| holds(part, minute)),
            Condition::Compare {
                op,
                left: Operand::MinuteOfDay,
                right: Operand::Literal(Literal::Number(number)),
            } => {
                let scale = 10_i64.pow(u32::try_from(number.exponent).unwrap());
                compared(*op, i64::from(minute), number.coefficient * scale)
            }
            other => panic!("{other:?}"),
        }
    }

    fn compared(op: Comparison, left: i64, right: i64) -> bool {
        match op {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }

    #[test]
    fn hours_by_minutes_are_hours() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        for op in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
            for hour in 0..=24 {
                let condition = hour_condition(op, hour).unwrap();
                for minute in 0..1440 {
                    let expected = compared(op, i64::from(minute / 60), i64::from(hour));
                    assert_eq!(holds(&condition, minute), expected, "{op:?} {hour} at {minute}");
                }
            }
        }
    }
}
