//! Conditions.

use crate::model::{AgentId, Comparison, Condition, Field, Literal, MissionId, Operand, TextTest};

use super::choices::Choices;
use super::pool;

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// A condition over a policy of so many agents and missions, nested no more than `depth` deep.
pub fn condition(choices: &mut Choices, agents: usize, missions: usize, depth: usize) -> Condition {
    Maker { choices, agents, missions, quantifiers: 0 }.condition(depth)
}

struct Maker<'c> {
    choices: &'c mut Choices,
    agents: usize,
    missions: usize,
    quantifiers: usize,
}

impl Maker<'_> {
    fn condition(&mut self, depth: usize) -> Condition {
        let inner = depth.saturating_sub(1);
        let kinds = if depth == 0 { 14 } else { 19 };
        match self.choices.below(kinds) {
            0 => Condition::Constant(self.choices.below(2) == 0),
            1 | 2 => {
                let op = self.choices.pick(&COMPARISONS).copied().unwrap_or(Comparison::Equal);
                Condition::Compare { op, left: self.operand(), right: self.operand() }
            }
            3 => Condition::In { needle: self.operand(), set: self.set() },
            4 => Condition::InList { needle: self.operand(), list: self.list() },
            5 => Condition::Truth(self.operand()),
            6 => Condition::Has(self.place()),
            7 => {
                let tests = [TextTest::StartsWith, TextTest::EndsWith, TextTest::Contains];
                let test = self.choices.pick(&tests).copied().unwrap_or(TextTest::Contains);
                Condition::Text { test, subject: self.operand(), needle: self.operand() }
            }
            8 => Condition::Matches { subject: self.operand(), regex: self.regex() },
            9 => {
                let ranges = self.choices.some(1, 2, |choices| choices.pick(&pool::networks()).copied());
                Condition::InNetwork {
                    subject: self.operand(),
                    ranges: ranges.into_iter().flatten().collect(),
                }
            }
            10..=12 => self.about_chain(),
            13 => Condition::CallerIn(self.some_agents()),
            14 => Condition::Not(Box::new(self.condition(inner))),
            15 => Condition::And(self.parts(inner)),
            16 => Condition::Or(self.parts(inner)),
            kind if self.quantifiers < 2 => {
                let list = self.list();
                self.quantifiers = self.quantifiers.saturating_add(1);
                let body = Box::new(self.condition(inner));
                self.quantifiers = self.quantifiers.saturating_sub(1);
                if kind == 17 { Condition::All { list, body } } else { Condition::Exists { list, body } }
            }
            _ => self.about_chain(),
        }
    }

    fn parts(&mut self, depth: usize) -> Vec<Condition> {
        let count = self.choices.below(3).saturating_add(2);
        (0..count).map(|_| self.condition(depth)).collect()
    }

    fn about_chain(&mut self) -> Condition {
        match self.choices.below(5) {
            0 | 4 => Condition::ChainHas(self.agent()),
            1 => Condition::OriginIn(self.some_agents()),
            2 if self.missions > 0 => Condition::UnderMission(MissionId(
                u32::try_from(self.choices.below(self.missions)).unwrap_or(0),
            )),
            _ => {
                let op = self.choices.pick(&COMPARISONS).copied().unwrap_or(Comparison::Equal);
                let bound = Literal::Number(small(self.choices.below(4)));
                Condition::Compare { op, left: Operand::ChainDepth, right: Operand::Literal(bound) }
            }
        }
    }

    fn agent(&mut self) -> AgentId {
        AgentId(u32::try_from(self.choices.below(self.agents)).unwrap_or(0))
    }

    fn some_agents(&mut self) -> Vec<AgentId> {
        let count = self.choices.below(2).saturating_add(1);
        (0..count).map(|_| self.agent()).collect()
    }

    fn operand(&mut self) -> Operand {
        match self.choices.below(8) {
            0 | 1 => Operand::Literal(self.literal()),
            2 | 3 => Operand::Field(self.field()),
            4 if self.quantifiers > 0 => self.element(),
            5 => match self.choices.below(4) {
                0 => Operand::ChainDepth,
                1 => Operand::MinuteOfDay,
                2 => Operand::Weekday,
                _ => Operand::Size(Box::new(Operand::Field(Field::Path))),
            },
            6 => Operand::Size(Box::new(Operand::Field(self.field()))),
            _ => self.place(),
        }
    }

    /// Something that may be absent.
    fn place(&mut self) -> Operand {
        match self.choices.below(4) {
            0 if self.quantifiers > 0 => self.element(),
            1 => Operand::Field(self.list()),
            _ => Operand::Field(self.field()),
        }
    }

    fn element(&mut self) -> Operand {
        Operand::Element(match self.choices.below(3) {
            0 => Vec::new(),
            1 => vec!["a".into()],
            _ => vec!["a".into(), "b".into()],
        })
    }

    fn field(&mut self) -> Field {
        self.choices.pick(&pool::fields()).cloned().unwrap_or(Field::Method)
    }

    fn list(&mut self) -> Field {
        self.choices.pick(&pool::lists()).cloned().unwrap_or(Field::Method)
    }

    fn literal(&mut self) -> Literal {
        self.choices.pick(&pool::literals()).cloned().unwrap_or(Literal::Null)
    }

    fn set(&mut self) -> Vec<Literal> {
        let mut set = Vec::new();
        for _ in 0..self.choices.below(4).saturating_add(1) {
            let literal = self.literal();
            if !set.contains(&literal) {
                set.push(literal);
            }
        }
        set
    }

    fn regex(&mut self) -> String {
        let parts =
            self.choices.some(1, 4, |choices| choices.pick(&pool::REGEX_PARTS).copied().unwrap_or(""));
        if self.choices.one_in(4) { parts.join("|") } else { parts.concat() }
    }
}

fn small(number: usize) -> crate::model::Decimal {
    crate::model::Decimal { coefficient: i64::try_from(number).unwrap_or(0), exponent: 0 }
}

/// Whether a grant under this condition may hold because someone is in the lineage, or a deny may not match.
///
/// Such a rule is the author's demand that someone be there, and is not held to monotonicity for stamped lineages.
#[must_use]
pub fn asks_for_presence(condition: &Condition) -> bool {
    match condition {
        Condition::ChainHas(_) | Condition::OriginIn(_) => true,
        Condition::Compare { left, right, .. } => depends_on_depth(left) || depends_on_depth(right),
        Condition::In { needle, .. } | Condition::InList { needle, .. } => depends_on_depth(needle),
        Condition::Has(operand) => depends_on_depth(operand),
        Condition::Not(inner) => asks_for_presence(inner),
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(asks_for_presence),
        Condition::All { body, .. } | Condition::Exists { body, .. } => asks_for_presence(body),
        _ => false,
    }
}

fn depends_on_depth(operand: &Operand) -> bool {
    matches!(operand, Operand::ChainDepth)
}
