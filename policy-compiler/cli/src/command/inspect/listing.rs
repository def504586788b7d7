//! What is in a blob, with every number resolved to what it names.

use std::collections::BTreeMap;

use ambit_bytecode::blob::{Blob, Section, VERSION};
use ambit_eval::inspect::{IdentityKind, RuleDescription, Through};
use ambit_eval::{Program, Protocol};
use serde::Serialize;
use serde_json::Value;

use super::code;
use crate::output::hex;
use crate::time;

/// What is in a blob.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    pub(super) version: u16,
    pub(super) bytes: usize,
    pub(super) workload: String,
    pub(super) generation: u64,
    pub(super) not_before: Option<String>,
    pub(super) not_after: Option<String>,
    pub(super) source_digest: String,
    /// The id of the key that signed it. The signature itself is not checked here.
    pub(super) signed_by: Option<String>,
    pub(super) step_bound: u32,
    pub(super) sections: Vec<SectionSize>,
    pub(super) mesh: Mesh,
    pub(super) actions: Vec<Action>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) agents: Vec<Agent>,
    pub(super) missions: Vec<Mission>,
    pub(super) fields: Vec<String>,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, Serialize)]
pub(super) struct SectionSize {
    pub(super) name: &'static str,
    pub(super) offset: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mesh {
    pub(super) trust_domains: Vec<String>,
    pub(super) max_depth: u8,
    pub(super) cycles: &'static str,
    pub(super) mode: &'static str,
    pub(super) require_stamp: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Action {
    /// `SERVICE/ACTION`
    pub(super) name: String,
    pub(super) protocol: &'static str,
    pub(super) mode: Option<&'static str>,
    pub(super) effects: Vec<String>,
    pub(super) column: u16,
    /// The fields that it lists, with all that is in them; `None`: any.
    pub(super) arguments: Option<Vec<String>>,
    /// Keys that are compared as they are. Patterns are in the automaton of the protocol.
    pub(super) keys: Vec<String>,
}

/// An automaton that reads action keys or SPIFFE paths.
#[derive(Debug, Serialize)]
pub(super) struct Pattern {
    pub(super) of: &'static str,
    pub(super) states: u32,
    pub(super) ranges: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    pub(super) name: String,
    /// Patterns are in the automaton of identities.
    pub(super) identities: Vec<String>,
    pub(super) originates: bool,
    pub(super) stamping: bool,
    pub(super) revoked: bool,
    pub(super) mode: Option<&'static str>,
    /// `None`: all.
    pub(super) ceiling: Option<Vec<String>>,
    /// `None`: anyone.
    pub(super) delegates_to: Option<Vec<String>>,
    pub(super) max_depth: Option<u8>,
    /// `None`: any.
    pub(super) missions: Option<Vec<String>>,
    pub(super) mission_required: bool,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mission {
    pub(super) name: String,
    pub(super) ceiling: Option<Vec<String>>,
    pub(super) not_after: Option<String>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
pub(super) struct Rule {
    pub(super) number: u32,
    /// `grant` or `deny`.
    pub(super) effect: &'static str,
    pub(super) actions: Vec<String>,
    pub(super) condition: Option<u16>,
    pub(super) direct: bool,
    /// `None`: anyone.
    pub(super) through: Option<Vec<String>>,
    /// `FILE:LINE`
    pub(super) place: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Condition {
    pub(super) steps: u32,
    pub(super) code: Vec<code::Line>,
}

/// Where rules are written, by number.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Option<String>>);

impl Places {
    /// From a span map, if it belongs to the blob of this digest.
    pub(super) fn read(map: Option<&str>, digest: &[u8; 32]) -> Self {
        let map: Option<Value> = map.and_then(|text| serde_json::from_str(text).ok());
        let map = map.filter(|map| map.get("digest").and_then(Value::as_str) == Some(hex(digest).as_str()));
        let rules = map.as_ref().and_then(|map| map.get("rules")?.as_array());
        let place = |rule: &Value| {
            let (file, line) = (rule.get("file")?.as_str()?, rule.get("line")?.as_u64()?);
            Some(format!("{file}:{line}"))
        };
        Self(rules.map(|rules| rules.iter().map(place).collect()).unwrap_or_default())
    }

    fn of(&self, rule: u32) -> Option<String> {
        self.0.get(usize::try_from(rule).ok()?).cloned().flatten()
    }
}

/// Resolves numbers to names.
struct Names<'a> {
    program: &'a Program<&'a [u8]>,
    places: &'a Places,
    /// `SERVICE/ACTION` by column.
    columns: BTreeMap<u16, Vec<String>>,
    /// Who is each agent.
    identities: BTreeMap<u16, Vec<String>>,
}

impl Listing {
    pub(super) fn new(program: &Program<&[u8]>, places: &Places) -> Self {
        let header = program.header();
        let blob = Blob::parse(program.bytes()).ok();
        let names = Names::new(program, places);
        let (namespace, account) = program.workload();
        let count = |count: u32| 0..u16::try_from(count).unwrap_or(u16::MAX);
        Self {
            version: blob.map_or(VERSION, |blob| blob.version()),
            bytes: program.bytes().len(),
            workload: format!("{}/{}", text(namespace), text(account)),
            generation: header.generation,
            not_before: moment(header.not_before),
            not_after: moment(header.not_after),
            source_digest: hex(&header.source_digest),
            signed_by: blob.and_then(|blob| blob.signature()).map(|signature| hex(&signature.key_id)),
            step_bound: program.step_bound(),
            sections: blob.map(|blob| sections(&blob)).unwrap_or_default(),
            mesh: mesh(program),
            actions: actions(program, &names),
            patterns: patterns(program),
            agents: count(program.agents()).filter_map(|agent| names.agent(agent)).collect(),
            missions: count(program.missions()).filter_map(|mission| names.mission(mission)).collect(),
            fields: (0..program.fields()).map(|field| code::field(program, field)).collect(),
            conditions: (0..program.conditions()).map(|condition| names.condition(condition)).collect(),
        }
    }
}

fn sections(blob: &Blob<'_>) -> Vec<SectionSize> {
    let size = |section: &Section| {
        let extent = blob.extent(*section);
        SectionSize { name: section.word(), offset: extent.start, bytes: extent.length }
    };
    Section::REQUIRED.iter().map(size).collect()
}

fn mesh(program: &Program<&[u8]>) -> Mesh {
    let mesh = program.mesh();
    Mesh {
        trust_domains: program.trust_domains().map(text).collect(),
        max_depth: mesh.max_depth,
        cycles: if mesh.refuse_cycles { "refuse" } else { "tolerate" },
        mode: mode(mesh.shadow),
        require_stamp: mesh.require_stamp,
    }
}

fn actions(program: &Program<&[u8]>, names: &Names<'_>) -> Vec<Action> {
    let mut keys: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for key in Protocol::ALL.into_iter().flat_map(|protocol| program.exact_keys(protocol)) {
        keys.entry(key.action).or_default().push(text(key.key));
    }
    let listing = |listing: u16| {
        let listing = program.listing(listing)?;
        let arguments = program.set_members(listing.arguments).map(|field| code::field(program, field));
        Some((listing.action, arguments.collect()))
    };
    let mut listings: BTreeMap<u16, Vec<String>> = (0..program.listings()).filter_map(listing).collect();
    let actions = (0..).zip(program.actions()).map(|(number, action)| {
        let mut keys = keys.remove(&number).unwrap_or_default();
        keys.sort_unstable();
        Action {
            name: format!("{}/{}", text(action.service), text(action.name)),
            protocol: action.protocol.map_or("?", word),
            mode: action.shadow.map(mode),
            effects: names.effects(action.effects),
            column: action.column,
            arguments: listings.remove(&number),
            keys,
        }
    });
    actions.collect()
}

fn patterns(program: &Program<&[u8]>) -> Vec<Pattern> {
    let of_keys = Protocol::ALL.into_iter().map(|protocol| (word(protocol), program.key_automaton(protocol)));
    let all = of_keys.chain([("identities", program.identity_automaton())]);
    all.filter_map(|(of, automaton)| {
        let (states, ranges) = program.automaton_size(automaton?)?;
        Some(Pattern { of, states, ranges })
    })
    .collect()
}

impl<'a> Names<'a> {
    fn new(program: &'a Program<&'a [u8]>, places: &'a Places) -> Self {
        let mut columns: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for action in program.actions() {
            let name = format!("{}/{}", text(action.service), text(action.name));
            columns.entry(action.column).or_default().push(name);
        }
        let mut identities: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for identity in program.identities() {
            identities.entry(identity.agent).or_default().push(principal(&identity.kind));
        }
        identities.values_mut().for_each(|list| list.sort_unstable());
        Self { program, places, columns, identities }
    }

    fn agent(&self, number: u16) -> Option<Agent> {
        let agent = self.program.agent_description(number)?;
        Some(Agent {
            name: text(agent.name),
            identities: self.identities.get(&number).cloned().unwrap_or_default(),
            originates: agent.originates,
            stamping: agent.stamping,
            revoked: agent.revoked,
            mode: agent.shadow.map(mode),
            ceiling: agent.ceiling.map(|set| self.effects(set)),
            delegates_to: agent.delegates.map(|set| self.agents(set)),
            max_depth: agent.followers,
            missions: agent.missions.map(|set| {
                let name =
                    |mission| self.program.mission_name(mission).map_or_else(|| mission.to_string(), text);
                self.program.set_members(set).map(name).collect()
            }),
            mission_required: agent.mission_required,
            rules: self.program.agent_rules(number).map(|rule| self.rule(&rule)).collect(),
        })
    }

    fn mission(&self, number: u16) -> Option<Mission> {
        let mission = self.program.mission_description(number)?;
        Some(Mission {
            name: text(mission.name),
            ceiling: mission.ceiling.map(|set| self.effects(set)),
            not_after: moment(mission.end),
            rules: self.program.mission_rules(number).map(|rule| self.rule(&rule)).collect(),
        })
    }

    fn rule(&self, rule: &RuleDescription) -> Rule {
        Rule {
            number: rule.number,
            effect: if rule.grants { "grant" } else { "deny" },
            actions: self.columns.get(&rule.column).cloned().unwrap_or_default(),
            condition: rule.condition,
            direct: rule.direct,
            through: match rule.through {
                Through::Anyone => None,
                Through::Nobody => Some(Vec::new()),
                Through::Agents(set) => Some(self.agents(set)),
            },
            place: self.places.of(rule.number),
        }
    }

    fn condition(&self, number: u16) -> Condition {
        Condition {
            steps: self.program.condition_steps(number).unwrap_or_default(),
            code: code::listing(self.program, number),
        }
    }

    fn agents(&self, set: u16) -> Vec<String> {
        self.program.set_members(set).map(|agent| code::agent(self.program, agent)).collect()
    }

    fn effects(&self, set: u64) -> Vec<String> {
        let bits =
            (0..64_u8).filter(|bit| set.checked_shr(u32::from(*bit)).is_some_and(|rest| rest & 1 == 1));
        bits.map(|bit| self.program.effect_label(bit).map_or_else(|| bit.to_string(), text)).collect()
    }
}

/// Which principals, as policy writes them.
fn principal(kind: &IdentityKind<'_>) -> String {
    let domain = |domain: &Option<&[u8]>| domain.map_or_else(|| String::from("*"), text);
    match kind {
        IdentityKind::Namespace(namespace) => format!("spiffe://*/ns/{}/sa/*", text(namespace)),
        IdentityKind::Path { trust_domain, path } => {
            format!("spiffe://{}{}", domain(trust_domain), text(path))
        }
        IdentityKind::ServiceAccount { trust_domain, namespace, name } => {
            format!("spiffe://{}/ns/{}/sa/{}", domain(trust_domain), text(namespace), text(name))
        }
    }
}

fn moment(seconds: u64) -> Option<String> {
    (seconds != 0).then(|| time::show(seconds))
}

const fn mode(shadow: bool) -> &'static str {
    if shadow { "shadow" } else { "enforce" }
}

const fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Mcp => "mcp",
        Protocol::A2a => "a2a",
        Protocol::Grpc => "grpc",
        Protocol::Egress => "egress",
    }
}

/// Bytes of the blob as text on a terminal: a blob may come from anywhere, so that control characters are escaped.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}
