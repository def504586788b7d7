//! What a verified program holds, for those who list it. Nothing here is on the decision path.

use ambit_bytecode::NONE;
use ambit_bytecode::cursor::{array_at, index, u8_at, u16_at, u32_at};
use ambit_bytecode::opcode::Opcode;

use crate::chain::{Member, Mission};
use crate::facts::Protocol;
use crate::literal;
use crate::program::{Holder, Program};
use crate::row::{Row, Side};
use crate::value::Value;

/// Mesh-wide settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshDescription {
    /// The most members of a lineage, the caller included.
    pub max_depth: u8,
    /// Whether a repeated agent denies.
    pub refuse_cycles: bool,
    /// Whether a stamping peer must have stamped.
    pub require_stamp: bool,
    /// Whether denies are only recorded.
    pub shadow: bool,
}

/// Something that can be asked of the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionDescription<'a> {
    /// The name of its service.
    pub service: &'a [u8],
    /// Its name.
    pub name: &'a [u8],
    /// What its service speaks.
    pub protocol: Option<Protocol>,
    /// Whether its service says shadow, or enforce, or nothing.
    pub shadow: Option<bool>,
    /// Its effects: bit `i` is label `i`.
    pub effects: u64,
    /// The column that it shares with the actions that every rule treats alike.
    pub column: u16,
}

/// An agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentDescription<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether it may start work of its own.
    pub originates: bool,
    /// Whether its sidecar stamps.
    pub stamping: bool,
    /// Whether it is revoked.
    pub revoked: bool,
    /// Whether it acts only under a mission.
    pub mission_required: bool,
    /// Whether it says shadow, or enforce, or nothing.
    pub shadow: Option<bool>,
    /// The effects it may cause; `None`: all.
    pub ceiling: Option<u64>,
    /// The set of agents it may hand work to; `None`: anyone.
    pub delegates: Option<u16>,
    /// The set of missions it may act under; `None`: any.
    pub missions: Option<u16>,
    /// The most members that may follow it; `None`: as the mesh says.
    pub followers: Option<u8>,
}

/// A mission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissionDescription<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The effects it allows; `None`: all.
    pub ceiling: Option<u64>,
    /// Unix seconds from which on it grants nothing; 0 is never.
    pub end: u64,
}

/// One rule of an agent or a mission, for one column of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleDescription {
    /// Its number in the blob, which verdicts name.
    pub number: u32,
    /// Whether it grants; else it denies.
    pub grants: bool,
    /// The actions, by their column.
    pub column: u16,
    /// The condition; `None`: always.
    pub condition: Option<u16>,
    /// Whether its owner may be the caller.
    pub direct: bool,
    /// Through whom its owner may cause the action.
    pub through: Through,
}

/// Through whom a grant may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// Any delegates.
    Anyone,
    /// No one.
    Nobody,
    /// The agents of a set.
    Agents(u16),
}

/// A principal, or many, and the agent that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityDescription<'a> {
    /// Which principals.
    pub kind: IdentityKind<'a>,
    /// The agent.
    pub agent: u16,
}

/// Which principals an entry of the identities is about. Patterns are an automaton, and are not among these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind<'a> {
    /// A Kubernetes service account; `trust_domain` is `None` for any of the mesh.
    ServiceAccount {
        /// The trust domain.
        trust_domain: Option<&'a [u8]>,
        /// The namespace.
        namespace: &'a [u8],
        /// The service account.
        name: &'a [u8],
    },
    /// A SPIFFE path; `trust_domain` is `None` for any of the mesh.
    Path {
        /// The trust domain.
        trust_domain: Option<&'a [u8]>,
        /// The path.
        path: &'a [u8],
    },
    /// Every service account of a namespace.
    Namespace(&'a [u8]),
}

/// An action key that is compared as it is. The others are an automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDescription<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The action.
    pub action: u16,
}

/// One instruction of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its offset from the start of the condition.
    pub offset: u32,
    /// The operation.
    pub opcode: Opcode,
    /// Its operands; those that the opcode does not take are 0.
    pub operands: [u16; 2],
}

impl<B: AsRef<[u8]>> Program<B> {
    /// Mesh-wide settings.
    #[must_use]
    pub const fn mesh(&self) -> MeshDescription {
        let mesh = &self.layout().mesh;
        MeshDescription {
            max_depth: mesh.max_depth,
            refuse_cycles: mesh.refuse_cycles,
            require_stamp: mesh.require_stamp,
            shadow: mesh.shadow,
        }
    }

    /// The trust domains of the mesh.
    pub fn trust_domains(&self) -> impl Iterator<Item = &[u8]> {
        let domains = self.layout().mesh.trust_domains;
        (0..domains.count).filter_map(move |place| Some(self.string(domains.u16(self.bytes(), place)?)))
    }

    /// An effect label.
    #[must_use]
    pub fn effect_label(&self, bit: u8) -> Option<&[u8]> {
        Some(self.string(self.layout().effect_labels.u16(self.bytes(), u32::from(bit))?))
    }

    /// Actions, by number.
    pub fn actions(&self) -> impl Iterator<Item = ActionDescription<'_>> {
        let layout = self.layout();
        (0..layout.actions.count).filter_map(move |place| {
            let record = layout.actions.record(self.bytes(), place)?;
            let service = layout.services.record(self.bytes(), u32::from(u16_at(record, 2)?))?;
            Some(ActionDescription {
                service: self.string(u16_at(service, 0)?),
                name: self.string(u16_at(record, 0)?),
                protocol: Protocol::from_number(u8_at(service, 2)?),
                shadow: match u8_at(service, 3)? {
                    1 => Some(false),
                    2 => Some(true),
                    _ => None,
                },
                effects: self.effect_set(u16_at(record, 4)?)?,
                column: u16_at(record, 6)?,
            })
        })
    }

    /// The action keys of a protocol that are compared as they are.
    pub fn exact_keys(&self, protocol: Protocol) -> impl Iterator<Item = KeyDescription<'_>> {
        let selector = self.layout().selectors.get(protocol.place()).copied().flatten();
        let slots = selector.map(|selector| selector.exact.slots).unwrap_or_default();
        (0..slots.count).filter_map(move |place| {
            let slot = slots.record(self.bytes(), place)?;
            let key = self.layout().string(self.bytes(), u16_at(slot, 0)?)?;
            Some(KeyDescription { key, action: u16_at(slot, 2)? })
        })
    }

    /// The automaton that reads the action keys of a protocol that are not compared as they are.
    #[must_use]
    pub fn key_automaton(&self, protocol: Protocol) -> Option<u16> {
        let selector = self.layout().selectors.get(protocol.place()).copied().flatten()?;
        some(selector.automaton)
    }

    /// The automaton that reads the SPIFFE paths that no other identity matches.
    #[must_use]
    pub fn identity_automaton(&self) -> Option<u16> {
        some(self.layout().identity_patterns)
    }

    /// How many states and ranges an automaton has.
    #[must_use]
    pub fn automaton_size(&self, automaton: u16) -> Option<(u32, u32)> {
        let automaton = self.layout().automaton(self.bytes(), automaton)?;
        Some((automaton.states.count, automaton.ranges.count))
    }

    /// Who is whom, patterns aside, in no order that means anything.
    pub fn identities(&self) -> impl Iterator<Item = IdentityDescription<'_>> {
        let exact = self.layout().exact_identities.slots;
        let namespaces = self.layout().namespaces.slots;
        let exact =
            (0..exact.count).filter_map(move |place| self.exact_identity(exact.record(self.bytes(), place)?));
        let namespaces = (0..namespaces.count).filter_map(move |place| {
            let slot = namespaces.record(self.bytes(), place)?;
            let namespace = self.layout().string(self.bytes(), u16_at(slot, 2)?)?;
            Some(IdentityDescription { kind: IdentityKind::Namespace(namespace), agent: u16_at(slot, 0)? })
        });
        exact.chain(namespaces)
    }

    fn exact_identity(&self, slot: &[u8]) -> Option<IdentityDescription<'_>> {
        let string = |id| self.layout().string(self.bytes(), id);
        let domain = |place| Some(self.string(self.layout().mesh.trust_domains.u16(self.bytes(), place)?));
        let trust_domain = some(u16_at(slot, 2)?).and_then(|place| domain(u32::from(place)));
        let last = string(u16_at(slot, 6)?)?;
        let kind = match some(u16_at(slot, 4)?) {
            Some(namespace) => {
                IdentityKind::ServiceAccount { trust_domain, namespace: string(namespace)?, name: last }
            }
            None => IdentityKind::Path { trust_domain, path: last },
        };
        Some(IdentityDescription { kind, agent: u16_at(slot, 0)? })
    }

    /// An agent.
    #[must_use]
    pub fn agent_description(&self, agent: u16) -> Option<AgentDescription<'_>> {
        let Member { profile, holder, .. } = self.member(agent)?;
        Some(AgentDescription {
            name: self.agent_name(agent)?,
            originates: profile.originates(),
            stamping: profile.stamping(),
            revoked: profile.revoked(),
            mission_required: profile.mission_required(),
            shadow: profile.shadow(),
            ceiling: some(holder.ceiling).and_then(|set| self.effect_set(set)),
            delegates: some(profile.delegates),
            missions: some(profile.missions),
            followers: (profile.followers != u8::MAX).then_some(profile.followers),
        })
    }

    /// How many missions there are.
    #[must_use]
    pub const fn missions(&self) -> u32 {
        self.layout().missions.count
    }

    /// A mission.
    #[must_use]
    pub fn mission_description(&self, mission: u16) -> Option<MissionDescription<'_>> {
        let Mission { holder, end, .. } = self.mission(mission)?;
        Some(MissionDescription {
            name: self.mission_name(mission)?,
            ceiling: some(holder.ceiling).and_then(|set| self.effect_set(set)),
            end,
        })
    }

    /// The rules of an agent, grants first, by column and number.
    pub fn agent_rules(&self, agent: u16) -> impl Iterator<Item = RuleDescription> {
        self.rules(self.member(agent).map(|member| member.holder))
    }

    /// The rules of a mission, grants first, by column and number.
    pub fn mission_rules(&self, mission: u16) -> impl Iterator<Item = RuleDescription> {
        self.rules(self.mission(mission).map(|mission| mission.holder))
    }

    fn rules(&self, holder: Option<Holder>) -> impl Iterator<Item = RuleDescription> {
        let row = holder.and_then(|holder| Row::at(self.bytes(), self.layout(), holder.row));
        let first = holder.map_or(0, |holder| holder.first_rule);
        let row = row.unwrap_or_default();
        self.side(row.grants, true, first, 0).chain(self.side(
            row.denies,
            false,
            first,
            row.grants.columns.count,
        ))
    }

    /// The rules of one side of a row, before whose entries there are so many others; `first` is the owner's first rule.
    fn side(
        &self,
        side: Side,
        grants: bool,
        first: u32,
        before: u32,
    ) -> impl Iterator<Item = RuleDescription> {
        (0..side.columns.count).flat_map(move |place| {
            let arm = side.arms.and_then(|arms| some(arms.id(self.bytes(), place)?));
            let alternatives = arm.and_then(|arm| self.layout().arms.table(self.bytes(), u32::from(arm)));
            (0..alternatives.map_or(1, |table| table.count)).filter_map(move |nth| {
                let column = side.columns.id(self.bytes(), place)?;
                let own = first.wrapping_add(before).wrapping_add(place);
                let plain = RuleDescription {
                    number: own,
                    grants,
                    column,
                    condition: None,
                    direct: true,
                    through: Through::Anyone,
                };
                let Some(alternatives) = alternatives else { return Some(plain) };
                let record = alternatives.record(self.bytes(), nth)?;
                let number = self.layout().form.rule(first, own, u32_at(record, 0)?);
                let condition = some(u16_at(record, 4)?);
                match some(u16_at(record, 6)?) {
                    None => Some(RuleDescription { number, condition, ..plain }),
                    Some(reach) => {
                        let (direct, through) = self.reach(reach)?;
                        Some(RuleDescription { number, condition, direct, through, ..plain })
                    }
                }
            })
        })
    }

    fn reach(&self, reach: u16) -> Option<(bool, Through)> {
        let record = self.layout().reaches.record(self.bytes(), u32::from(reach))?;
        let (flags, set) = (u16_at(record, 0)?, some(u16_at(record, 2)?));
        let through = match set {
            _ if flags & 2 != 0 => Through::Anyone,
            Some(set) => Through::Agents(set),
            None => Through::Nobody,
        };
        Some((flags & 1 != 0, through))
    }

    /// The members of a set of agents or of missions.
    pub fn set_members(&self, set: u16) -> impl Iterator<Item = u16> {
        let members = self.layout().sets.table(self.bytes(), u32::from(set)).unwrap_or_default();
        (0..members.count).filter_map(move |place| members.u16(self.bytes(), place))
    }

    /// A literal.
    #[must_use]
    pub fn literal(&self, literal: u16) -> Option<Value<'_>> {
        literal::value(self.bytes(), self.layout(), literal)
    }

    /// The members of a set of literals.
    pub fn literal_set(&self, set: u16) -> impl Iterator<Item = Value<'_>> {
        let members = self.layout().literal_sets.table(self.bytes(), u32::from(set)).unwrap_or_default();
        (0..members.count).filter_map(move |place| self.literal(members.u16(self.bytes(), place)?))
    }

    /// The ranges of a set of networks: the address as IPv6, and how many of its leading bits count.
    pub fn networks(&self, set: u16) -> impl Iterator<Item = ([u8; 16], u8)> {
        let ranges = self.layout().networks.table(self.bytes(), u32::from(set)).unwrap_or_default();
        (0..ranges.count).filter_map(move |place| {
            let record = ranges.record(self.bytes(), place)?;
            Some((array_at(record, 0)?, u8_at(record, 16)?))
        })
    }

    /// How many conditions there are. Their numbers are 0 up to this.
    #[must_use]
    pub fn conditions(&self) -> u16 {
        u16::try_from(self.layout().conditions.count).unwrap_or(u16::MAX)
    }

    /// The most steps that a condition can take.
    #[must_use]
    pub fn condition_steps(&self, condition: u16) -> Option<u32> {
        u32_at(self.layout().conditions.record(self.bytes(), u32::from(condition))?, 8)
    }

    /// The instructions of a condition, in order, those in bodies of quantifiers included.
    pub fn instructions(&self, condition: u16) -> impl Iterator<Item = Instruction> {
        let record = self.layout().conditions.record(self.bytes(), u32::from(condition));
        let extent = record.and_then(|record| Some((u32_at(record, 0)?, u32_at(record, 4)?)));
        let (start, length) = extent.unwrap_or_default();
        let start = self.layout().instructions.start.saturating_add(index(start));
        let mut offset = 0_u32;
        core::iter::from_fn(move || {
            if offset >= length {
                return None;
            }
            let at = start.saturating_add(index(offset));
            let opcode = Opcode::from_byte(u8_at(self.bytes(), at)?)?;
            let operand = |place: usize| match opcode.operands().get(place) {
                Some(_) => u16_at(self.bytes(), at.saturating_add(1).saturating_add(place.saturating_mul(2))),
                None => Some(0),
            };
            let instruction = Instruction { offset, opcode, operands: [operand(0)?, operand(1)?] };
            offset = offset.saturating_add(u32::try_from(opcode.instruction_bytes()).unwrap_or(u32::MAX));
            Some(instruction)
        })
    }
}

/// An id, unless it is the one that means none.
fn some(id: u16) -> Option<u16> {
    (id != NONE).then_some(id)
}
