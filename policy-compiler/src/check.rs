//! From documents to the checked policy: names, types, and everything that can be wrong with them.

mod arguments;
mod budget;
mod catalog;
pub mod condition;
pub mod effects;
mod egress;
mod identity;
mod inline;
mod names;
mod path;
mod records;
mod rules;
pub mod selector;
mod target;
mod time;
mod warnings;

use std::collections::HashMap;

use self::catalog::Catalog;
use self::effects::Effects;
use self::names::Names;
use self::rules::{Rules, Sort};
use self::target::{Inlines, Resolver};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Agent, AgentId, Cycles, Delegates, EffectSet, Mesh, Mission, Mode, Policy, Service};
use crate::source::Sources;
use crate::syntax::ast::{self, Documents};
use crate::syntax::decode::decode;
use crate::syntax::limits::{MAX_BUDGETED_MISSIONS, MAX_TRUST_DOMAINS};

/// The most members of a lineage where the mesh says nothing.
pub const DEFAULT_MAX_DEPTH: u8 = 8;
/// The trust domain where the mesh names none.
pub const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

/// What became of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What there is to say, in order of file and place.
    pub diagnostics: Diagnostics,
    /// The policy, if nothing is wrong with it.
    pub policy: Option<Policy>,
}

/// Reads and checks a policy. Everything that is wrong is said at once.
#[must_use]
pub fn check(sources: &Sources) -> Checked {
    let mut diagnostics = Diagnostics::new();
    let documents = decode(sources, &mut diagnostics);
    let policy = policy(sources, &documents, &mut diagnostics);
    if !diagnostics.has_errors() {
        warnings::warn(&policy, &mut diagnostics);
    }
    diagnostics.sort();
    let policy = (!diagnostics.has_errors()).then_some(policy);
    Checked { diagnostics, policy }
}

fn policy(sources: &Sources, documents: &Documents, diagnostics: &mut Diagnostics) -> Policy {
    let names = Names::collect(documents, diagnostics);
    let mut effects = Effects::default();
    let services = catalog::services(&documents.services, &mut effects, diagnostics);
    let inlines = inlines(documents, &names, &services, &mut effects, diagnostics);
    let catalog = catalog_of(services, &inlines, diagnostics);
    let mesh = mesh(documents, diagnostics);
    let resolver = Resolver::new(&catalog, &names, &inlines);
    let mut rules = Rules::new(sources, &names, resolver, &documents.toolsets, diagnostics);
    let mut agents = agents(documents, &mesh, &names, &mut effects, &mut rules, diagnostics);
    let missions = missions(documents, &mut effects, &mut rules, diagnostics);
    for revoked in documents.meshes.iter().flat_map(|mesh| &mesh.revoked) {
        let id = names.agent(&revoked.value, revoked.span, diagnostics);
        if let Some(agent) = id.and_then(|id| agents.get_mut(usize::try_from(id.0).ok()?)) {
            agent.revoked = true;
        }
    }
    let rules = rules.rules;
    let actions = catalog.services.iter().flat_map(|service| &service.actions);
    let used = EffectSet(actions.fold(0, |all, action| all | action.effects.0));
    effects.warn_unused(used, diagnostics);
    Policy { mesh, services: catalog.services, agents, missions, rules, effects: effects.into_labels() }
}

fn inlines(
    documents: &Documents,
    names: &Names<'_>,
    services: &[Service],
    effects: &mut Effects,
    diagnostics: &mut Diagnostics,
) -> Inlines {
    let mut inlines = Inlines::default();
    let of_agents = documents.agents.iter().flat_map(|agent| agent.grants.iter().chain(&agent.denies));
    let of_missions =
        documents.missions.iter().flat_map(|mission| mission.grants.iter().chain(&mission.denies));
    let of_toolsets = documents.toolsets.iter().flat_map(|toolset| &toolset.grants);
    for rule in of_agents.chain(of_missions).chain(of_toolsets) {
        inlines.read(rule, names, services, effects, diagnostics);
    }
    inlines
}

fn catalog_of(mut services: Vec<Service>, inlines: &Inlines, diagnostics: &mut Diagnostics) -> Catalog {
    let mut refinements = Vec::with_capacity(services.len());
    let mut by_name = Vec::with_capacity(services.len());
    let asked = inlines.by_service(services.len());
    for (service, wanted) in services.iter_mut().zip(asked) {
        let declared = service.actions.len();
        refinements.push(inline::refine(&mut service.actions, &wanted, diagnostics));
        let shift = service.actions.len().saturating_sub(declared);
        let names: HashMap<String, u32> = service
            .actions
            .iter()
            .zip(0_u32..)
            .skip(shift)
            .map(|(action, index)| (action.name.clone(), index))
            .collect();
        by_name.push(names);
    }
    Catalog { services, by_name, refinements }
}

fn mesh(documents: &Documents, diagnostics: &mut Diagnostics) -> Mesh {
    for second in documents.meshes.iter().skip(1) {
        let mut diagnostic =
            Diagnostic::new(Code::SecondMesh, second.name.span, "there is a `Mesh` document already")
                .help("put all settings in one");
        if let Some(first) = documents.meshes.first() {
            diagnostic = diagnostic.also(first.name.span, "the first one");
        }
        diagnostics.push(diagnostic);
    }
    let written = documents.meshes.first();
    let mut trust_domains: Vec<String> = Vec::new();
    for domain in written.map(|mesh| mesh.trust_domains.as_slice()).unwrap_or_default() {
        if !identity::is_trust_domain(&domain.value) {
            let message = format!("`{}` is not a trust domain", domain.value);
            diagnostics.push(Diagnostic::new(Code::BadIdentity, domain.span, message).help(
                "lower-case letters, digits, `.`, `-` and `_`, without `spiffe://`, as in `cluster.local`",
            ));
        } else if trust_domains.len() >= MAX_TRUST_DOMAINS {
            let message = format!("more than {MAX_TRUST_DOMAINS} trust domains");
            diagnostics.push(Diagnostic::new(Code::TooMuch, domain.span, message));
        } else if !trust_domains.contains(&domain.value) {
            trust_domains.push(domain.value.clone());
        }
    }
    if trust_domains.is_empty() {
        trust_domains.push(DEFAULT_TRUST_DOMAIN.to_owned());
    }
    Mesh {
        trust_domains,
        max_depth: written.and_then(|mesh| mesh.max_depth).unwrap_or(DEFAULT_MAX_DEPTH),
        cycles: written.and_then(|mesh| mesh.cycles).unwrap_or(Cycles::Tolerate),
        mode: written.and_then(|mesh| mesh.mode).unwrap_or(Mode::Enforce),
        egress: egress::of_mesh(written.and_then(|mesh| mesh.egress.as_ref()), diagnostics),
        records: records::of_mesh(written, diagnostics),
    }
}

fn agents(
    documents: &Documents,
    mesh: &Mesh,
    names: &Names<'_>,
    effects: &mut Effects,
    rules: &mut Rules<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Agent> {
    let mut taken = identity::Taken::default();
    let mut agents = Vec::with_capacity(documents.agents.len());
    for (written, number) in documents.agents.iter().zip(0_u32..) {
        let mut identities = Vec::with_capacity(written.identity.len());
        for one in &written.identity {
            let Some(identity) = identity::read(one, &mesh.trust_domains, diagnostics) else { continue };
            taken.add(&identity, AgentId(number), one.span, diagnostics);
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
        let missions = written.missions.as_ref().map(|list| {
            let mut ids: Vec<_> =
                list.iter().filter_map(|name| names.mission(&name.value, name.span, diagnostics)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        });
        let outbound = budget::outbound(written, missions.as_deref(), names, diagnostics);
        agents.push(Agent {
            name: written.name.value.clone(),
            identities,
            originates: written.originates,
            stamping: written.stamping,
            revoked: written.revoked,
            missions,
            mission_required: written.mission_required,
            grants: rules.list(&written.grants, Sort::Grant, diagnostics),
            denies: rules.list(&written.denies, Sort::Deny, diagnostics),
            delegates: delegates(written, names, diagnostics),
            ceiling: written.ceiling.as_ref().map(|ceiling| effects.of_ceiling(ceiling, diagnostics)),
            mode: written.mode,
            outbound,
            egress: egress::of_holder(written.egress.as_ref(), diagnostics),
            span: written.name.span,
        });
    }
    taken.finish(diagnostics);
    agents
}

fn delegates(written: &ast::Agent, names: &Names<'_>, diagnostics: &mut Diagnostics) -> Delegates {
    let anyone = written.delegates_to.iter().any(|name| name.value == "*");
    let named: Vec<ast::Name> =
        written.delegates_to.iter().filter(|name| name.value != "*").cloned().collect();
    let to = names.agents(&named, diagnostics);
    Delegates { to: (!anyone).then_some(to), max_depth: written.delegates_depth }
}

fn missions(
    documents: &Documents,
    effects: &mut Effects,
    rules: &mut Rules<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Mission> {
    let mut missions = Vec::with_capacity(documents.missions.len());
    for written in &documents.missions {
        missions.push(Mission {
            name: written.name.value.clone(),
            grants: rules.list(&written.grants, Sort::Grant, diagnostics),
            denies: rules.list(&written.denies, Sort::Deny, diagnostics),
            ceiling: written.ceiling.as_ref().map(|ceiling| effects.of_ceiling(ceiling, diagnostics)),
            not_after: written.not_after.as_ref().and_then(|time| time::unix_seconds(time, diagnostics)),
            budget: budget::read(written.budget.as_ref(), diagnostics),
            egress: egress::of_holder(written.egress.as_ref(), diagnostics),
            span: written.name.span,
        });
    }
    let mut budgeted = documents.missions.iter().filter_map(|mission| mission.budget.as_ref());
    if let Some(budget) = budgeted.nth(MAX_BUDGETED_MISSIONS) {
        let message = format!("more than {MAX_BUDGETED_MISSIONS} missions have a budget");
        diagnostics.push(Diagnostic::new(Code::TooMuch, budget.span, message));
    }
    missions
}
