//! Writes small blobs from records, so that tests can say what is in one, and what is wrong with one.

#![allow(dead_code, reason = "no test uses all of it")]

pub mod assemble;
mod index;
mod records;
pub mod world;

use ambit_bytecode::blob::Header;
use ambit_bytecode::encode::Sections;
use ambit_bytecode::limits::{MAX_NARROW_IDS, MAX_STEPS};
use ambit_bytecode::opcode::Operand;
use ambit_bytecode::{NONE, NONE_OFFSET, Section};

use assemble::{Assembled, assemble_with};
pub use records::{
    Action, Agent, Argument, Automaton, Exact, Field, Literal, Mission, Profile, Row, Selector,
};

/// What a blob holds. Names are strings; ids are places in the vectors.
#[derive(Clone, Default)]
pub struct Draft {
    pub generation: u64,
    pub not_before: u64,
    pub not_after: u64,
    pub max_depth: u8,
    /// 1 refuse cycles, 2 stamping peers must stamp, 4 shadow.
    pub flags: u8,
    pub trust_domains: Vec<&'static str>,
    pub effects: Vec<&'static str>,
    pub effect_sets: Vec<u64>,
    pub profiles: Vec<Profile>,
    pub agents: Vec<Agent>,
    pub exact: Vec<Exact>,
    /// Agent and namespace.
    pub namespaces: Vec<(u16, &'static str)>,
    pub identity_patterns: Option<u16>,
    pub missions: Vec<Mission>,
    /// Name, protocol and mode.
    pub services: Vec<(&'static str, u8, u8)>,
    pub actions: Vec<Action>,
    /// Action, set of objects, set of arguments.
    pub listings: Vec<(u16, u16, u16)>,
    pub columns: u16,
    pub selectors: Vec<Selector>,
    /// Protocol, and most bytes of a body.
    pub limits: Vec<(u8, u32)>,
    /// Alternatives of each: rule (0: the entry's own), condition, reach.
    pub arms: Vec<Vec<(u32, u16, u16)>>,
    /// Flags, and through whom.
    pub reaches: Vec<(u16, u16)>,
    pub sets: Vec<Vec<u16>>,
    pub fields: Vec<Field>,
    pub literals: Vec<Literal>,
    pub literal_sets: Vec<Vec<u16>>,
    /// Address, IPv4 mapped, and prefix.
    pub networks: Vec<Vec<(&'static str, u8)>>,
    pub automata: Vec<Automaton>,
    /// In assembly text.
    pub conditions: Vec<String>,
}

impl Draft {
    /// The sections, and the header that goes with them.
    pub fn sections(&self) -> (Sections, Header) {
        let mut writer = Writer { draft: self, out: Sections::default(), strings: Vec::new() };
        writer.write();
        (writer.out, self.header())
    }

    /// The blob.
    pub fn blob(&self) -> Vec<u8> {
        let (sections, header) = self.sections();
        sections.frame(&header).unwrap()
    }

    fn header(&self) -> Header {
        Header {
            // 0 where there is none, which is refused.
            step_bound: self.step_bound().filter(|bound| *bound <= MAX_STEPS).unwrap_or(0),
            generation: self.generation,
            not_before: self.not_before,
            not_after: self.not_after,
            source_digest: [7; 32],
        }
    }

    /// The code of a condition.
    pub fn assembled(&self, text: &str) -> Assembled {
        let members = |operand, id: u16| {
            let id = usize::from(id);
            match operand {
                Operand::LiteralSet => self.literal_sets.get(id).map_or(0, Vec::len),
                Operand::Networks => self.networks.get(id).map_or(0, Vec::len),
                Operand::Agents => self.sets.get(id).map_or(0, Vec::len),
                _ => 0,
            }
        };
        assemble_with(text, &members).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// By `FORMAT.md`, steps.
    fn step_bound(&self) -> Option<u32> {
        let search = |count: usize| u32::BITS - u32::try_from(count).unwrap().leading_zeros();
        let set = |id: u16| self.sets.get(usize::from(id)).map_or(0, Vec::len);
        let condition =
            |id: u16| self.conditions.get(usize::from(id)).map_or(0, |text| self.assembled(text).steps);
        let reach = |id: u16| match self.reaches.get(usize::from(id)) {
            Some((_, through)) if *through != NONE => 16 * (1 + search(set(*through))),
            _ => 0,
        };
        let arm = |arm: &Vec<(u32, u16, u16)>| {
            arm.iter().map(|alternative| 2 + condition(alternative.1) + reach(alternative.2)).sum::<u32>()
        };
        let rows = self.agents.iter().map(|agent| &agent.row);
        let rows = rows.chain(self.missions.iter().map(|mission| &mission.row)).flatten();
        let side = rows.flat_map(|row| [row.grants.len(), row.denies.len()]).max().unwrap_or(0);
        let largest =
            self.profiles.iter().flat_map(|profile| [set(profile.delegates), set(profile.missions)]).max();
        let arm = self.arms.iter().map(arm).max().unwrap_or(0);
        let agents = 17 * (50 + 5 * search(largest.unwrap_or(0)));
        let holder = (18 + 2 * search(side)).checked_add(arm.checked_mul(2)?)?;
        holder.checked_mul(21)?.checked_add(64 + agents + 32)
    }
}

struct Writer<'a> {
    draft: &'a Draft,
    out: Sections,
    strings: Vec<&'static str>,
}

impl Writer<'_> {
    fn string(&mut self, text: &'static str) -> u16 {
        let known = self.strings.iter().position(|known| *known == text);
        short(known.unwrap_or_else(|| {
            self.strings.push(text);
            self.strings.len() - 1
        }))
    }

    fn u8(&mut self, section: Section, number: u8) {
        self.out.section(section).push(number);
    }

    fn u16(&mut self, section: Section, number: u16) {
        self.out.section(section).extend(number.to_le_bytes());
    }

    fn u32(&mut self, section: Section, number: u32) {
        self.out.section(section).extend(number.to_le_bytes());
    }

    fn u64(&mut self, section: Section, number: u64) {
        self.out.section(section).extend(number.to_le_bytes());
    }

    fn name(&mut self, section: Section, text: &'static str) {
        let id = self.string(text);
        self.u16(section, id);
    }

    /// A count of two bytes, and two reserved bytes.
    fn count(&mut self, section: Section, count: usize) {
        self.u16(section, short(count));
        self.u16(section, 0);
    }

    fn firsts(&mut self, section: Section, lengths: impl Iterator<Item = usize>) {
        let mut next = 0;
        self.u32(section, 0);
        for length in lengths {
            next += long(length);
            self.u32(section, next);
        }
    }

    fn row(&mut self, row: Option<&Row>) -> u32 {
        let Some(row) = row else { return NONE_OFFSET };
        let offset = long(self.out.section(Section::Rows).len());
        let has_arms = |side: &[(u16, u16)]| side.iter().any(|(_, arm)| *arm != NONE);
        for side in [&row.grants, &row.denies] {
            let top = if has_arms(side) { 1 << 15 } else { 0 };
            self.u16(Section::Rows, short(side.len()) | top);
        }
        for side in [&row.grants, &row.denies] {
            side.iter().for_each(|(column, _)| self.id(*column, usize::from(self.draft.columns)));
            if has_arms(side) {
                side.iter().for_each(|(_, arm)| self.id(*arm, self.draft.arms.len()));
            }
        }
        offset
    }

    /// An id in a row, where there are so many.
    fn id(&mut self, id: u16, of: usize) {
        let bytes = id.to_le_bytes();
        let width = if of > usize::from(MAX_NARROW_IDS) { 2 } else { 1 };
        self.out.section(Section::Rows).extend(&bytes[..width]);
    }

    fn index<K: AsRef<[u8]>>(&mut self, section: Section, keys: &[K], slots: &[Vec<u16>]) {
        let index = index::Placed::of(keys);
        self.u32(section, index.seed);
        self.u32(section, long(index.displacements.len()));
        self.u32(section, long(index.slots.len()));
        index.displacements.iter().for_each(|displacement| self.u16(section, *displacement));
        for key in index.slots {
            slots[key].iter().for_each(|word| self.u16(section, *word));
        }
    }

    fn write(&mut self) {
        self.mesh();
        self.effects();
        self.holders();
        self.identities();
        self.actions();
        self.arms();
        self.fields();
        self.literals();
        self.networks();
        self.automata();
        self.code();
        self.strings();
    }

    fn mesh(&mut self) {
        let section = Section::Mesh;
        self.u8(section, self.draft.max_depth);
        self.u8(section, self.draft.flags);
        self.name(section, "workload-namespace");
        self.name(section, "workload-account");
        self.u16(section, short(self.draft.trust_domains.len()));
        self.draft.trust_domains.iter().for_each(|domain| self.name(section, domain));
    }

    fn effects(&mut self) {
        let section = Section::Effects;
        self.u16(section, short(self.draft.effects.len()));
        self.draft.effects.iter().for_each(|label| self.name(section, label));
        self.u16(section, short(self.draft.effect_sets.len()));
        self.draft.effect_sets.iter().for_each(|set| self.u64(section, *set));
    }

    fn holders(&mut self) {
        let draft = self.draft;
        self.count(Section::Profiles, draft.profiles.len());
        for profile in &draft.profiles {
            for word in [profile.flags, profile.ceiling, profile.delegates, profile.missions] {
                self.u16(Section::Profiles, word);
            }
            [profile.followers, 0, 0, 0].into_iter().for_each(|byte| self.u8(Section::Profiles, byte));
        }
        self.count(Section::Agents, draft.agents.len());
        for agent in &draft.agents {
            let row = self.row(agent.row.as_ref());
            self.name(Section::Agents, agent.name);
            self.u16(Section::Agents, agent.profile);
            self.u32(Section::Agents, row);
            self.u32(Section::Agents, agent.first_rule);
        }
        let names: Vec<_> = draft.missions.iter().map(|mission| mission.name).collect();
        let slots: Vec<_> = (0..short(names.len())).map(|mission| vec![mission]).collect();
        self.index(Section::Missions, &names, &slots);
        self.count(Section::Missions, names.len());
        for mission in &draft.missions {
            let row = self.row(mission.row.as_ref());
            self.name(Section::Missions, mission.name);
            self.u16(Section::Missions, mission.ceiling);
            self.u32(Section::Missions, row);
            self.u32(Section::Missions, mission.first_rule);
            self.u64(Section::Missions, mission.not_after);
        }
    }

    fn identities(&mut self) {
        let section = Section::Identities;
        let mut keys = Vec::new();
        let mut slots = Vec::new();
        for exact in &self.draft.exact {
            let path = match exact.namespace {
                Some(namespace) => format!("/ns/{namespace}/sa/{}", exact.name),
                None => exact.name.to_owned(),
            };
            keys.push([&exact.trust_domain.to_le_bytes(), path.as_bytes()].concat());
            let namespace = exact.namespace.map_or(NONE, |namespace| self.string(namespace));
            slots.push(vec![exact.agent, exact.trust_domain, namespace, self.string(exact.name)]);
        }
        self.index(section, &keys, &slots);
        let namespaces = &self.draft.namespaces;
        let keys: Vec<_> = namespaces.iter().map(|(_, namespace)| *namespace).collect();
        let slots: Vec<_> =
            namespaces.iter().map(|(agent, namespace)| vec![*agent, self.string(namespace)]).collect();
        self.index(section, &keys, &slots);
        self.u16(section, self.draft.identity_patterns.unwrap_or(NONE));
    }

    fn actions(&mut self) {
        let (section, draft) = (Section::Actions, self.draft);
        for count in
            [draft.services.len(), draft.actions.len(), usize::from(draft.columns), draft.listings.len()]
        {
            self.u16(section, short(count));
        }
        for (name, protocol, mode) in &draft.services {
            self.name(section, name);
            self.u8(section, *protocol);
            self.u8(section, *mode);
        }
        for action in &draft.actions {
            self.name(section, action.name);
            [action.service, action.effects, action.column].into_iter().for_each(|id| self.u16(section, id));
        }
        for (action, objects, arguments) in &draft.listings {
            [*action, *objects, *arguments].into_iter().for_each(|id| self.u16(section, id));
        }
        self.u16(Section::Selectors, short(draft.selectors.len()));
        self.u16(Section::Selectors, short(draft.limits.len()));
        for selector in &draft.selectors {
            self.u8(Section::Selectors, selector.protocol);
            self.u8(Section::Selectors, 0);
            self.u16(Section::Selectors, selector.automaton);
            let keys: Vec<_> = selector.keys.iter().map(|(key, _)| *key).collect();
            let slots: Vec<_> =
                selector.keys.iter().map(|(key, action)| vec![self.string(key), *action]).collect();
            self.index(Section::Selectors, &keys, &slots);
        }
        for (protocol, most) in &draft.limits {
            self.u8(Section::Selectors, *protocol);
            self.u8(Section::Selectors, 0);
            self.u16(Section::Selectors, 0);
            self.u32(Section::Selectors, *most);
        }
    }

    fn arms(&mut self) {
        let draft = self.draft;
        self.u32(Section::Arms, long(draft.arms.len()));
        self.firsts(Section::Arms, draft.arms.iter().map(Vec::len));
        for (rule, condition, reach) in draft.arms.iter().flatten() {
            self.u32(Section::Arms, *rule);
            self.u16(Section::Arms, *condition);
            self.u16(Section::Arms, *reach);
        }
        self.count(Section::Reaches, draft.reaches.len());
        for (flags, through) in &draft.reaches {
            self.u16(Section::Reaches, *flags);
            self.u16(Section::Reaches, *through);
        }
        self.u32(Section::Sets, long(draft.sets.len()));
        self.firsts(Section::Sets, draft.sets.iter().map(Vec::len));
        draft.sets.iter().flatten().for_each(|member| self.u16(Section::Sets, *member));
    }

    fn fields(&mut self) {
        let (section, fields) = (Section::Fields, &self.draft.fields);
        self.u16(section, short(fields.len()));
        self.u16(section, short(fields.iter().map(|field| field.keys.len()).sum()));
        let mut first_key = 0;
        for field in fields {
            self.u8(section, field.source.number());
            self.u8(section, u8::try_from(field.keys.len()).unwrap());
            self.u16(section, field.list);
            match field.argument {
                Argument::None => self.u16(section, NONE),
                Argument::Name(name) => self.name(section, name),
                Argument::Number(number) => self.u16(section, number),
            }
            self.u16(section, first_key);
            first_key += short(field.keys.len());
        }
        fields.iter().flat_map(|field| &field.keys).for_each(|key| self.name(section, key));
    }

    fn literals(&mut self) {
        let (section, draft) = (Section::Literals, self.draft);
        self.u16(section, short(draft.literals.len()));
        self.u16(section, short(draft.literal_sets.len()));
        for literal in &draft.literals {
            let (tag, exponent, payload) = match literal {
                Literal::Null => (0, 0, 0),
                Literal::Bool(false) => (1, 0, 0),
                Literal::Bool(true) => (2, 0, 0),
                Literal::Number(coefficient, exponent) => (3, *exponent, *coefficient),
                Literal::Text(text) => (4, 0, i64::from(self.string(text))),
            };
            self.u16(section, tag);
            self.out.section(section).extend(exponent.to_le_bytes());
            self.out.section(section).extend(payload.to_le_bytes());
        }
        self.firsts(section, draft.literal_sets.iter().map(Vec::len));
        draft.literal_sets.iter().flatten().for_each(|member| self.u16(section, *member));
    }

    fn networks(&mut self) {
        let (section, networks) = (Section::Networks, &self.draft.networks);
        self.u32(section, long(networks.len()));
        self.firsts(section, networks.iter().map(Vec::len));
        for (address, prefix) in networks.iter().flatten() {
            let address: std::net::Ipv6Addr = address.parse().unwrap();
            self.out.section(section).extend(address.octets());
            self.u8(section, *prefix);
        }
    }

    fn automata(&mut self) {
        let (section, automata) = (Section::Automata, &self.draft.automata);
        self.count(section, automata.len());
        let mut next = 4 + 4 * automata.len();
        for automaton in automata {
            self.u32(section, long(next));
            let ranges: usize = automaton.states.iter().map(|(_, ranges)| ranges.len()).sum();
            next += 8 + 6 * automaton.states.len() + 4 * ranges;
        }
        for Automaton { states } in automata {
            self.u16(section, short(states.len()));
            self.u16(section, 0);
            self.u32(section, long(states.iter().map(|(_, ranges)| ranges.len()).sum()));
            let mut first = 0;
            for (label, ranges) in states {
                self.u32(section, first);
                self.u16(section, *label);
                first += long(ranges.len());
            }
            for (low, high, target) in states.iter().flat_map(|(_, ranges)| ranges) {
                self.u8(section, *low);
                self.u8(section, *high);
                self.u16(section, *target);
            }
        }
    }

    fn code(&mut self) {
        let conditions: Vec<_> =
            self.draft.conditions.iter().map(|text| self.draft.assembled(text)).collect();
        self.count(Section::Code, conditions.len());
        let mut offset = 0;
        for condition in &conditions {
            self.u32(Section::Code, offset);
            self.u32(Section::Code, long(condition.bytes.len()));
            self.u32(Section::Code, condition.steps);
            offset += long(condition.bytes.len());
        }
        for condition in conditions {
            self.out.section(Section::Code).extend(condition.bytes);
        }
    }

    fn strings(&mut self) {
        let strings = std::mem::take(&mut self.strings);
        self.u32(Section::Strings, long(strings.len()));
        self.firsts(Section::Strings, strings.iter().map(|text| text.len()));
        for text in strings {
            self.out.section(Section::Strings).extend(text.as_bytes());
        }
    }
}

fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap()
}

fn long(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}
