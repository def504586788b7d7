//! A request out of bytes, so that the compiler knows nothing of any part of it, and a verdict into bytes. The test
//! `differential` of the harness writes the one and reads the other.
//!
//! Integers are little-endian, and a text is its length (`u32`) and its bytes. A request is:
//!
//! - `caller u8` (0 unauthenticated, 1 malformed, 2 proven), `statement u8` (0 absent, 1 refused, 2 a lineage, 3 a merged
//!   one), `refusal u8` (its code), `protocol u8`, `key u8` (0 known, 1 refused, 2 unread, 3 an action, by its id in place of the key; 128 more for the best case), `refusal u8` (its code),
//!   `members u8`, `missions u8`, `now u64`;
//! - the caller's principal, if it is proven, and the members' (three texts each: whole, trust domain, path); the missions
//!   and the key, as texts;
//! - `fields u16`, `listings u16`, for each field `value u32`, `count u32` (`0xffffffff` unread, `0xfffffffe` no list) and
//!   `elements u32`, and for each listing `arguments u8` (0 listed, 1 unlisted, 2 unread). Values and elements are
//!   places from the start of the request; at `elements` are the places of the elements, `u32` each;
//! - values: `tag u8` (0 absent, 1 unread, 2 unusable, 3 null, 4 false, 5 true, 6 number, 7 text) and what belongs to it.

use ambit_eval::{
    Arguments, Caller, Code, Count, Facts, Hop, Key, Lineage, Number, Principal, Program, Protocol, Request,
    Statement, Value, Verdict,
};

/// One more than counts, so that too many are asked about, too.
const MEMBERS: usize = 18;
const MISSIONS: usize = 6;

/// What a field's record takes.
const FIELD_BYTES: usize = 12;

/// What a verdict takes: `code u8`, `flags u8` (1 a member's hop, 2 a mission's, 4 caller, 8 action, 16 rule, 32 shadow,
/// 64 pending, 128 it passes), `place u8`, `0 u8`, `caller u16`, `action u16`, `rule u32`, `steps u32`.
pub(crate) const VERDICT_BYTES: usize = 16;

/// A request.
pub(crate) struct Asked<'a> {
    caller: Caller<'a>,
    statement: u8,
    refusal: Code,
    members: [Principal<'a>; MEMBERS],
    member_count: usize,
    missions: [&'a [u8]; MISSIONS],
    mission_count: usize,
    protocol: Protocol,
    key: Key<'a>,
    is_best_case: bool,
    now: u64,
    facts: Table<'a>,
}

impl<'a> Asked<'a> {
    pub(crate) fn read(whole: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(whole);
        let [caller, statement, refusal, protocol, key, key_refusal, members, missions] = bytes.take()?;
        let now = u64::from_le_bytes(bytes.take()?);
        let caller = match caller {
            0 => Caller::Unauthenticated,
            1 => Caller::Malformed,
            _ => Caller::Proven(bytes.principal()?),
        };
        let mut asked = Self {
            caller,
            statement,
            refusal: Code::from_number(refusal).unwrap_or(Code::LineageMalformed),
            members: [Principal { whole: &[], trust_domain: &[], path: &[] }; MEMBERS],
            member_count: usize::from(members),
            missions: [&[]; MISSIONS],
            mission_count: usize::from(missions),
            protocol: Protocol::from_number(protocol)?,
            key: Key::Unread,
            is_best_case: key & 128 != 0,
            now,
            facts: Table { whole, fields: &[], arguments: &[] },
        };
        for slot in asked.members.get_mut(..usize::from(members))? {
            *slot = bytes.principal()?;
        }
        for slot in asked.missions.get_mut(..usize::from(missions))? {
            *slot = bytes.text()?;
        }
        let text = bytes.text()?;
        asked.key = match key & 127 {
            0 => Key::Known(text),
            1 => Key::Refused(Code::from_number(key_refusal)?),
            3 => Key::Action(u16::from_le_bytes(*text.first_chunk()?)),
            _ => Key::Unread,
        };
        let fields = usize::from(u16::from_le_bytes(bytes.take()?));
        let listings = usize::from(u16::from_le_bytes(bytes.take()?));
        asked.facts.fields = bytes.slice(fields.checked_mul(FIELD_BYTES)?)?;
        asked.facts.arguments = bytes.slice(listings)?;
        Some(asked)
    }

    pub(crate) fn judged_by(&self, program: &Program<&[u8]>) -> Verdict {
        let lineage = Lineage {
            members: self.members.get(..self.member_count).unwrap_or_default(),
            missions: self.missions.get(..self.mission_count).unwrap_or_default(),
            merged: self.statement == 3,
        };
        let request = Request {
            caller: self.caller,
            statement: match self.statement {
                0 => Statement::Absent,
                1 => Statement::Refused(self.refusal),
                _ => Statement::Lineage(lineage),
            },
            protocol: self.protocol,
            key: self.key,
            facts: &self.facts,
            now: self.now,
        };
        if self.is_best_case { program.best_case(&request) } else { program.decide(&request) }
    }
}

/// A verdict as bytes.
pub(crate) fn write(verdict: &Verdict) -> [u8; VERDICT_BYTES] {
    let flag = |bit: u8, holds: bool| if holds { bit } else { 0 };
    let (hop, place) = match verdict.hop {
        None => (0, 0),
        Some(Hop::Member(place)) => (1, place),
        Some(Hop::Mission(place)) => (2, place),
    };
    let flags = hop
        | flag(4, verdict.caller.is_some())
        | flag(8, verdict.action.is_some())
        | flag(16, verdict.rule.is_some())
        | flag(32, verdict.shadow)
        | flag(64, verdict.pending)
        | flag(128, verdict.passes());
    let [caller_low, caller_high] = verdict.caller.unwrap_or(0).to_le_bytes();
    let [action_low, action_high] = verdict.action.unwrap_or(0).to_le_bytes();
    let [a, b, c, d] = verdict.rule.unwrap_or(0).to_le_bytes();
    let [e, f, g, h] = verdict.steps.to_le_bytes();
    let code = verdict.code.number();
    [code, flags, place, 0, caller_low, caller_high, action_low, action_high, a, b, c, d, e, f, g, h]
}

#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.slice(length)
    }

    fn principal(&mut self) -> Option<Principal<'a>> {
        Some(Principal { whole: self.text()?, trust_domain: self.text()?, path: self.text()? })
    }
}

/// The facts of a request.
struct Table<'a> {
    whole: &'a [u8],
    fields: &'a [u8],
    arguments: &'a [u8],
}

impl<'a> Table<'a> {
    /// A field's value, count and elements.
    fn record(&self, field: u16) -> Option<[u32; 3]> {
        let mut bytes = Bytes(self.fields.get(usize::from(field).checked_mul(FIELD_BYTES)?..)?);
        Some([bytes.number()?, bytes.number()?, bytes.number()?])
    }

    fn at(&self, place: u32) -> Bytes<'a> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        Bytes(self.whole.get(place..).unwrap_or_default())
    }

    fn value_at(&self, place: u32) -> Option<Value<'a>> {
        let mut here = self.at(place);
        let [tag] = here.take()?;
        Some(match tag {
            0 => Value::Absent,
            1 => Value::Unread,
            2 => Value::Unusable,
            3 => Value::Null,
            4 => Value::Bool(false),
            5 => Value::Bool(true),
            6 => Value::Number(Number {
                coefficient: i64::from_le_bytes(here.take()?),
                exponent: i16::from_le_bytes(here.take()?),
            }),
            _ => Value::Text(here.text()?),
        })
    }
}

impl Facts for Table<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        let value = self.record(field).and_then(|[value, ..]| self.value_at(value));
        value.unwrap_or(Value::Unusable)
    }

    fn count(&self, list: u16) -> Count {
        match self.record(list) {
            Some([_, u32::MAX, _]) => Count::Unread,
            Some([_, 0xffff_fffe, _]) | None => Count::NotAList,
            Some([_, count, _]) => Count::Elements(count),
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        let element = || {
            let [_, _, elements] = self.record(field)?;
            let value = self.at(elements.checked_add(place.checked_mul(4)?)?).number()?;
            self.value_at(value)
        };
        element().unwrap_or(Value::Unusable)
    }

    fn arguments(&self, listing: u16) -> Arguments {
        match self.arguments.get(usize::from(listing)) {
            Some(0) => Arguments::Listed,
            Some(2) => Arguments::Unread,
            _ => Arguments::Unlisted,
        }
    }
}
