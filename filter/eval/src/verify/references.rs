//! Every id names something, every flag is known, and what must ascend does.

use core::cmp::Ordering;

use ambit_bytecode::blob::{Blob, Section};
use ambit_bytecode::cursor::{u8_at, u16_at, u32_at};
use ambit_bytecode::field::{Argument, Source};
use ambit_bytecode::limits::{MAX_DIGITS, MAX_EXPONENT, MAX_KEYS};
use ambit_bytecode::{NONE, NONE_OFFSET};

use super::{VerifyError, VerifyErrorKind, place};
use crate::layout::Layout;
use crate::literal;
use crate::row::Row;
use crate::table::Table;
use crate::value::Value;

/// The most entries of rows that are looked at, rows that are shared counted each time: it bounds the time that a
/// blob made to be slow can take.
const MAX_ROW_ENTRIES: u32 = 1 << 22;

/// The most members of listings, sets that are shared counted each time. It bounds what a reader makes of them, too.
const MAX_LISTED: u32 = 1 << 16;

/// What a rule says of one record.
type Rule = Result<(), VerifyErrorKind>;
/// What is wrong, and at which offset from the start of the blob.
type Checked = Result<(), (VerifyErrorKind, usize)>;

struct Checker<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
}

pub(super) fn check(blob: &Blob<'_>, layout: &Layout) -> Result<(), VerifyError> {
    let checker = Checker { bytes: blob.bytes(), layout };
    let at = |section, checked: Checked| {
        checked.map_err(|(kind, offset)| place(blob, section).error_at(kind, offset))
    };
    at(Section::Mesh, checker.mesh(blob.extent(Section::Mesh).start))?;
    at(Section::Effects, checker.effects())?;
    at(Section::Sets, checker.sets())?;
    at(Section::Profiles, checker.profiles())?;
    at(Section::Literals, checker.literals())?;
    at(Section::Networks, checker.networks())?;
    at(Section::Fields, checker.fields())?;
    at(Section::Actions, checker.actions())?;
    at(Section::Reaches, checker.reaches())?;
    at(Section::Arms, checker.arms())?;
    at(Section::Identities, checker.identities())?;
    at(Section::Agents, checker.agents())?;
    at(Section::Missions, checker.missions())?;
    at(Section::Selectors, checker.selectors())
}

fn below(id: u16, count: u32) -> Rule {
    if u32::from(id) < count { Ok(()) } else { Err(VerifyErrorKind::Reference) }
}

fn below_or_none(id: u16, count: u32) -> Rule {
    if id == NONE { Ok(()) } else { below(id, count) }
}

fn holds(holds: bool, kind: VerifyErrorKind) -> Rule {
    if holds { Ok(()) } else { Err(kind) }
}

impl Checker<'_> {
    fn strings(&self) -> u32 {
        self.layout.string_starts.count.saturating_sub(1)
    }

    fn string(&self, id: u16) -> Rule {
        below(id, self.strings())
    }

    /// Applies a rule to every record of a table.
    fn each<const SIZE: usize>(&self, table: Table<SIZE>, mut rule: impl FnMut(&[u8]) -> Rule) -> Checked {
        (0..table.count).try_for_each(|place| {
            let record = table.record(self.bytes, place).map(<[u8; SIZE]>::as_slice);
            rule(record.unwrap_or_default()).map_err(|kind| (kind, table.offset(place)))
        })
    }

    /// Applies [`Self::string`] to every record of a table of string ids.
    fn strings_of(&self, table: Table<2>) -> Checked {
        self.each(table, |record| self.string(u16_at(record, 0).unwrap_or(NONE)))
    }

    /// All members of a set are below a count.
    fn set_below(&self, set: u16, count: u32) -> Rule {
        if set == NONE {
            return Ok(());
        }
        below(set, self.layout.sets.count())?;
        let members = self.layout.sets.table(self.bytes, u32::from(set)).unwrap_or_default();
        match members.count.checked_sub(1) {
            None => Ok(()),
            // Members ascend, so the last is the largest.
            Some(last) => below(members.u16(self.bytes, last).unwrap_or(NONE), count),
        }
    }

    fn mesh(&self, start: usize) -> Checked {
        let workload = Table { start: start.saturating_add(2), count: 2 };
        self.strings_of(workload)?;
        self.strings_of(self.layout.mesh.trust_domains)
    }

    fn effects(&self) -> Checked {
        self.strings_of(self.layout.effect_labels)
    }

    fn sets(&self) -> Checked {
        for set in 0..self.layout.sets.count() {
            let members = self.layout.sets.table(self.bytes, set).unwrap_or_default();
            let mut previous = None;
            self.each(members, |record| {
                let member = u16_at(record, 0);
                let ascends = member > previous;
                previous = member;
                holds(ascends, VerifyErrorKind::Order)
            })?;
        }
        Ok(())
    }

    fn profiles(&self) -> Checked {
        self.each(self.layout.profiles, |record| {
            let word = |at| u16_at(record, at).unwrap_or(NONE);
            holds(word(0) & !63 == 0 && word(0) & 48 != 48, VerifyErrorKind::Reserved)?;
            below_or_none(word(2), self.layout.effect_sets.count)?;
            self.set_below(word(4), self.layout.agents.count)?;
            self.set_below(word(6), self.layout.missions.count)?;
            holds(record.get(9..) == Some(&[0; 3]), VerifyErrorKind::Reserved)
        })
    }

    fn literals(&self) -> Checked {
        self.each(self.layout.literals, |record| {
            holds(u8_at(record, 1) == Some(0), VerifyErrorKind::Reserved)?;
            match literal::parse(record) {
                None => Err(VerifyErrorKind::Unknown),
                Some(literal::Parsed::Text(string)) => self.string(string),
                Some(literal::Parsed::Scalar(Value::Number(number))) => {
                    let lowest = if number.coefficient == 0 {
                        number.exponent == 0
                    } else {
                        number.coefficient.checked_rem(10) != Some(0)
                    };
                    let digits =
                        number.coefficient.unsigned_abs().checked_ilog10().is_none_or(|log| log < MAX_DIGITS);
                    let range = number.exponent.unsigned_abs() <= MAX_EXPONENT.unsigned_abs();
                    holds(lowest && digits && range, VerifyErrorKind::Number)
                }
                Some(literal::Parsed::Scalar(_)) => Ok(()),
            }
        })?;
        for set in 0..self.layout.literal_sets.count() {
            let members = self.layout.literal_sets.table(self.bytes, set).unwrap_or_default();
            if members.count == 0 {
                return Err((VerifyErrorKind::Count, self.layout.literal_sets.firsts.offset(set)));
            }
            let mut previous: Option<Value<'_>> = None;
            self.each(members, |record| {
                let member = u16_at(record, 0).unwrap_or(NONE);
                let value =
                    literal::value(self.bytes, self.layout, member).ok_or(VerifyErrorKind::Reference)?;
                if let Some(previous) = previous {
                    holds(literal::order(&previous, &value) == Ordering::Less, VerifyErrorKind::Order)?;
                }
                previous = Some(value);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn networks(&self) -> Checked {
        self.each(self.layout.networks.items, |record| {
            holds(u8_at(record, 16).is_some_and(|prefix| prefix <= 128), VerifyErrorKind::Number)
        })
    }

    fn fields(&self) -> Checked {
        self.strings_of(self.layout.keys)?;
        self.each(self.layout.fields, |record| {
            let word = |at| u16_at(record, at).unwrap_or(NONE);
            let source = u8_at(record, 0).and_then(Source::from_number).ok_or(VerifyErrorKind::Unknown)?;
            let (keys, list, argument, first) = (u8_at(record, 1).unwrap_or(0), word(2), word(4), word(6));
            let end = u32::from(first).saturating_add(u32::from(keys));
            holds(
                usize::from(keys) <= MAX_KEYS && end <= self.layout.keys.count,
                VerifyErrorKind::Reference,
            )?;
            holds(source == Source::Body || (keys == 0 && list == NONE), VerifyErrorKind::Reference)?;
            if list != NONE {
                self.plain_body_field(list)?;
            }
            match source.argument() {
                Argument::Unused => holds(argument == NONE, VerifyErrorKind::Reserved),
                Argument::Name => self.string(argument),
                Argument::Number => holds(argument <= u16::from(u8::MAX), VerifyErrorKind::Number),
            }
        })
    }

    fn actions(&self) -> Checked {
        self.each(self.layout.services, |record| {
            self.string(u16_at(record, 0).unwrap_or(NONE))?;
            let protocol = u8_at(record, 2).and_then(crate::facts::Protocol::from_number);
            holds(
                protocol.is_some() && u8_at(record, 3).is_some_and(|mode| mode <= 2),
                VerifyErrorKind::Unknown,
            )
        })?;
        self.each(self.layout.actions, |record| {
            let word = |at| u16_at(record, at).unwrap_or(NONE);
            self.string(word(0))?;
            below(word(2), self.layout.services.count)?;
            below(word(4), self.layout.effect_sets.count)?;
            below(word(6), u32::from(self.layout.columns))
        })?;
        let mut previous = None;
        let mut budget = MAX_LISTED;
        self.each(self.layout.listings, |record| {
            let action = u16_at(record, 0);
            holds(action > previous, VerifyErrorKind::Order)?;
            previous = action;
            below(action.unwrap_or(NONE), self.layout.actions.count)?;
            let objects = self.body_fields(u16_at(record, 2).unwrap_or(NONE), &mut budget)?;
            self.body_fields(u16_at(record, 4).unwrap_or(NONE), &mut budget)?;
            holds(objects > 0, VerifyErrorKind::Count)
        })
    }

    /// A set whose members are all body fields that lie in no list: how many there are.
    fn body_fields(&self, set: u16, budget: &mut u32) -> Result<u32, VerifyErrorKind> {
        below(set, self.layout.sets.count())?;
        let members = self.layout.sets.table(self.bytes, u32::from(set)).unwrap_or_default();
        *budget = budget.checked_sub(members.count).ok_or(VerifyErrorKind::Count)?;
        for place in 0..members.count {
            let member = members.u16(self.bytes, place).unwrap_or(NONE);
            self.plain_body_field(member)?;
        }
        Ok(members.count)
    }

    /// A body field that lies in no list.
    fn plain_body_field(&self, field: u16) -> Rule {
        let record = self.layout.fields.record(self.bytes, u32::from(field));
        let is_plain = record.is_some_and(|record| {
            u8_at(record, 0) == Some(Source::Body.number()) && u16_at(record, 2) == Some(NONE)
        });
        holds(is_plain, VerifyErrorKind::Reference)
    }

    fn reaches(&self) -> Checked {
        self.each(self.layout.reaches, |record| {
            holds(u16_at(record, 0).is_some_and(|flags| flags & !3 == 0), VerifyErrorKind::Reserved)?;
            self.set_below(u16_at(record, 2).unwrap_or(NONE), self.layout.agents.count)
        })
    }

    fn arms(&self) -> Checked {
        for arm in 0..self.layout.arms.count() {
            let alternatives = self.layout.arms.table(self.bytes, arm).unwrap_or_default();
            if alternatives.count == 0 {
                return Err((VerifyErrorKind::Count, self.layout.arms.firsts.offset(arm)));
            }
            let mut previous = None;
            self.each(alternatives, |record| {
                let rule = u32_at(record, 0);
                let ascends = rule > previous;
                previous = rule;
                holds(ascends, VerifyErrorKind::Order)?;
                below_or_none(u16_at(record, 4).unwrap_or(0), self.layout.conditions.count)?;
                below_or_none(u16_at(record, 6).unwrap_or(0), self.layout.reaches.count)
            })?;
        }
        Ok(())
    }

    /// All labels of an automaton are below a count.
    fn automaton(&self, id: u16, count: u32) -> Rule {
        if id == NONE {
            return Ok(());
        }
        let automaton = self.layout.automaton(self.bytes, id).ok_or(VerifyErrorKind::Reference)?;
        (0..automaton.states.count)
            .try_for_each(|state| below_or_none(automaton.label(self.bytes, state).unwrap_or(0), count))
    }

    fn identities(&self) -> Checked {
        let trust_domains = self.layout.mesh.trust_domains.count;
        self.each(self.layout.exact_identities.slots, |record| {
            let word = |at| u16_at(record, at).unwrap_or(NONE);
            below(word(0), self.layout.agents.count)?;
            below_or_none(word(2), trust_domains)?;
            below_or_none(word(4), self.strings())?;
            self.string(word(6))
        })?;
        self.each(self.layout.namespaces.slots, |record| {
            below(u16_at(record, 0).unwrap_or(NONE), self.layout.agents.count)?;
            self.string(u16_at(record, 2).unwrap_or(NONE))
        })?;
        // The id of the automaton is the last in its section.
        let namespaces = self.layout.namespaces.slots;
        self.automaton(self.layout.identity_patterns, self.layout.agents.count)
            .map_err(|kind| (kind, namespaces.offset(namespaces.count)))
    }

    fn agents(&self) -> Checked {
        let mut budget = MAX_ROW_ENTRIES;
        self.each(self.layout.agents, |record| {
            self.string(u16_at(record, 0).unwrap_or(NONE))?;
            below(u16_at(record, 2).unwrap_or(NONE), self.layout.profiles.count)?;
            self.row(u32_at(record, 4).unwrap_or(0), &mut budget)
        })
    }

    fn missions(&self) -> Checked {
        self.each(self.layout.mission_names.slots, |record| {
            below(u16_at(record, 0).unwrap_or(NONE), self.layout.missions.count)
        })?;
        let mut budget = MAX_ROW_ENTRIES;
        self.each(self.layout.missions, |record| {
            self.string(u16_at(record, 0).unwrap_or(NONE))?;
            below_or_none(u16_at(record, 2).unwrap_or(0), self.layout.effect_sets.count)?;
            self.row(u32_at(record, 4).unwrap_or(0), &mut budget)
        })
    }

    fn row(&self, offset: u32, budget: &mut u32) -> Rule {
        if offset == NONE_OFFSET {
            return Ok(());
        }
        let row = Row::at(self.bytes, self.layout, offset).ok_or(VerifyErrorKind::Reference)?;
        for side in [row.grants, row.denies] {
            *budget = budget.checked_sub(side.columns.count).ok_or(VerifyErrorKind::Count)?;
            let mut previous = None;
            for place in 0..side.columns.count {
                let column = side.columns.id(self.bytes, place);
                holds(column > previous, VerifyErrorKind::Order)?;
                below(column.unwrap_or(NONE), u32::from(self.layout.columns))?;
                previous = column;
            }
            let arms = side.arms.unwrap_or_default();
            for place in 0..arms.count {
                below_or_none(arms.id(self.bytes, place).unwrap_or(0), self.layout.arms.count())?;
            }
        }
        Ok(())
    }

    fn selectors(&self) -> Checked {
        for selector in self.layout.selectors.iter().flatten() {
            // The id of the automaton lies before the three numbers that the index begins with.
            let id_at = selector.exact.displacements.start.saturating_sub(14);
            self.automaton(selector.automaton, self.layout.actions.count).map_err(|kind| (kind, id_at))?;
            self.each(selector.exact.slots, |record| {
                self.string(u16_at(record, 0).unwrap_or(NONE))?;
                below(u16_at(record, 2).unwrap_or(NONE), self.layout.actions.count)
            })?;
        }
        Ok(())
    }
}
