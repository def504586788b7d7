//! The order of judgement: the first failure names the code. What each step asks, and why the order is this one, is in
//! the design; the compiler's reference evaluator states the same once more, in its own words, and tests compare the two.

mod account;

use ambit_bytecode::Code;
use ambit_bytecode::cursor::{u16_at, u32_at};
use ambit_bytecode::limits::{MAX_MEMBERS, MAX_MISSIONS};
use ambit_bytecode::steps;
use ambit_bytecode::{NONE, NONE_OFFSET};

use crate::chain::{Chain, Mission};
use crate::condition::Scene;
use crate::facts::{Caller, Facts, Key, Lineage, Request, Statement};
use crate::layout::Modes;
use crate::meter::Meter;
use crate::program::{ActionRecord, Holder, Program};
use crate::row::{Row, Side};
use crate::table;
use crate::table::Table;
use crate::value::{Arguments, Truth};
use crate::verdict::{Hop, Verdict};

pub use account::Consideration;

/// A request was refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    code: Code,
    hop: Option<Hop>,
    rule: Option<u32>,
    pending: bool,
}

impl Refusal {
    /// Whatever an agent lacks for a call to the outside, it is told as one thing.
    const fn of(mut self, action: ActionRecord) -> Self {
        let lacks = matches!(self.code, Code::NotGranted | Code::NotGrantedThisWay | Code::ConditionNotMet);
        if action.is_egress && lacks {
            self.code = Code::EgressNotAllowed;
        }
        self
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, hop: None, rule: None, pending: false }
    }
}

/// A read failed that verification rules out.
const FAULT: Refusal = Refusal { code: Code::InternalFault, hop: None, rule: None, pending: false };

const fn refuse(code: Code, hop: Hop) -> Refusal {
    Refusal { code, hop: Some(hop), rule: None, pending: false }
}

impl<B: AsRef<[u8]>> Program<B> {
    /// Judges a request. Total: every request gets a verdict, within the program's step bound.
    pub fn decide<F: Facts>(&self, request: &Request<'_, F>) -> Verdict {
        self.decide_as(request, false)
    }

    /// Judges a request as if whatever has not been read turned out as its lineage would have it.
    ///
    /// If this denies, then [`decide`](Self::decide) does whatever is read yet. If it allows, that need not be so:
    /// every condition is looked at by itself, and no value may satisfy all of them.
    pub fn best_case<F: Facts>(&self, request: &Request<'_, F>) -> Verdict {
        self.decide_as(request, true)
    }

    fn decide_as<F: Facts>(&self, request: &Request<'_, F>, is_best_case: bool) -> Verdict {
        let mut verdict = Verdict {
            code: Code::InternalFault,
            hop: None,
            caller: None,
            action: None,
            rule: None,
            shadow: false,
            pending: false,
            steps: 0,
        };
        let meter = Meter::default();
        meter.charge(steps::BASE);
        match self.judge(request, is_best_case, &mut verdict, &meter) {
            Ok(rule) => {
                verdict.code = Code::Allowed;
                verdict.rule = Some(rule);
            }
            Err(refusal) => {
                verdict.code = refusal.code;
                verdict.hop = refusal.hop;
                verdict.rule = refusal.rule;
                verdict.pending = refusal.pending;
            }
        }
        verdict.steps = meter.total();
        verdict.shadow = self.is_shadow(&verdict);
        verdict
    }

    /// Why the policy denies everything at a time, in Unix seconds, if it does.
    #[must_use]
    pub const fn invalid_at(&self, now: u64) -> Option<Code> {
        let header = self.header();
        if now < header.not_before {
            Some(Code::PolicyNotYetValid)
        } else if header.not_after != 0 && now >= header.not_after {
            Some(Code::PolicyExpired)
        } else {
            None
        }
    }

    /// The caller's grant, if everyone agrees.
    fn judge<F: Facts>(
        &self,
        request: &Request<'_, F>,
        is_best_case: bool,
        verdict: &mut Verdict,
        meter: &Meter,
    ) -> Result<u32, Refusal> {
        // The action names the service, and the service may have a mode of its own, whoever is refused before.
        let action = match request.key {
            Key::Known(key) => self.action(request.protocol, key),
            Key::Action(action) => Some(action),
            Key::Refused(_) | Key::Unread => None,
        };
        verdict.action = action;
        if let Some(code) = self.invalid_at(request.now) {
            return Err(code.into());
        }
        meter.charge(steps::PRINCIPAL);
        let caller = self.caller(request.caller)?;
        verdict.caller = Some(caller);
        let mut chain = Chain::new(self.member(caller).ok_or(FAULT)?);
        self.resolve(request, &mut chain, meter)?;
        self.check_shape(&chain, meter)?;
        let action = match request.key {
            Key::Refused(code) => return Err(code.into()),
            Key::Unread => return Err(Refusal { pending: true, ..Code::ActionUnknown.into() }),
            Key::Known(_) | Key::Action(_) => action.ok_or(Code::ActionUnknown)?,
        };
        let record = self.action_record(action).ok_or(FAULT)?;
        let mut scene =
            Scene { program: self, request, chain: &chain, meter, met_unread: false, is_best_case };
        let rule = self.judge_action(&mut scene, &chain, record).map_err(|refusal| refusal.of(record))?;
        self.check_arguments(request, action, is_best_case)?;
        Ok(rule)
    }

    /// Last, so that a request that no argument could save is refused without them.
    fn check_arguments<F: Facts>(
        &self,
        request: &Request<'_, F>,
        action: u16,
        is_best_case: bool,
    ) -> Result<(), Refusal> {
        let Some(listing) = self.listing_of(action) else { return Ok(()) };
        match request.facts.arguments(listing) {
            Arguments::Listed => Ok(()),
            Arguments::Unlisted => Err(Code::ArgumentUnlisted.into()),
            Arguments::Unread if is_best_case => Ok(()),
            Arguments::Unread => Err(Refusal { pending: true, ..Code::ArgumentUnlisted.into() }),
        }
    }

    fn caller(&self, caller: Caller<'_>) -> Result<u16, Code> {
        match caller {
            Caller::Unauthenticated => Err(Code::CallerUnauthenticated),
            Caller::Malformed => Err(Code::CallerMalformed),
            Caller::Proven(principal) => {
                let domain = self.trust_domain(principal.trust_domain).ok_or(Code::CallerForeign)?;
                self.agent_of(domain, principal.path).ok_or(Code::CallerUnmapped)
            }
        }
    }

    /// Resolves everyone, and refuses the revoked, the malformed and the unknown, in this order.
    fn resolve<F>(&self, request: &Request<'_, F>, chain: &mut Chain, meter: &Meter) -> Result<(), Refusal> {
        let nothing = Lineage { members: &[], missions: &[], merged: false };
        let lineage = match request.statement {
            Statement::Lineage(lineage) => lineage,
            Statement::Absent | Statement::Refused(_) => nothing,
        };
        if lineage.members.len() > MAX_MEMBERS || lineage.missions.len() > MAX_MISSIONS {
            return Err(Code::LineageTooManyMembers.into());
        }
        let mut unmapped = None;
        for (place, principal) in lineage.members.iter().enumerate() {
            meter.charge(steps::PRINCIPAL);
            match self.agent(principal) {
                Some(agent) => {
                    let agent = self.member(agent).ok_or(FAULT)?;
                    if agent.profile.revoked() {
                        return Err(refuse(Code::MemberRevoked, member(place)));
                    }
                    chain.push_member(agent).ok_or(FAULT)?;
                }
                None => unmapped = unmapped.or(Some(place)),
            }
        }
        let profile = chain.caller.profile;
        if profile.revoked() {
            return Err(refuse(Code::MemberRevoked, member(lineage.members.len())));
        }
        match request.statement {
            Statement::Refused(code) => return Err(code.into()),
            Statement::Absent if profile.stamping() && self.layout().mesh.require_stamp => {
                return Err(Code::LineageMissing.into());
            }
            Statement::Absent | Statement::Lineage(_) => {}
        }
        if let Some(place) = unmapped {
            return Err(refuse(Code::LineageMemberUnmapped, member(place)));
        }
        chain.stamped = profile.stamping() && matches!(request.statement, Statement::Lineage(_));
        chain.ordered = chain.members().is_empty() || (chain.stamped && !lineage.merged);
        check_origin(chain)?;
        self.resolve_missions(chain, lineage.missions, request.now, meter)
    }

    fn resolve_missions(
        &self,
        chain: &mut Chain,
        names: &[&[u8]],
        now: u64,
        meter: &Meter,
    ) -> Result<(), Refusal> {
        for (place, name) in names.iter().enumerate() {
            meter.charge(steps::MISSION);
            let mission = self.mission_of(name).ok_or(refuse(Code::MissionUnknown, mission(place)))?;
            chain.push_mission(self.mission(mission).ok_or(FAULT)?).ok_or(FAULT)?;
        }
        for (place, ridden) in chain.missions().iter().enumerate() {
            if ridden.end != 0 && now >= ridden.end {
                return Err(refuse(Code::MissionExpired, mission(place)));
            }
        }
        if chain.missions().is_empty() {
            return match chain.everyone().find(|(_, agent)| agent.profile.mission_required()) {
                Some((place, _)) => Err(refuse(Code::MissionRequired, member(place))),
                None => Ok(()),
            };
        }
        for (place, agent) in chain.everyone() {
            let allowed = agent.profile.missions;
            let permitted = |ridden: &Mission| self.set_has(allowed, ridden.mission, meter);
            if allowed != NONE && !chain.missions().iter().all(permitted) {
                return Err(refuse(Code::MissionNotPermitted, member(place)));
            }
        }
        Ok(())
    }

    /// Depth, then cycles, then who may hand work to whom.
    fn check_shape(&self, chain: &Chain, meter: &Meter) -> Result<(), Refusal> {
        let mesh = &self.layout().mesh;
        if chain.members().len() >= usize::from(mesh.max_depth) {
            return Err(Code::DepthExceeded.into());
        }
        for (place, agent) in chain.everyone() {
            meter.charge(1);
            let most = agent.profile.followers;
            if most != u8::MAX && chain.followers(place) > usize::from(most) {
                return Err(refuse(Code::DepthExceeded, member(place)));
            }
        }
        if mesh.refuse_cycles {
            for (place, agent) in chain.everyone() {
                meter.charge_each(1, place);
                if chain.members().iter().take(place).any(|earlier| earlier.agent == agent.agent) {
                    return Err(refuse(Code::Cycle, member(place)));
                }
            }
        }
        for (place, agent) in chain.members().iter().enumerate() {
            let next =
                place.checked_add(1).and_then(|next| chain.members().get(next)).filter(|_| chain.ordered);
            let next = next.unwrap_or(&chain.caller);
            let to = agent.profile.delegates;
            if to != NONE && !self.set_has(to, next.agent, meter) {
                return Err(refuse(Code::DelegationNotPermitted, member(place)));
            }
        }
        Ok(())
    }

    /// Denies of everyone, then grants of everyone, then ceilings; missions after agents.
    fn judge_action<F: Facts>(
        &self,
        scene: &mut Scene<'_, B, F>,
        chain: &Chain,
        action: ActionRecord,
    ) -> Result<u32, Refusal> {
        for (hop, holder) in holders(chain) {
            let denies = self.entry(holder, action.column, |row| row.denies, scene.meter)?;
            if let Some(entry) = denies
                && let Some((rule, pending)) = self.first_deny(scene, &entry)?
            {
                return Err(Refusal {
                    code: Code::ExplicitlyDenied,
                    hop: Some(hop),
                    rule: Some(rule),
                    pending,
                });
            }
        }
        let mut callers_grant = None;
        for (hop, holder) in holders(chain) {
            let entry = self.entry(holder, action.column, |row| row.grants, scene.meter)?;
            let entry = entry.ok_or(refuse(Code::NotGranted, hop))?;
            let rule = self.first_grant(scene, &entry, hop)?;
            if matches!(hop, Hop::Member(place) if usize::from(place) == chain.members().len()) {
                callers_grant = Some(rule);
            }
        }
        for (hop, holder) in holders(chain) {
            scene.meter.charge(steps::CEILING);
            let ceiling = holder.ceiling;
            if ceiling != NONE && action.effects & !self.effect_set(ceiling).ok_or(FAULT)? != 0 {
                return Err(refuse(Code::EffectCeiling, hop));
            }
        }
        callers_grant.ok_or(FAULT)
    }

    /// What a holder holds of a column.
    fn entry(
        &self,
        holder: &Holder,
        column: u16,
        side: fn(&Row) -> Side,
        meter: &Meter,
    ) -> Result<Option<Entry>, Refusal> {
        if holder.row == NONE_OFFSET {
            return Ok(None);
        }
        let bytes = self.bytes();
        let row = Row::at(bytes, self.layout(), holder.row).ok_or(FAULT)?;
        let of = side(&row);
        meter.charge(steps::ENTRY.saturating_add(steps::search(of.columns.count)));
        let Some(place) = table::search(of.columns.count, column, |place| of.columns.id(bytes, place)) else {
            return Ok(None);
        };
        // Denies are numbered after the grants.
        let before = if of.columns.start == row.grants.columns.start { 0 } else { row.grants.columns.count };
        let own = holder.first_rule.wrapping_add(before).wrapping_add(place);
        let arm = of.arms.map(|arms| arms.id(bytes, place).ok_or(FAULT)).transpose()?.unwrap_or(NONE);
        if arm == NONE {
            return Ok(Some(Entry { own, first_rule: holder.first_rule, alternatives: None }));
        }
        let alternatives = self.layout().arms.table(bytes, u32::from(arm)).ok_or(FAULT)?;
        Ok(Some(Entry { own, first_rule: holder.first_rule, alternatives: Some(alternatives) }))
    }

    /// The first rule of an entry that denies, and whether only unread bytes make it.
    fn first_deny<F: Facts>(
        &self,
        scene: &mut Scene<'_, B, F>,
        entry: &Entry,
    ) -> Result<Option<(u32, bool)>, Refusal> {
        let Some(alternatives) = entry.alternatives else { return Ok(Some((entry.own, false))) };
        for place in 0..alternatives.count {
            let alternative = self.alternative(entry, alternatives, place)?;
            let truth = self.truth(scene, alternative.condition)?;
            let pending = truth == Truth::Unknown && scene.met_unread;
            if truth != Truth::False && !(pending && scene.is_best_case) {
                return Ok(Some((alternative.rule, pending)));
            }
        }
        Ok(None)
    }

    /// The first rule of an entry that grants, or how far the best of them got.
    fn first_grant<F: Facts>(
        &self,
        scene: &mut Scene<'_, B, F>,
        entry: &Entry,
        hop: Hop,
    ) -> Result<u32, Refusal> {
        let Some(alternatives) = entry.alternatives else { return Ok(entry.own) };
        let mut refusal = refuse(Code::NotGrantedThisWay, hop);
        for place in 0..alternatives.count {
            let alternative = self.alternative(entry, alternatives, place)?;
            if !self.reaches(scene.chain, hop, alternative.reach, scene.meter)? {
                continue;
            }
            let truth = self.truth(scene, alternative.condition)?;
            let pending = truth == Truth::Unknown && scene.met_unread;
            if truth == Truth::True || (pending && scene.is_best_case) {
                return Ok(alternative.rule);
            }
            refusal.code = Code::ConditionNotMet;
            refusal.pending |= pending;
        }
        Err(refusal)
    }

    fn alternative(&self, entry: &Entry, alternatives: Table<8>, place: u32) -> Result<Alternative, Refusal> {
        let record = alternatives.record(self.bytes(), place).ok_or(FAULT)?;
        let written = u32_at(record, 0).ok_or(FAULT)?;
        Ok(Alternative {
            rule: self.layout().form.rule(entry.first_rule, entry.own, written),
            condition: u16_at(record, 4).ok_or(FAULT)?,
            reach: u16_at(record, 6).ok_or(FAULT)?,
        })
    }

    fn truth<F: Facts>(&self, scene: &mut Scene<'_, B, F>, condition: u16) -> Result<Truth, Refusal> {
        scene.meter.charge(steps::ALTERNATIVE);
        scene.met_unread = false;
        if condition == NONE {
            return Ok(Truth::True);
        }
        scene.truth_of(condition).ok_or(FAULT)
    }

    /// Whether a grant may be used as its owner's place in the lineage has it. A mission's reach means nothing.
    fn reaches(&self, chain: &Chain, hop: Hop, reach: u16, meter: &Meter) -> Result<bool, Refusal> {
        let Hop::Member(place) = hop else {
            return Ok(true);
        };
        if reach == NONE {
            return Ok(true);
        }
        let record = self.layout().reaches.record(self.bytes(), u32::from(reach)).ok_or(FAULT)?;
        let (flags, through) = (u16_at(record, 0).ok_or(FAULT)?, u16_at(record, 2).ok_or(FAULT)?);
        let place = usize::from(place);
        Ok(if place == chain.members().len() {
            flags & 1 != 0
        } else if flags & 2 != 0 {
            true
        } else {
            let may_follow = |agent| {
                meter.charge(1);
                self.set_has(through, agent, meter)
            };
            through != NONE && chain.followers_all(place, may_follow)
        })
    }

    /// The service's mode, else the caller's, else the mesh's. Where the action is unknown, a deny is enforced if it
    /// would be for any service of the workload.
    fn is_shadow(&self, verdict: &Verdict) -> bool {
        let of_caller =
            verdict.caller.and_then(|caller| self.member(caller)).and_then(|caller| caller.profile.shadow());
        let otherwise = of_caller.unwrap_or(self.layout().mesh.shadow);
        let of_mode = |mode: u8| match mode {
            0 => otherwise,
            mode => mode == 2,
        };
        match verdict.action.and_then(|action| self.action_record(action)) {
            Some(action) => of_mode(action.mode),
            None => {
                let Modes { unsaid, enforce, shadow } = self.layout().modes;
                !enforce && (otherwise || (shadow && !unsaid))
            }
        }
    }
}

/// Only a stamped lineage excuses a caller that may not originate; a claimed one never does.
fn check_origin(chain: &Chain) -> Result<(), Refusal> {
    let on_behalf = chain.stamped && !chain.members().is_empty();
    if !on_behalf && !chain.caller.profile.originates() {
        return Err(refuse(Code::MayNotOriginate, member(chain.members().len())));
    }
    match chain.members().first() {
        Some(origin) if chain.stamped && chain.ordered && !origin.profile.originates() => {
            Err(refuse(Code::MayNotOriginate, member(0)))
        }
        _ => Ok(()),
    }
}

/// Everyone who must agree: members, the caller, missions.
fn holders(chain: &Chain) -> impl Iterator<Item = (Hop, &Holder)> {
    let agents = chain.everyone().map(|(place, agent)| (member(place), &agent.holder));
    let missions = chain.missions().iter().enumerate();
    agents.chain(missions.map(|(place, ridden)| (mission(place), &ridden.holder)))
}

/// What a holder holds of one column.
struct Entry {
    /// The number of its rule, if it has one only.
    own: u32,
    /// The owner's first rule.
    first_rule: u32,
    /// If there are none, it is one rule: unconditional, direct and through anyone.
    alternatives: Option<Table<8>>,
}

/// One rule that an arm offers.
struct Alternative {
    rule: u32,
    condition: u16,
    reach: u16,
}

fn member(place: usize) -> Hop {
    Hop::Member(u8::try_from(place).unwrap_or(u8::MAX))
}

fn mission(place: usize) -> Hop {
    Hop::Mission(u8::try_from(place).unwrap_or(u8::MAX))
}
