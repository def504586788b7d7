//! A request out of bytes, so that the compiler knows nothing of any part of it.

use ambit_eval::{
    Arguments, Caller, Code, Count, Facts, Hop, Key, Lineage, Number, Principal, Program, Protocol, Request,
    Statement, Value,
};

/// One more than counts, so that too many are asked about, too.
const MEMBERS: usize = 17;
const MISSIONS: usize = 5;

/// A request.
pub(crate) struct Asked<'a> {
    caller: Caller<'a>,
    members: [Principal<'a>; MEMBERS],
    member_count: usize,
    missions: [&'a [u8]; MISSIONS],
    mission_count: usize,
    flags: u8,
    protocol: Protocol,
    key: &'a [u8],
    now: u64,
    facts: Bytes<'a>,
}

impl<'a> Asked<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let [flags, protocol, members, missions] = bytes.take()?;
        let now = u64::from_le_bytes(bytes.take()?);
        let caller = match flags & 3 {
            0 => Caller::Unauthenticated,
            1 => Caller::Malformed,
            _ => Caller::Proven(bytes.principal()?),
        };
        let mut asked = Self {
            caller,
            members: [Principal { whole: &[], trust_domain: &[], path: &[] }; MEMBERS],
            member_count: usize::from(members),
            missions: [&[]; MISSIONS],
            mission_count: usize::from(missions),
            flags,
            protocol: Protocol::from_number(protocol)?,
            key: bytes.text()?,
            now,
            facts: bytes,
        };
        for slot in &mut asked.members {
            *slot = bytes.principal()?;
        }
        for slot in &mut asked.missions {
            *slot = bytes.text()?;
        }
        Some(asked)
    }

    pub(crate) fn judged_by(&self, program: &Program<&[u8]>) -> u64 {
        let lineage = Lineage {
            members: self.members.get(..self.member_count).unwrap_or_default(),
            missions: self.missions.get(..self.mission_count).unwrap_or_default(),
            merged: self.flags & 4 != 0,
        };
        let request = Request {
            caller: self.caller,
            statement: match self.flags & 24 {
                0 => Statement::Absent,
                8 => Statement::Refused(Code::LineageMalformed),
                _ => Statement::Lineage(lineage),
            },
            protocol: self.protocol,
            key: match self.flags & 96 {
                0 => Key::Unread,
                32 => Key::Refused(Code::PathRefused),
                64 => Key::Action(u16::from(self.flags)),
                _ => Key::Known(self.key),
            },
            facts: &self.facts,
            now: self.now,
        };
        let verdict =
            if self.flags & 128 == 0 { program.decide(&request) } else { program.best_case(&request) };
        let hop = match verdict.hop {
            None => 0,
            Some(Hop::Member(place)) => 256 | u16::from(place),
            Some(Hop::Mission(place)) => 512 | u16::from(place),
        };
        let ids = u64::from(verdict.caller.unwrap_or(0)) ^ (u64::from(verdict.action.unwrap_or(0)) << 16);
        (u64::from(verdict.code.number()) << 56)
            ^ (u64::from(hop) << 40)
            ^ (u64::from(verdict.steps) << 8)
            ^ u64::from(verdict.rule.unwrap_or(0))
            ^ ids.rotate_left(20)
            ^ (u64::from(verdict.passes()) << 1)
            ^ u64::from(verdict.pending)
            ^ super::fold(verdict.code.word().as_bytes())
            ^ super::fold(verdict.code.sentence().as_bytes())
    }
}

#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let [length] = self.take()?;
        let (taken, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(taken)
    }

    fn principal(&mut self) -> Option<Principal<'a>> {
        Some(Principal { whole: self.text()?, trust_domain: self.text()?, path: self.text()? })
    }

    fn at(&self, place: usize) -> Value<'a> {
        let mut here = Bytes(self.0.get(place..).unwrap_or_default());
        let Some([tag]) = here.take() else { return Value::Absent };
        match tag {
            0 => Value::Unread,
            1 => Value::Unusable,
            2 => Value::Null,
            3 => Value::Bool(true),
            4 => Value::Bool(false),
            5 => match (here.take(), here.take()) {
                (Some(coefficient), Some(exponent)) => Value::Number(Number {
                    coefficient: i64::from_le_bytes(coefficient),
                    exponent: i16::from_le_bytes(exponent),
                }),
                _ => Value::Absent,
            },
            _ => here.text().map_or(Value::Absent, Value::Text),
        }
    }
}

impl Facts for Bytes<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        self.at(usize::from(field))
    }

    fn count(&self, list: u16) -> Count {
        match self.0.get(usize::from(list)) {
            Some(255) => Count::Unread,
            Some(count) => Count::Elements(u32::from(*count)),
            None => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.at(usize::from(field).saturating_add(place))
    }

    fn arguments(&self, listing: u16) -> Arguments {
        match self.0.get(usize::from(listing)) {
            Some(0) => Arguments::Listed,
            Some(_) => Arguments::Unlisted,
            None => Arguments::Unread,
        }
    }
}
