//! What a draft is made of. Ids that are none are [`NONE`].

use ambit_bytecode::{NONE, Source};

#[derive(Clone)]
pub struct Profile {
    /// 1 originates, 2 stamping, 4 revoked, 8 mission required, 16 shadow, 32 enforce.
    pub flags: u16,
    pub ceiling: u16,
    pub delegates: u16,
    pub missions: u16,
    pub followers: u8,
}

#[derive(Clone, Default)]
pub struct Agent {
    pub name: &'static str,
    pub profile: u16,
    pub first_rule: u32,
    pub row: Option<Row>,
}

/// Columns with their arms, [`NONE`] for a plain one.
#[derive(Clone, Default)]
pub struct Row {
    pub grants: Vec<(u16, u16)>,
    pub denies: Vec<(u16, u16)>,
}

#[derive(Clone)]
pub struct Exact {
    pub agent: u16,
    pub trust_domain: u16,
    pub namespace: Option<&'static str>,
    pub name: &'static str,
}

#[derive(Clone)]
pub struct Mission {
    pub name: &'static str,
    pub ceiling: u16,
    pub first_rule: u32,
    pub not_after: u64,
    pub row: Option<Row>,
}

#[derive(Clone)]
pub struct Action {
    pub name: &'static str,
    pub service: u16,
    pub effects: u16,
    pub column: u16,
}

#[derive(Clone)]
pub struct Selector {
    pub protocol: u8,
    pub automaton: u16,
    pub keys: Vec<(&'static str, u16)>,
}

#[derive(Clone)]
pub struct Field {
    pub source: Source,
    pub list: u16,
    pub argument: Argument,
    pub keys: Vec<&'static str>,
}

#[derive(Clone)]
pub enum Argument {
    None,
    Name(&'static str),
    Number(u16),
}

#[derive(Clone)]
pub enum Literal {
    Null,
    Bool(bool),
    Number(i64, i16),
    Text(&'static str),
}

/// A label, and where ranges of bytes lead: first, last, target.
pub type State = (u16, Vec<(u8, u8, u16)>);

/// States, each with its label and its ranges: from, to, target. It starts in the first.
#[derive(Clone, Default)]
pub struct Automaton {
    pub states: Vec<State>,
}

impl Default for Profile {
    fn default() -> Self {
        Self { flags: 3, ceiling: NONE, delegates: NONE, missions: NONE, followers: u8::MAX }
    }
}
