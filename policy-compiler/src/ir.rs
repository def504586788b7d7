//! A slice, arranged as the blob is: columns of actions that every rule treats alike, and for each agent and mission a
//! row that says what it holds of them.
//!
//! Conditions and arms are held once however many rules use them. Rules get numbers of their own here: those of an
//! owner follow one another, so that most of them need not be written down.

mod build;
mod expression;
pub(crate) mod number;
mod print;

use core::hash::Hash;
use std::collections::HashMap;

pub use build::build;
pub use expression::{Expression, Value};

use crate::model::{AgentId, MissionId, RuleId};
use crate::slice::Slice;

/// A slice, arranged.
#[derive(Clone, Debug)]
pub struct Ir {
    /// What was arranged: names, identities, selectors and missions are read from it.
    pub slice: Slice,
    /// For each service of the slice, for each of its actions, its column.
    pub columns: Vec<Vec<u16>>,
    /// How many columns there are.
    pub column_count: u16,
    /// What each agent holds, in the order of the slice's agents.
    pub agents: Vec<Holding>,
    /// What each mission holds.
    pub missions: Vec<Holding>,
    /// Distinct rows.
    pub rows: Vec<Row>,
    /// Distinct arms.
    pub arms: Vec<Arm>,
    /// Distinct conditions.
    pub conditions: Vec<Expression>,
    /// Distinct ways in which a grant may be used. Direct and through anyone is not among them.
    pub reaches: Vec<Reach>,
    /// What each rule number of the blob stands for.
    pub rules: Vec<RuleOrigin>,
}

/// What a rule number of a blob stands for: one rule of one owner, for the actions of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOrigin {
    /// The rule of the whole policy.
    pub rule: RuleId,
    /// Who holds it.
    pub owner: Owner,
    /// Whether it grants or denies.
    pub effect: Effect,
    /// The column.
    pub column: u16,
}

/// Who holds a rule, by the whole policy's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An agent.
    Agent(AgentId),
    /// A mission.
    Mission(MissionId),
}

/// Whether a rule grants or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It grants.
    Grant,
    /// It denies.
    Deny,
}

/// What an agent or a mission holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The place of its row; `None`: nothing.
    pub row: Option<usize>,
    /// The number of its first rule.
    pub first_rule: u32,
}

/// What an owner holds of each column: strictly ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    /// Columns of which it holds a grant.
    pub grants: Vec<Entry>,
    /// Columns of which it holds a deny.
    pub denies: Vec<Entry>,
}

/// What a row says of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The column.
    pub column: u16,
    /// The place of the arm; `None`: unconditional, direct and through anyone.
    pub arm: Option<usize>,
}

/// The rules of one owner for one column, in source order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arm {
    /// At least one.
    pub alternatives: Vec<Alternative>,
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alternative {
    /// Its number, less the owner's first. `None`: that of the entry, so that owners share the arm whatever its place.
    pub rule: Option<u32>,
    /// The place of its condition; `None`: always.
    pub condition: Option<usize>,
    /// The place of its reach; `None`: direct and through anyone.
    pub reach: Option<usize>,
}

/// How a grant may be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Its owner may be the caller.
    pub direct: bool,
    /// Its owner may cause the action through these; `None`: through anyone. Ascending, without duplicates.
    pub through: Option<Vec<AgentId>>,
}

/// Distinct things with their places.
#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    places: HashMap<T, usize>,
    items: Vec<T>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { places: HashMap::new(), items: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    /// The place of an item, which is added if it is new.
    pub(crate) fn place(&mut self, item: T) -> usize {
        let fresh = self.items.len();
        *self.places.entry(item).or_insert_with_key(|item| {
            self.items.push(item.clone());
            fresh
        })
    }

    /// The items in the order of their places.
    pub(crate) fn items(&self) -> &[T] {
        &self.items
    }

    /// The items in the order of their places.
    pub(crate) fn into_items(self) -> Vec<T> {
        self.items
    }
}
