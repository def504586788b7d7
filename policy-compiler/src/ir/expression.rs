//! Conditions that compare and hash, so that equal ones are held once.

use crate::model::{AgentId, Cidr, Comparison, Condition, Field, Literal, MissionId, Operand, TextTest};

/// A condition, three-valued as [`Condition`] is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// A constant.
    Constant(bool),
    /// Its contrary.
    Not(Box<Expression>),
    /// All of them. At least two.
    And(Vec<Expression>),
    /// Any of them. At least two.
    Or(Vec<Expression>),
    /// A comparison.
    Compare(Comparison, Value, Value),
    /// It is one of these, which ascend without duplicates.
    InSet(Value, Vec<Literal>),
    /// It is an element of this list.
    InList(Value, Field),
    /// A boolean as truth.
    Truth(Value),
    /// The field is present.
    Has(Field),
    /// What lies below the current element of this list is present.
    HasElement(Field, Vec<String>),
    /// A test of one text by another.
    Text(TextTest, Value, Value),
    /// The regular expression matches somewhere.
    Matches(Value, String),
    /// It is an address in one of these.
    InNetwork(Value, Vec<Cidr>),
    /// The agent is in the lineage or is the caller.
    ChainHas(AgentId),
    /// The origin is one of these. Ascending, without duplicates.
    OriginIn(Vec<AgentId>),
    /// The caller is one of these. Ascending, without duplicates.
    CallerIn(Vec<AgentId>),
    /// The lineage rides under this mission.
    UnderMission(MissionId),
    /// Every element of the list satisfies it.
    All(Field, Box<Expression>),
    /// Some element of the list satisfies it.
    Exists(Field, Box<Expression>),
}

/// Something that has a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A constant.
    Literal(Literal),
    /// A field.
    Field(Field),
    /// What lies below the current element of this list by these keys.
    Element(Field, Vec<String>),
    /// The size of a value.
    Size(Box<Value>),
    /// Members of the lineage, the caller included.
    Depth,
    /// Minutes since midnight, UTC.
    Minute,
    /// Day of the week, UTC.
    Weekday,
}

impl Expression {
    /// From a condition of a slice. `None` if an element is named outside any quantifier.
    #[must_use]
    pub fn from_condition(condition: &Condition) -> Option<Self> {
        expression(condition, None)
    }
}

/// `list` is that of the innermost quantifier around the condition.
fn expression(condition: &Condition, list: Option<&Field>) -> Option<Expression> {
    let value = |operand: &Operand| value(operand, list);
    let all =
        |parts: &[Condition]| parts.iter().map(|part| expression(part, list)).collect::<Option<Vec<_>>>();
    Some(match condition {
        Condition::Constant(truth) => Expression::Constant(*truth),
        Condition::Not(inner) => Expression::Not(Box::new(expression(inner, list)?)),
        Condition::And(parts) => Expression::And(all(parts)?),
        Condition::Or(parts) => Expression::Or(all(parts)?),
        Condition::Compare { op, left, right } => Expression::Compare(*op, value(left)?, value(right)?),
        Condition::In { needle, set } => {
            let mut set = set.clone();
            set.sort_unstable();
            set.dedup();
            Expression::InSet(value(needle)?, set)
        }
        Condition::InList { needle, list } => Expression::InList(value(needle)?, list.clone()),
        Condition::Truth(operand) => Expression::Truth(value(operand)?),
        Condition::Has(Operand::Field(field)) => Expression::Has(field.clone()),
        Condition::Has(Operand::Element(keys)) => Expression::HasElement(list?.clone(), keys.clone()),
        // Whatever else has a value.
        Condition::Has(_) => Expression::Constant(true),
        Condition::Text { test, subject, needle } => Expression::Text(*test, value(subject)?, value(needle)?),
        Condition::Matches { subject, regex } => Expression::Matches(value(subject)?, regex.clone()),
        Condition::InNetwork { subject, ranges } => Expression::InNetwork(value(subject)?, ranges.clone()),
        Condition::ChainHas(agent) => Expression::ChainHas(*agent),
        Condition::OriginIn(agents) => Expression::OriginIn(set_of(agents)),
        Condition::CallerIn(agents) => Expression::CallerIn(set_of(agents)),
        Condition::UnderMission(mission) => Expression::UnderMission(*mission),
        Condition::All { list, body } => {
            Expression::All(list.clone(), Box::new(expression(body, Some(list))?))
        }
        Condition::Exists { list, body } => {
            Expression::Exists(list.clone(), Box::new(expression(body, Some(list))?))
        }
    })
}

fn value(operand: &Operand, list: Option<&Field>) -> Option<Value> {
    Some(match operand {
        Operand::Literal(literal) => Value::Literal(literal.clone()),
        Operand::Field(field) => Value::Field(field.clone()),
        Operand::Element(keys) => Value::Element(list?.clone(), keys.clone()),
        Operand::Size(inner) => Value::Size(Box::new(value(inner, list)?)),
        Operand::ChainDepth => Value::Depth,
        Operand::MinuteOfDay => Value::Minute,
        Operand::Weekday => Value::Weekday,
    })
}

/// The agents, ascending and without duplicates.
pub(super) fn set_of(agents: &[AgentId]) -> Vec<AgentId> {
    let mut set = agents.to_vec();
    set.sort_unstable();
    set.dedup();
    set
}
