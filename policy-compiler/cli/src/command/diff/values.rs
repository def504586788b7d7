//! The values that conditions name, and those just beside them.

use std::collections::BTreeMap;

use ambit_compiler::model::{Action, ActionId, Condition, Field, Literal, Operand, Policy, Rule, TextTest};

use super::ask::is_filled;
use super::datum::{Datum, Object, around};
use crate::cases::DEFAULT_TIME;

/// The most values of one field that are tried.
const MAX_VALUES: usize = 16;
/// The longest text that is made for a condition on a size, in bytes.
const MAX_SIZE: usize = 4096;
/// The longest list that is made for a condition on a size.
const MAX_LIST: usize = 16;
/// The most ways to fill the slots of a request that are tried.
const MAX_COMBINATIONS: usize = 512;
/// A text that no policy names.
const OTHER: &str = "other";
/// An address that is in no private network.
const OTHER_ADDRESS: &str = "203.0.113.7";

/// Something that a request may have or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Field(Field),
    /// When it is sent, in Unix seconds.
    Time,
}

/// What is tried in a slot. That nothing is there is always tried first.
#[derive(Debug)]
pub(super) struct Dimension {
    pub(super) slot: Slot,
    pub(super) values: Vec<Datum>,
}

/// What a policy names, in the order in which it does.
#[derive(Debug, Default)]
struct Named {
    by_slot: BTreeMap<Slot, Vec<Datum>>,
    /// What is said of the elements of lists, by the keys that lead to it.
    elements: BTreeMap<Field, BTreeMap<Vec<String>, Vec<Datum>>>,
}

/// What to try in requests for an action, and whether that is less than policy names.
pub(super) fn dimensions(sides: &[(&Policy, ActionId)]) -> (Vec<Dimension>, bool) {
    let named: Vec<Named> = sides.iter().map(|(policy, action)| Named::of(policy, *action, sides)).collect();
    let mut slots: Vec<&Slot> = named.iter().flat_map(|named| named.by_slot.keys()).collect();
    slots.sort();
    slots.dedup();
    let mut is_cut = false;
    let dimension = |slot: &Slot| {
        let of = |named: &'_ Named| named.by_slot.get(slot).cloned().unwrap_or_default();
        let all: Vec<Vec<Datum>> = named.iter().map(of).collect();
        let in_all = |value: &Datum| all.iter().all(|values| values.contains(value));
        // What only one of the policies names is tried first.
        let (both, one): (Vec<Datum>, Vec<Datum>) = all.concat().into_iter().partition(in_all);
        let mut values: Vec<Datum> = Vec::new();
        for value in one.into_iter().chain(both) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        is_cut |= values.len() > MAX_VALUES;
        values.truncate(MAX_VALUES);
        Dimension { slot: slot.clone(), values }
    };
    let dimensions = slots.into_iter().map(dimension).collect();
    (dimensions, is_cut)
}

/// Ways to fill the slots, none of them first, and then those with few values before those with more; and whether there are
/// others. That every slot has its first value, its second and so on is always among them.
pub(super) fn combinations(dimensions: &[Dimension]) -> (Vec<Vec<(&Slot, &Datum)>>, bool) {
    let dimensions: Vec<&Dimension> = dimensions
        .iter()
        .filter(|dimension| is_filled(&dimension.slot) && !dimension.values.is_empty())
        .collect();
    let mut combinations: Vec<Vec<(&Slot, &Datum)>> = vec![Vec::new()];
    let most = dimensions.iter().map(|dimension| dimension.values.len()).max().unwrap_or(0);
    let mut diagonals = Vec::new();
    if dimensions.len() > 1 {
        for place in 0..most {
            let of = dimensions.iter().copied();
            let diagonal: Vec<(&Slot, &Datum)> =
                of.filter_map(|one| Some((&one.slot, one.values.iter().cycle().nth(place)?))).collect();
            diagonals.push(diagonal);
        }
    }
    // Those of one value more are made of those that have one less, by a slot behind their last.
    let mut last: Vec<(usize, Vec<(&Slot, &Datum)>)> = vec![(0, Vec::new())];
    while !last.is_empty() {
        let mut longer = Vec::new();
        for (next, shorter) in &last {
            for (place, dimension) in dimensions.iter().enumerate().skip(*next) {
                for value in &dimension.values {
                    if combinations.len() >= MAX_COMBINATIONS {
                        combinations.extend(diagonals);
                        return (combinations, true);
                    }
                    let mut combination = shorter.clone();
                    combination.push((&dimension.slot, value));
                    combinations.push(combination.clone());
                    longer.push((place.saturating_add(1), combination));
                }
            }
        }
        last = longer;
    }
    (combinations, false)
}

/// The rules that cover an action.
fn rules(policy: &Policy, action: ActionId) -> impl Iterator<Item = &Rule> {
    policy.rules.iter().filter(move |rule| rule.actions.contains(&action))
}

pub(super) fn action_of(policy: &Policy, id: ActionId) -> Option<&Action> {
    let service = policy.services.get(usize::try_from(id.service.0).ok()?)?;
    service.actions.get(usize::try_from(id.index).ok()?)
}

impl Named {
    fn of(policy: &Policy, action: ActionId, sides: &[(&Policy, ActionId)]) -> Self {
        let mut named = Self::default();
        for condition in rules(policy, action).filter_map(|rule| rule.when.as_ref()) {
            named.condition(condition, None);
        }
        named.ends(policy, sides);
        named.listed(policy, action, sides);
        named.lists();
        named
    }

    /// When missions end that not every side ends then.
    fn ends(&mut self, policy: &Policy, sides: &[(&Policy, ActionId)]) {
        for mission in &policy.missions {
            let Some(end) = mission.not_after else { continue };
            let differs = |(other, _): &(&Policy, ActionId)| {
                let same = other.missions.iter().find(|known| known.name == mission.name);
                same.is_some_and(|same| same.not_after != Some(end))
            };
            if sides.iter().any(differs) {
                self.time(end);
                self.time(end.saturating_sub(1));
            }
        }
    }

    /// Arguments that not every side lists, and one that no side does.
    fn listed(&mut self, policy: &Policy, action: ActionId, sides: &[(&Policy, ActionId)]) {
        let lists = || sides.iter().map(|(policy, action)| action_of(policy, *action)?.arguments.as_ref());
        if lists().all(|list| list.is_none()) {
            return;
        }
        let service = usize::try_from(action.service.0).ok().and_then(|place| policy.services.get(place));
        let Some(prefix) = service.map(|service| service.protocol.arguments()) else { return };
        let known: Vec<&Vec<String>> = lists().flatten().flatten().collect();
        let differs = |keys: &&Vec<String>| lists().any(|list| !list.is_some_and(|list| list.contains(keys)));
        let unlisted = vec![String::from("unlisted")];
        let extra = (!known.contains(&&unlisted)).then_some(&unlisted);
        for keys in known.iter().copied().filter(differs).chain(extra) {
            let path = prefix.iter().map(|key| (*key).to_owned()).chain(keys.iter().cloned()).collect();
            self.add(Field::Body(path), [Datum::text("x")]);
        }
    }

    fn add(&mut self, field: Field, values: impl IntoIterator<Item = Datum>) {
        self.put(Slot::Field(field), values);
    }

    fn put(&mut self, slot: Slot, values: impl IntoIterator<Item = Datum>) {
        let known = self.by_slot.entry(slot).or_default();
        for value in values {
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }

    fn time(&mut self, seconds: u64) {
        self.put(Slot::Time, [Datum::Json(seconds.to_string())]);
    }

    /// What a condition names; inside a quantifier, of which list.
    fn condition(&mut self, condition: &Condition, list: Option<&Field>) {
        match condition {
            Condition::Constant(_)
            | Condition::ChainHas(_)
            | Condition::OriginIn(_)
            | Condition::CallerIn(_)
            | Condition::UnderMission(_) => {}
            Condition::Not(inner) => self.condition(inner, list),
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| self.condition(part, list));
            }
            Condition::Compare { left, right, .. } => {
                self.compare(left, right, list);
                self.compare(right, left, list);
            }
            Condition::In { needle, set } => {
                let mut values: Vec<Datum> = set.iter().map(Datum::of).collect();
                values.push(Datum::text(OTHER));
                self.operand(needle, values, list);
            }
            Condition::InList { needle, list: field } => {
                let value = match needle {
                    Operand::Literal(literal) => Datum::of(literal),
                    _ => Datum::text("x"),
                };
                self.element(field, &[], [value.clone(), Datum::text(OTHER)]);
                self.operand(needle, vec![value], list);
            }
            Condition::Truth(operand) => {
                self.operand(operand, [true, false].map(|truth| Datum::Json(truth.to_string())).into(), list);
            }
            Condition::Has(operand) => self.operand(operand, vec![Datum::text("x")], list),
            Condition::Text { test, subject, needle } => {
                let (values, same) = match needle {
                    Operand::Literal(Literal::Text(text)) => (texts(*test, text), None),
                    other => (vec![Datum::text("x"), Datum::text("xx")], Some(other)),
                };
                self.operand(subject, values, list);
                if let Some(other) = same {
                    self.operand(other, vec![Datum::text("x")], list);
                }
            }
            // What a regular expression matches is not worked out.
            Condition::Matches { subject, .. } => {
                self.operand(subject, ["x", "1"].map(Datum::text).into(), list);
            }
            Condition::InNetwork { subject, ranges } => {
                let mut values: Vec<Datum> =
                    ranges.iter().map(|range| Datum::text(address(range.address))).collect();
                values.push(Datum::text(OTHER_ADDRESS));
                self.operand(subject, values, list);
            }
            Condition::All { list: field, body } | Condition::Exists { list: field, body } => {
                self.add(field.clone(), [Datum::Json(String::from("[]"))]);
                self.condition(body, Some(field));
            }
        }
    }

    /// Values of one side of a comparison, by what is on the other.
    fn compare(&mut self, side: &Operand, other: &Operand, list: Option<&Field>) {
        let values = match other {
            Operand::Literal(Literal::Number(number)) => around(*number),
            Operand::Literal(literal @ Literal::Text(text)) => {
                vec![Datum::of(literal), Datum::text(OTHER), Datum::text(format!("{text}x"))]
            }
            Operand::Literal(literal @ Literal::Bool(truth)) => {
                vec![Datum::of(literal), Datum::of(&Literal::Bool(!truth))]
            }
            Operand::Literal(literal @ Literal::Null) => vec![Datum::of(literal), Datum::text(OTHER)],
            // Two fields: that they are the same, and that they are not.
            _ => ["1", "2"].map(|number| Datum::Json(String::from(number))).into(),
        };
        self.operand(side, values, list);
    }

    fn operand(&mut self, operand: &Operand, values: Vec<Datum>, list: Option<&Field>) {
        let numbers = || values.iter().filter_map(|value| value.plain().parse::<usize>().ok());
        let whole = || values.iter().filter_map(|value| value.plain().parse::<u64>().ok());
        match operand {
            Operand::Literal(_) | Operand::ChainDepth => {}
            Operand::Field(field) => self.add(field.clone(), values),
            Operand::Element(keys) => {
                if let Some(field) = list {
                    self.element(field, keys, values);
                }
            }
            Operand::Size(of) => {
                let sizes = || numbers().filter(|size| *size <= MAX_SIZE);
                let mut made: Vec<Datum> = sizes().map(|size| Datum::text("x".repeat(size))).collect();
                if let Operand::Field(Field::Body(_)) | Operand::Element(_) = &**of {
                    let lists = sizes().filter(|size| *size <= MAX_LIST);
                    made.extend(
                        lists.map(|size| Datum::Json(format!("[{}]", vec!["\"x\""; size].join(",")))),
                    );
                }
                self.operand(of, made, list);
            }
            Operand::MinuteOfDay => {
                let midnight = DEFAULT_TIME.saturating_sub(DEFAULT_TIME.checked_rem(86_400).unwrap_or(0));
                let minutes: Vec<u64> = whole().filter(|minute| *minute < 1440).collect();
                for minute in minutes {
                    self.time(midnight.saturating_add(minute.saturating_mul(60)));
                }
            }
            // The default is a Monday.
            Operand::Weekday => {
                let days: Vec<u64> = whole().filter(|day| *day < 7).collect();
                for day in days {
                    self.time(DEFAULT_TIME.saturating_add(day.saturating_mul(86_400)));
                }
            }
        }
    }

    /// Values of what lies in each element of a list.
    fn element(&mut self, list: &Field, keys: &[String], values: impl IntoIterator<Item = Datum>) {
        let known = self.elements.entry(list.clone()).or_default().entry(keys.to_vec()).or_default();
        for value in values {
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }

    /// Makes lists of what was said of their elements: an empty one, one of each element, and one of the first two.
    fn lists(&mut self) {
        for (field, by_keys) in std::mem::take(&mut self.elements) {
            let mut elements: Vec<String> = Vec::new();
            for value in by_keys.get(&[][..]).into_iter().flatten() {
                elements.push(value.json());
            }
            let most = by_keys.values().map(Vec::len).max().unwrap_or(0);
            for place in 0..most {
                let mut object = Object::default();
                for (keys, values) in by_keys.iter().filter(|(keys, _)| !keys.is_empty()) {
                    if let Some(value) = values.iter().cycle().nth(place) {
                        object.put(keys, value);
                    }
                }
                if !object.is_empty() {
                    elements.push(object.json());
                }
            }
            let mut lists = vec![String::from("[]")];
            lists.extend(elements.iter().map(|element| format!("[{element}]")));
            if let [first, second, ..] = elements.as_slice() {
                lists.push(format!("[{first},{second}]"));
            }
            self.add(field, lists.into_iter().map(Datum::Json));
        }
    }
}

/// A text that passes a test, and some that may not.
fn texts(test: TextTest, needle: &str) -> Vec<Datum> {
    let longer = match test {
        TextTest::StartsWith => format!("{needle}x"),
        TextTest::EndsWith => format!("x{needle}"),
        TextTest::Contains => format!("x{needle}x"),
    };
    [needle, &longer, OTHER].map(Datum::text).into()
}

/// An address as text.
fn address(bytes: [u8; 16]) -> String {
    let address = std::net::Ipv6Addr::from(bytes);
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |short| short.to_string())
}
