//! Requests from one line of text, and what they are about.

#![allow(dead_code, reason = "no test uses all of it")]

use std::collections::BTreeMap;

use ambit_bytecode::Code;
use ambit_eval::{
    Arguments, Caller, Count, Facts, Key, Lineage, Number, Principal, Program, Protocol, Request, Statement,
    Value, Verdict,
};

/// A value of a field, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Absent,
    Unread,
    Unusable,
    Null,
    Bool(bool),
    Number(i64, i16),
    Text(Vec<u8>),
    /// Elements, each as the field that lies in them has it.
    List(Vec<Given>),
    /// So many elements that need not be told apart.
    Many(u32),
}

/// A request, owned. By default the caller of the world asks for `GET /orders` on its own behalf.
#[derive(Clone, Debug)]
pub struct Asked {
    pub caller: Option<String>,
    /// `None`: it states nothing.
    pub members: Option<Vec<String>>,
    pub missions: Vec<String>,
    pub merged: bool,
    pub refused_lineage: bool,
    pub protocol: Protocol,
    pub key: String,
    pub now: u64,
    pub given: BTreeMap<u16, Given>,
    pub arguments: Arguments,
    /// Nobody vouches for the members: the world's callers do not stamp.
    pub claimed: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            caller: Some("spiffe://mesh.example/ns/default/sa/caller".to_owned()),
            members: Some(Vec::new()),
            missions: Vec::new(),
            merged: false,
            refused_lineage: false,
            protocol: Protocol::Http,
            key: "GET /orders".to_owned(),
            now: 0,
            given: BTreeMap::new(),
            arguments: Arguments::Listed,
            claimed: false,
        }
    }
}

impl Asked {
    /// Reads words such as `caller=/x/y members=first,second mission=refund merged claimed now=60 3=2.5 0="a b" 4=[1 null]
    /// arguments=unlisted`,
    /// where `first` is the principal of that name in the world, and numbers are fields.
    pub fn read(text: &str) -> Self {
        let mut asked = Self::default();
        for word in words(text) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                "caller" => asked.caller = Some(value).filter(|value| *value != "none").map(principal),
                "members" => asked.members = Some(value.split(',').map(principal).collect()),
                "unstated" => asked.members = None,
                "mission" => asked.missions = value.split(',').map(str::to_owned).collect(),
                "merged" => asked.merged = true,
                "claimed" => asked.claimed = true,
                "refused" => asked.refused_lineage = true,
                "protocol" => asked.protocol = Protocol::from_number(value.parse().unwrap()).unwrap(),
                "key" => asked.key = value.trim_matches('"').to_owned(),
                "arguments" => asked.arguments = arguments(value),
                "now" => asked.now = value.parse().unwrap(),
                field => drop(asked.given.insert(field.parse().unwrap(), Given::read(value))),
            }
        }
        asked
    }

    /// Asks.
    pub fn of<B: AsRef<[u8]>>(&self, program: &Program<B>) -> Verdict {
        let members: Vec<_> = self.members.iter().flatten().map(|member| parsed(member)).collect();
        let missions: Vec<_> = self.missions.iter().map(|mission| mission.as_bytes()).collect();
        let lineage = Lineage { members: &members, missions: &missions, merged: self.merged };
        program.decide(&Request {
            caller: self
                .caller
                .as_deref()
                .map_or(Caller::Unauthenticated, |caller| Caller::Proven(parsed(caller))),
            statement: match &self.members {
                _ if self.refused_lineage => Statement::Refused(Code::LineageMalformed),
                None => Statement::Absent,
                Some(_) => Statement::Lineage(lineage),
            },
            protocol: self.protocol,
            key: Key::Known(self.key.as_bytes()),
            facts: self,
            now: self.now,
        })
    }
}

impl Given {
    /// Reads `absent`, `unread`, `unusable`, `null`, `true`, `2.5e3`, `"text"`, `[1 "two"]`, or `many:65`.
    pub fn read(text: &str) -> Self {
        match text {
            "absent" => Self::Absent,
            "unread" => Self::Unread,
            "unusable" => Self::Unusable,
            "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ => {
                if let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                    // The one byte that is no UTF-8 is written as `\xff`.
                    let parts: Vec<_> = inner.split("\\xff").map(str::as_bytes).collect();
                    Self::Text(parts.join(&0xff))
                } else if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
                    Self::List(words(inner).map(Self::read).collect())
                } else if let Some(count) = text.strip_prefix("many:") {
                    Self::Many(count.parse().unwrap())
                } else {
                    number(text)
                }
            }
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Absent => Value::Absent,
            Self::Unread => Value::Unread,
            Self::Unusable | Self::List(_) | Self::Many(_) => Value::Unusable,
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(coefficient, exponent) => {
                Value::Number(Number { coefficient: *coefficient, exponent: *exponent })
            }
            Self::Text(text) => Value::Text(text),
        }
    }
}

impl Facts for Asked {
    fn value(&self, field: u16) -> Value<'_> {
        self.given.get(&field).map_or(Value::Absent, Given::value)
    }

    fn count(&self, list: u16) -> Count {
        match self.given.get(&list) {
            Some(Given::List(elements)) => Count::Elements(u32::try_from(elements.len()).unwrap()),
            Some(Given::Many(count)) => Count::Elements(*count),
            Some(Given::Unread) => Count::Unread,
            _ => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        match self.given.get(&field) {
            Some(Given::List(elements)) => elements.get(place as usize).map_or(Value::Absent, Given::value),
            Some(Given::Many(_)) => Value::Number(Number::whole(place)),
            _ => Value::Absent,
        }
    }

    fn arguments(&self, _: u16) -> Arguments {
        self.arguments
    }
}

fn arguments(word: &str) -> Arguments {
    match word {
        "listed" => Arguments::Listed,
        "unlisted" => Arguments::Unlisted,
        "unread" => Arguments::Unread,
        other => panic!("`{other}` says nothing of arguments"),
    }
}

/// A decimal such as `-2.50e3`, in lowest form.
fn number(text: &str) -> Given {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut coefficient: i64 =
        format!("{whole}{fraction}").parse().unwrap_or_else(|_| panic!("`{text}` is no value"));
    let mut exponent = exponent.parse::<i16>().unwrap() - i16::try_from(fraction.len()).unwrap();
    while coefficient != 0 && coefficient % 10 == 0 {
        coefficient /= 10;
        exponent += 1;
    }
    Given::Number(coefficient, if coefficient == 0 { 0 } else { exponent })
}

/// Words between spaces that are in no quotes or brackets.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut depth) = (false, 0);
    text.split(move |letter: char| {
        match letter {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            _ => {}
        }
        letter == ' ' && !quoted && depth == 0
    })
    .filter(|word| !word.is_empty())
}

/// The SPIFFE id of a name: of an agent in the world, of a path, or the id itself.
fn principal(name: &str) -> String {
    match name {
        id if id.starts_with("spiffe://") => id.to_owned(),
        path if path.starts_with('/') => format!("spiffe://mesh.example{path}"),
        "second" => "spiffe://mesh.example/plain/second".to_owned(),
        "spare" => "spiffe://mesh.example/ns/spare/sa/any".to_owned(),
        name => format!("spiffe://mesh.example/ns/default/sa/{name}"),
    }
}

fn parsed(id: &str) -> Principal<'_> {
    let rest = id.strip_prefix("spiffe://").unwrap();
    let slash = rest.find('/').unwrap();
    Principal {
        whole: id.as_bytes(),
        trust_domain: &rest.as_bytes()[..slash],
        path: &rest.as_bytes()[slash..],
    }
}
