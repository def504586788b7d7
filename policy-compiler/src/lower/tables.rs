//! What instructions name by number.

use std::collections::HashMap;

use ambit_bytecode::Source;
use ambit_bytecode::limits::{MAX_FIELDS, MAX_KEYS};

use crate::automata::{self, Automaton};
use crate::compile::CompileErrorKind;
use crate::ir::{Pool, number};
use crate::model::{AgentId, Cidr, Field, Literal};

/// A field as the format has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldRecord {
    /// Where it comes from.
    pub source: Source,
    /// The place of the list field in whose elements it lies.
    pub list: Option<u16>,
    /// Which one.
    pub argument: Argument,
    /// The keys that lead to it.
    pub keys: Vec<String>,
}

/// Which field of its source it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// There is one only, or the keys say.
    None,
    /// By name.
    Name(String),
    /// By number.
    Number(u16),
}

/// Tables while they grow.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) fields: Pool<FieldRecord>,
    pub(super) literals: Pool<Literal>,
    pub(super) literal_sets: Pool<Vec<u16>>,
    pub(super) networks: Pool<Vec<Cidr>>,
    pub(super) automata: Pool<Automaton>,
    pub(super) sets: Pool<Vec<u16>>,
    /// The automaton of each regular expression.
    patterns: HashMap<String, u16>,
}

type Numbered = Result<u16, CompileErrorKind>;

impl Tables {
    pub(super) fn field(&mut self, field: &Field) -> Numbered {
        let (source, argument) = match field {
            Field::Method => (Source::Method, Argument::None),
            Field::Path => (Source::Path, Argument::None),
            Field::Host => (Source::Host, Argument::None),
            Field::Header(name) => (Source::Header, Argument::Name(name.clone())),
            Field::Query(name) => (Source::Query, Argument::Name(name.clone())),
            Field::PathSegment(place) => (Source::PathSegment, Argument::Number(u16::from(*place))),
            Field::Body(_) => (Source::Body, Argument::None),
            Field::PeerAddress => (Source::PeerAddress, Argument::None),
            Field::DestinationHost => (Source::DestinationHost, Argument::None),
            Field::DestinationAddress => (Source::DestinationAddress, Argument::None),
            Field::DestinationPort => (Source::DestinationPort, Argument::None),
            Field::CallerPrincipal => (Source::CallerPrincipal, Argument::None),
            Field::CallerNamespace => (Source::CallerNamespace, Argument::None),
            Field::CallerServiceAccount => (Source::CallerServiceAccount, Argument::None),
        };
        let keys = if let Field::Body(keys) = field { keys.clone() } else { Vec::new() };
        self.record(FieldRecord { source, list: None, argument, keys })
    }

    /// A field that quantifiers and `in` may run over.
    pub(super) fn list(&mut self, field: &Field) -> Numbered {
        match field {
            Field::Body(_) => self.field(field),
            _ => Err(CompileErrorKind::ListOutsideBody),
        }
    }

    /// What lies below the elements of a list.
    pub(super) fn element(&mut self, list: &Field, keys: &[String]) -> Numbered {
        let list = Some(self.list(list)?);
        self.record(FieldRecord { source: Source::Body, list, argument: Argument::None, keys: keys.to_vec() })
    }

    fn record(&mut self, record: FieldRecord) -> Numbered {
        if record.keys.len() > MAX_KEYS {
            return Err(CompileErrorKind::TooMany { what: "keys on the way to a field", most: MAX_KEYS });
        }
        let place = self.fields.place(record);
        numbered(place, "fields", MAX_FIELDS)
    }

    pub(super) fn literal(&mut self, literal: &Literal) -> Numbered {
        numbered(self.literals.place(literal.clone()), "constants", MAX_IDS)
    }

    pub(super) fn literal_set(&mut self, set: &[Literal]) -> Numbered {
        let mut set = set.to_vec();
        set.sort_by(|left, right| match (left, right) {
            (Literal::Number(left), Literal::Number(right)) => number::order(*left, *right),
            (left, right) => left.cmp(right),
        });
        let places = set.iter().map(|literal| self.literal(literal)).collect::<Result<_, _>>()?;
        numbered(self.literal_sets.place(places), "sets of constants", MAX_IDS)
    }

    pub(super) fn networks(&mut self, ranges: &[Cidr]) -> Numbered {
        numbered(self.networks.place(ranges.to_vec()), "sets of networks", MAX_IDS)
    }

    pub(super) fn agents(&mut self, agents: &[AgentId]) -> Numbered {
        let places = agents.iter().map(|agent| agent_number(*agent)).collect::<Result<_, _>>()?;
        numbered(self.sets.place(places), "sets of agents", MAX_IDS)
    }

    pub(super) fn regex(&mut self, pattern: &str) -> Numbered {
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(*known);
        }
        let automaton = automata::regex(pattern).map_err(|error| CompileErrorKind::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        let place = numbered(self.automata.place(automaton), "regular expressions", MAX_IDS)?;
        self.patterns.insert(pattern.to_owned(), place);
        Ok(place)
    }
}

/// The most things that two bytes can number, `0xffff` being none.
pub(crate) const MAX_IDS: usize = 0xffff;

/// A place as the format has it.
pub(crate) fn numbered(place: usize, what: &'static str, most: usize) -> Numbered {
    let number = u16::try_from(place).ok().filter(|_| place < most);
    number.ok_or(CompileErrorKind::TooMany { what, most })
}

/// An agent as the format has it.
pub(crate) fn agent_number(agent: AgentId) -> Numbered {
    u16::try_from(agent.0)
        .ok()
        .filter(|number| *number < u16::MAX)
        .ok_or(CompileErrorKind::TooMany { what: "agents", most: MAX_IDS })
}
