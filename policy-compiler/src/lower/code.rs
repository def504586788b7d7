//! From a condition to instructions.

use ambit_bytecode::Opcode;
use ambit_bytecode::limits::{MAX_CODE_BYTES, MAX_CONDITION_STEPS, MAX_LIST, MAX_NESTING, MAX_STACK};
use ambit_bytecode::steps;

use crate::compile::CompileErrorKind;
use crate::ir::{Expression, Value};
use crate::model::{Comparison, Field, Literal, TextTest};

use super::tables::{Tables, agent_number};

/// A straight piece of code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Code {
    /// Its instructions.
    pub bytes: Vec<u8>,
    /// The most steps it takes.
    pub steps: u32,
    /// The deepest stack it needs.
    pub stack: usize,
}

type Lowering = Result<Code, CompileErrorKind>;

/// The code of a condition.
pub(super) fn lower(condition: &Expression, tables: &mut Tables) -> Lowering {
    let code = Lowerer { tables, nesting: 0 }.expression(condition)?;
    if code.bytes.len() > MAX_CODE_BYTES {
        return Err(CompileErrorKind::ConditionTooLong);
    }
    if code.stack > MAX_STACK {
        return Err(CompileErrorKind::ConditionTooDeep);
    }
    if code.steps > MAX_CONDITION_STEPS {
        return Err(CompileErrorKind::TooManySteps { steps: code.steps, most: MAX_CONDITION_STEPS });
    }
    Ok(code)
}

impl Code {
    /// One instruction, that needs so much of the stack while it runs.
    fn one(opcode: Opcode, operands: &[u16], stack: usize) -> Self {
        let mut bytes = vec![opcode.byte()];
        for operand in operands {
            bytes.extend(operand.to_le_bytes());
        }
        Self { bytes, steps: steps::instruction(opcode, 0), stack }
    }

    /// One instruction whose operand is a set of so many members.
    fn of_set(opcode: Opcode, set: u16, members: usize) -> Self {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        Self { steps: steps::instruction(opcode, members), ..Self::one(opcode, &[set], 1) }
    }

    /// What follows, which finds so many slots of this code's on the stack.
    fn then(mut self, next: Self, left: usize) -> Self {
        self.bytes.extend(next.bytes);
        self.steps = self.steps.saturating_add(next.steps);
        self.stack = self.stack.max(next.stack.saturating_add(left));
        self
    }

    /// An instruction that takes from the stack what is there and leaves one slot.
    fn op(self, opcode: Opcode, operands: &[u16]) -> Self {
        self.then(Self::one(opcode, operands, 1), 0)
    }

    fn length(&self) -> Result<u16, CompileErrorKind> {
        u16::try_from(self.bytes.len()).map_err(|_| CompileErrorKind::ConditionTooLong)
    }
}

struct Lowerer<'t> {
    tables: &'t mut Tables,
    nesting: usize,
}

impl Lowerer<'_> {
    fn expression(&mut self, expression: &Expression) -> Lowering {
        Ok(match expression {
            Expression::Constant(truth) => {
                Code::one(if *truth { Opcode::True } else { Opcode::False }, &[], 1)
            }
            Expression::Not(inner) => self.expression(inner)?.op(Opcode::Not, &[]),
            Expression::And(parts) => self.joined(parts, Opcode::SkipIfFalse, Opcode::And)?,
            Expression::Or(parts) => self.joined(parts, Opcode::SkipIfTrue, Opcode::Or)?,
            Expression::Compare(op, left, right) => self.two(left, right, comparison(*op))?,
            Expression::InSet(needle, set) => {
                let id = self.tables.literal_set(set)?;
                self.value(needle)?.then(Code::of_set(Opcode::InSet, id, set.len()), 0)
            }
            Expression::InList(needle, list) => {
                let list = self.tables.list(list)?;
                self.value(needle)?.op(Opcode::InList, &[list])
            }
            Expression::Truth(subject) => self.value(subject)?.op(Opcode::Truth, &[]),
            Expression::Has(field) => Code::one(Opcode::Has, &[self.tables.field(field)?], 1),
            Expression::HasElement(list, keys) => {
                Code::one(Opcode::HasElement, &[self.tables.element(list, keys)?], 1)
            }
            Expression::Text(test, subject, needle) => self.two(subject, needle, text_test(*test))?,
            Expression::Matches(subject, regex) => {
                let automaton = self.tables.regex(regex)?;
                self.value(subject)?.op(Opcode::Matches, &[automaton])
            }
            Expression::InNetwork(subject, ranges) => {
                let networks = self.tables.networks(ranges)?;
                self.value(subject)?.then(Code::of_set(Opcode::InNetwork, networks, ranges.len()), 0)
            }
            Expression::ChainHas(agent) => Code::one(Opcode::ChainHas, &[agent_number(*agent)?], 1),
            Expression::OriginIn(agents) => {
                Code::of_set(Opcode::OriginIn, self.tables.agents(agents)?, agents.len())
            }
            Expression::CallerIn(agents) => {
                Code::of_set(Opcode::CallerIn, self.tables.agents(agents)?, agents.len())
            }
            Expression::UnderMission(mission) => {
                let too_many = CompileErrorKind::TooMany { what: "missions", most: super::tables::MAX_IDS };
                Code::one(Opcode::UnderMission, &[u16::try_from(mission.0).map_err(|_| too_many)?], 1)
            }
            Expression::All(list, body) => self.quantifier(Opcode::All, list, body)?,
            Expression::Exists(list, body) => self.quantifier(Opcode::Exists, list, body)?,
        })
    }

    /// Each part after the first is skipped if the outcome so far settles it.
    fn joined(&mut self, parts: &[Expression], skip: Opcode, join: Opcode) -> Lowering {
        let mut parts = parts.iter();
        let mut code = match parts.next() {
            Some(first) => self.expression(first)?,
            None => Code::one(Opcode::True, &[], 1),
        };
        for part in parts {
            let next = self.expression(part)?.then(Code::one(join, &[], 1), 0);
            let distance = next.length()?;
            code = code.op(skip, &[distance]).then(next, 1);
        }
        Ok(code)
    }

    fn two(&mut self, left: &Value, right: &Value, opcode: Opcode) -> Lowering {
        Ok(self.value(left)?.then(self.value(right)?, 1).op(opcode, &[]))
    }

    /// The body has a stack of its own.
    fn quantifier(&mut self, opcode: Opcode, list: &Field, body: &Expression) -> Lowering {
        if self.nesting >= MAX_NESTING {
            return Err(CompileErrorKind::QuantifiersTooDeep);
        }
        self.nesting = self.nesting.saturating_add(1);
        let body = self.expression(body);
        self.nesting = self.nesting.saturating_sub(1);
        let body = body?;
        if body.stack > MAX_STACK {
            return Err(CompileErrorKind::ConditionTooDeep);
        }
        let mut code = Code::one(opcode, &[self.tables.list(list)?, body.length()?], 1);
        code.steps = code.steps.saturating_add(body.steps.saturating_mul(MAX_LIST));
        code.bytes.extend(body.bytes);
        Ok(code)
    }

    fn value(&mut self, value: &Value) -> Lowering {
        Ok(match value {
            Value::Literal(literal) => self.literal(literal)?,
            Value::Field(field) => Code::one(Opcode::Field, &[self.tables.field(field)?], 1),
            Value::Element(list, keys) => Code::one(Opcode::Element, &[self.tables.element(list, keys)?], 1),
            // Only a body has lists, and only the request says whether a field of it is one.
            Value::Size(inner) => match inner.as_ref() {
                Value::Field(field @ Field::Body(_)) => {
                    Code::one(Opcode::Count, &[self.tables.list(field)?], 1)
                }
                other => self.value(other)?.op(Opcode::Size, &[]),
            },
            Value::Depth => Code::one(Opcode::Depth, &[], 1),
            Value::Minute => Code::one(Opcode::Minute, &[], 1),
            Value::Weekday => Code::one(Opcode::Weekday, &[], 1),
        })
    }

    fn literal(&mut self, literal: &Literal) -> Lowering {
        Ok(Code::one(Opcode::Literal, &[self.tables.literal(literal)?], 1))
    }
}

const fn comparison(op: Comparison) -> Opcode {
    match op {
        Comparison::Equal => Opcode::Equal,
        Comparison::NotEqual => Opcode::NotEqual,
        Comparison::Less => Opcode::Less,
        Comparison::LessOrEqual => Opcode::LessOrEqual,
        Comparison::Greater => Opcode::Greater,
        Comparison::GreaterOrEqual => Opcode::GreaterOrEqual,
    }
}

const fn text_test(test: TextTest) -> Opcode {
    match test {
        TextTest::StartsWith => Opcode::StartsWith,
        TextTest::EndsWith => Opcode::EndsWith,
        TextTest::Contains => Opcode::Contains,
    }
}
