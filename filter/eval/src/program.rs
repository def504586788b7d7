//! A verified blob. Holding one means that every id in it names something and every condition is bounded; the bytes
//! cannot change under it, because it owns them or borrows them for good.

use ambit_bytecode::blob::{Blob, Header};
use ambit_bytecode::cursor::{index, u8_at, u16_at, u32_at, u64_at};
use ambit_bytecode::hash::{hash, hash_prefixed};
use ambit_bytecode::opcode::{Opcode, Operand};
use ambit_bytecode::steps::search;
use ambit_bytecode::{NONE, Source};

use crate::chain::{Member, Mission};
use crate::facts::{Principal, Protocol};
use crate::layout::Layout;
use crate::meter::Meter;
use crate::table;
use crate::verify::{VerifyError, verify};

/// A verified blob over bytes `B`, such as `Vec<u8>` or `&[u8]`.
///
/// `B` must offer the same bytes whenever it is asked, as every ordinary container does. If it does not, judgements
/// are wrong, but still total: a read that fails is [`Code::InternalFault`](ambit_bytecode::Code::InternalFault), which denies.
#[derive(Clone, Copy, Debug)]
pub struct Program<B> {
    bytes: B,
    layout: Layout,
    header: Header,
}

/// A field that conditions read, as the blob describes it.
#[derive(Clone, Copy, Debug)]
pub struct FieldDescription<'a> {
    /// Where it comes from.
    pub source: Source,
    /// The list field in whose elements it lies.
    pub list: Option<u16>,
    /// The header's or parameter's name.
    pub name: &'a [u8],
    /// The segment's number.
    pub number: u16,
    /// How many keys lead to it; see [`Program::field_key`].
    pub keys: u8,
}

/// What arguments an action lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The action.
    pub action: u16,
    /// The set of body fields that are objects of which every member must be listed.
    pub objects: u16,
    /// The set of body fields that are listed, with all that is in them.
    pub arguments: u16,
}

/// What agents have in common.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Profile {
    flags: u16,
    pub(crate) delegates: u16,
    pub(crate) missions: u16,
    pub(crate) followers: u8,
}

/// One who must agree: an agent or a mission.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holder {
    pub(crate) row: u32,
    pub(crate) first_rule: u32,
    pub(crate) ceiling: u16,
}

impl Profile {
    pub(crate) const fn originates(self) -> bool {
        self.flags & 1 != 0
    }

    pub(crate) const fn stamping(self) -> bool {
        self.flags & 2 != 0
    }

    pub(crate) const fn revoked(self) -> bool {
        self.flags & 4 != 0
    }

    pub(crate) const fn mission_required(self) -> bool {
        self.flags & 8 != 0
    }

    /// Whether it says shadow, or enforce, or nothing.
    pub(crate) const fn shadow(self) -> Option<bool> {
        match self.flags & 48 {
            16 => Some(true),
            32 => Some(false),
            _ => None,
        }
    }
}

impl<B: AsRef<[u8]>> Program<B> {
    /// Verifies a blob.
    ///
    /// # Errors
    /// [`VerifyError`] with the rule of `FORMAT.md` that is broken, and where.
    pub fn verify(bytes: B) -> Result<Self, VerifyError> {
        let blob = Blob::parse(bytes.as_ref())?;
        let layout = verify(&blob)?;
        let header = *blob.header();
        Ok(Self { bytes, layout, header })
    }

    /// What the header says of the policy.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// No judgement takes more steps.
    #[must_use]
    pub const fn step_bound(&self) -> u32 {
        self.layout.step_bound
    }

    /// The blob.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A string, or nothing for an id that is none.
    pub(crate) fn string(&self, id: u16) -> &[u8] {
        self.layout.string(self.bytes(), id).unwrap_or_default()
    }

    /// The namespace and the service account of the workload that the blob is for.
    #[must_use]
    pub fn workload(&self) -> (&[u8], &[u8]) {
        (self.string(self.layout.mesh.namespace), self.string(self.layout.mesh.service_account))
    }

    /// The most members that a lineage may have, the caller included.
    #[must_use]
    pub const fn max_depth(&self) -> u8 {
        self.layout.mesh.max_depth
    }

    /// How many agents there are.
    #[must_use]
    pub const fn agents(&self) -> u32 {
        self.layout.agents.count
    }

    /// An agent's name.
    #[must_use]
    pub fn agent_name(&self, agent: u16) -> Option<&[u8]> {
        let record = self.layout.agents.record(self.bytes(), u32::from(agent))?;
        Some(self.string(u16_at(record, 0)?))
    }

    /// Whether an agent's sidecar stamps lineages, so that what it states is believed.
    #[must_use]
    pub fn stamps(&self, agent: u16) -> bool {
        self.member(agent).is_some_and(|member| member.profile.stamping())
    }

    /// A mission's name.
    #[must_use]
    pub fn mission_name(&self, mission: u16) -> Option<&[u8]> {
        let record = self.layout.missions.record(self.bytes(), u32::from(mission))?;
        Some(self.string(u16_at(record, 0)?))
    }

    /// The names of an action's service and of the action.
    #[must_use]
    pub fn action_name(&self, action: u16) -> Option<(&[u8], &[u8])> {
        let record = self.layout.actions.record(self.bytes(), u32::from(action))?;
        let service = self.layout.services.record(self.bytes(), u32::from(u16_at(record, 2)?))?;
        Some((self.string(u16_at(service, 0)?), self.string(u16_at(record, 0)?)))
    }

    /// Whether the workload speaks a protocol.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.layout.selectors.get(protocol.place()).is_some_and(Option::is_some)
    }

    /// The largest body that the workload takes in requests of a protocol, in bytes, if it says.
    #[must_use]
    pub fn body_limit(&self, protocol: Protocol) -> Option<u32> {
        self.layout.body_limits.get(protocol.place()).copied().filter(|most| *most > 0)
    }

    /// How many fields conditions read. Their ids are 0 up to this.
    #[must_use]
    pub fn fields(&self) -> u16 {
        u16::try_from(self.layout.fields.count).unwrap_or(u16::MAX)
    }

    /// A field, as the blob describes it.
    #[must_use]
    pub fn field(&self, field: u16) -> Option<FieldDescription<'_>> {
        let record = self.layout.fields.record(self.bytes(), u32::from(field))?;
        let source = Source::from_number(u8_at(record, 0)?)?;
        let list = u16_at(record, 2).filter(|list| *list != NONE);
        let argument = u16_at(record, 4)?;
        let name = match source {
            Source::Header | Source::Query => self.string(argument),
            _ => &[],
        };
        Some(FieldDescription { source, list, name, number: argument, keys: u8_at(record, 1)? })
    }

    /// A key on the way to a body field, from the root, or from the element for a field that lies in a list.
    #[must_use]
    pub fn field_key(&self, field: u16, place: u8) -> Option<&[u8]> {
        let record = self.layout.fields.record(self.bytes(), u32::from(field))?;
        if place >= u8_at(record, 1)? {
            return None;
        }
        let key = u32::from(u16_at(record, 6)?).checked_add(u32::from(place))?;
        self.layout.string(self.bytes(), self.layout.keys.u16(self.bytes(), key)?)
    }

    /// How many actions list their arguments. Their listings are numbered from 0 up to this.
    #[must_use]
    pub fn listings(&self) -> u16 {
        u16::try_from(self.layout.listings.count).unwrap_or(u16::MAX)
    }

    /// What arguments an action lists.
    #[must_use]
    pub fn listing(&self, listing: u16) -> Option<Listing> {
        let record = self.layout.listings.record(self.bytes(), u32::from(listing))?;
        Some(Listing {
            action: u16_at(record, 0)?,
            objects: u16_at(record, 2)?,
            arguments: u16_at(record, 4)?,
        })
    }

    /// The listing of an action, if it has one.
    pub(crate) fn listing_of(&self, action: u16) -> Option<u16> {
        let listings = self.layout.listings;
        let first = |place| listings.record(self.bytes(), place).and_then(|record| u16_at(record, 0));
        u16::try_from(table::search(listings.count, action, first)?).ok()
    }

    /// The protocol of an action's service.
    #[must_use]
    pub fn protocol(&self, action: u16) -> Option<Protocol> {
        let record = self.layout.actions.record(self.bytes(), u32::from(action))?;
        let service = self.layout.services.record(self.bytes(), u32::from(u16_at(record, 2)?))?;
        Protocol::from_number(u8_at(service, 2)?)
    }

    /// Names every field that some condition reads, possibly more than once, and says whether as a list.
    pub fn for_each_read(&self, mut name: impl FnMut(u16, bool)) {
        let code = self.layout.instructions;
        // Conditions lie one after the other in any order, and verification has read each of them from its start.
        for condition in 0..self.layout.conditions.count {
            let Some(record) = self.layout.conditions.record(self.bytes(), condition) else { return };
            let (Some(start), Some(length)) = (u32_at(record, 0), u32_at(record, 4)) else { return };
            let mut at = start;
            while at < start.saturating_add(length) {
                let place = code.start.saturating_add(index(at));
                let Some(opcode) = u8_at(self.bytes(), place).and_then(Opcode::from_byte) else { return };
                for (operand, nth) in opcode.operands().iter().zip(0_usize..) {
                    let operand_at = place.saturating_add(1).saturating_add(nth.saturating_mul(2));
                    if let Operand::Field | Operand::ElementField | Operand::List = operand
                        && let Some(field) = u16_at(self.bytes(), operand_at)
                    {
                        name(field, *operand == Operand::List);
                    }
                }
                at = at.saturating_add(u32::try_from(opcode.instruction_bytes()).unwrap_or(u32::MAX));
            }
        }
    }

    /// The place of a trust domain among the mesh's.
    pub(crate) fn trust_domain(&self, name: &[u8]) -> Option<u16> {
        let bytes = self.bytes();
        let domains = self.layout.mesh.trust_domains;
        let found = (0..domains.count).find(|place| {
            domains.u16(bytes, *place).and_then(|id| self.layout.string(bytes, id)) == Some(name)
        })?;
        u16::try_from(found).ok()
    }

    /// The agent that a principal of the mesh is: exact in any trust domain, exact in its own, by namespace, by pattern.
    pub(crate) fn agent_of(&self, trust_domain: u16, path: &[u8]) -> Option<u16> {
        self.exact(NONE, path)
            .or_else(|| self.exact(trust_domain, path))
            .or_else(|| self.by_namespace(path))
            .or_else(|| {
                self.layout.automaton(self.bytes(), self.layout.identity_patterns)?.run(self.bytes(), path)
            })
    }

    fn exact(&self, trust_domain: u16, path: &[u8]) -> Option<u16> {
        let index = self.layout.exact_identities;
        let slot =
            index.candidate(self.bytes(), hash_prefixed(index.seed, trust_domain.to_le_bytes(), path))?;
        if u16_at(slot, 2)? != trust_domain {
            return None;
        }
        let (namespace, name) = (u16_at(slot, 4)?, self.layout.string(self.bytes(), u16_at(slot, 6)?)?);
        let named = if namespace == NONE {
            path
        } else {
            let namespace = self.layout.string(self.bytes(), namespace)?;
            path.strip_prefix(b"/ns/")?.strip_prefix(namespace)?.strip_prefix(b"/sa/")?
        };
        (named == name).then_some(u16_at(slot, 0)?)
    }

    fn by_namespace(&self, path: &[u8]) -> Option<u16> {
        let index = self.layout.namespaces;
        if index.slots.count == 0 {
            return None;
        }
        let (namespace, _) = kubernetes(path)?;
        let slot = index.candidate(self.bytes(), hash(index.seed, namespace))?;
        (self.layout.string(self.bytes(), u16_at(slot, 2)?)? == namespace).then_some(u16_at(slot, 0)?)
    }

    /// The agent that a principal is, if it is of the mesh and one.
    #[must_use]
    pub fn agent(&self, principal: &Principal<'_>) -> Option<u16> {
        self.agent_of(self.trust_domain(principal.trust_domain)?, principal.path)
    }

    /// What is read of an agent in a lineage.
    pub(crate) fn member(&self, agent: u16) -> Option<Member> {
        let record = self.layout.agents.record(self.bytes(), u32::from(agent))?;
        let profile = self.layout.profiles.record(self.bytes(), u32::from(u16_at(record, 2)?))?;
        let ceiling = u16_at(profile, 2)?;
        let profile = Profile {
            flags: u16_at(profile, 0)?,
            delegates: u16_at(profile, 4)?,
            missions: u16_at(profile, 6)?,
            followers: u8_at(profile, 8)?,
        };
        let holder = Holder { row: u32_at(record, 4)?, first_rule: u32_at(record, 8)?, ceiling };
        Some(Member { agent, profile, holder })
    }

    /// What is read of a mission of a lineage.
    pub(crate) fn mission(&self, mission: u16) -> Option<Mission> {
        let record = self.layout.missions.record(self.bytes(), u32::from(mission))?;
        let holder =
            Holder { row: u32_at(record, 4)?, first_rule: u32_at(record, 8)?, ceiling: u16_at(record, 2)? };
        Some(Mission { mission, holder, end: u64_at(record, 12)? })
    }

    /// The mission of a name.
    pub(crate) fn mission_of(&self, name: &[u8]) -> Option<u16> {
        let index = self.layout.mission_names;
        let mission = u16_at(index.candidate(self.bytes(), hash(index.seed, name))?, 0)?;
        (self.mission_name(mission)? == name).then_some(mission)
    }

    /// The action of a key: `None` is none, and denies.
    #[must_use]
    pub fn action(&self, protocol: Protocol, key: &[u8]) -> Option<u16> {
        let selector = self.layout.selectors.get(protocol.place()).copied().flatten()?;
        let bytes = self.bytes();
        let exact = selector.exact.candidate(bytes, hash(selector.exact.seed, key)).and_then(|slot| {
            let named = self.layout.string(bytes, u16_at(slot, 0)?)?;
            (named == key).then(|| u16_at(slot, 2)).flatten()
        });
        exact.or_else(|| self.layout.automaton(bytes, selector.automaton)?.run(bytes, key))
    }

    /// How many marks [`actions_below`](Self::actions_below) needs.
    #[must_use]
    pub fn marks(&self, protocol: Protocol) -> usize {
        let selector = self.layout.selectors.get(protocol.place()).copied().flatten();
        let automaton = selector.and_then(|selector| self.layout.automaton(self.bytes(), selector.automaton));
        automaton.map_or(0, |automaton| index(automaton.states.count))
    }

    /// Hands to `found` the actions of the keys that start with `prefix`, some more than once. Keys that are looked up
    /// as they are hide patterns, so that an action may be among them that is no key's.
    ///
    /// Takes a step for each key and for each range of the automaton. Gives back whether that was all, which it is if
    /// there are enough `marks`.
    pub fn actions_below(
        &self,
        protocol: Protocol,
        prefix: &[u8],
        marks: &mut [u16],
        mut found: impl FnMut(u16),
    ) -> bool {
        let Some(selector) = self.layout.selectors.get(protocol.place()).copied().flatten() else {
            return true;
        };
        let bytes = self.bytes();
        self.exact_keys(protocol).filter(|key| key.key.starts_with(prefix)).for_each(|key| found(key.action));
        match self.layout.automaton(bytes, selector.automaton) {
            Some(automaton) => automaton.below(bytes, prefix, marks, &mut found).is_some(),
            None => true,
        }
    }

    pub(crate) fn action_record(&self, action: u16) -> Option<ActionRecord> {
        let record = self.layout.actions.record(self.bytes(), u32::from(action))?;
        let service = self.layout.services.record(self.bytes(), u32::from(u16_at(record, 2)?))?;
        Some(ActionRecord {
            effects: self.effect_set(u16_at(record, 4)?)?,
            column: u16_at(record, 6)?,
            is_egress: u8_at(service, 2).and_then(Protocol::from_number) == Some(Protocol::Egress),
            mode: u8_at(service, 3)?,
        })
    }

    pub(crate) fn effect_set(&self, set: u16) -> Option<u64> {
        u64_at(self.layout.effect_sets.record(self.bytes(), u32::from(set))?, 0)
    }

    /// Whether a set has a member. A set that is none has no member.
    pub(crate) fn set_has(&self, set: u16, member: u16, meter: &Meter) -> bool {
        let members = self.layout.sets.table(self.bytes(), u32::from(set)).unwrap_or_default();
        meter.charge(search(members.count));
        table::find(self.bytes(), members, member).is_some()
    }
}

/// What a judgement needs of an action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionRecord {
    pub(crate) effects: u64,
    pub(crate) column: u16,
    /// It is something outside.
    pub(crate) is_egress: bool,
    /// The service's mode: 0 the mesh's, 1 enforce, 2 shadow.
    pub(crate) mode: u8,
}

/// Namespace and service account of a path `/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
pub(crate) fn kubernetes(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = path.strip_prefix(b"/ns/")?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    let (namespace, rest) = rest.split_at_checked(slash)?;
    let account = rest.strip_prefix(b"/sa/")?;
    (!namespace.is_empty() && !account.is_empty() && !account.contains(&b'/')).then_some((namespace, account))
}
