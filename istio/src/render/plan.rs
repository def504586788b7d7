//! Who gets what: the workloads of a policy, how their proxies are found, and which roles those play.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ambit_compiler::agents::{Agents, kubernetes};
use ambit_compiler::model::{Agent, Identity, Mode, Policy, Rule, Service, Workload};
use ambit_compiler::{egress, outbound};

use super::delivery::{Delivery, Entry, Labels, Lineage, Waypoint};
use super::egress::{Network, Reach};
use super::{Note, Refusal};
use crate::limits::MAX_PRINCIPALS;

/// A workload that gets something.
#[derive(Clone, Debug)]
pub struct Governed {
    /// Which.
    pub workload: Workload,
    /// How its proxies are found.
    pub attachment: Attachment,
    /// Whether requests to it are judged: some service is on it.
    pub serves: bool,
    /// How the lineage of live requests is kept, if its calls are stamped.
    pub lineage: Option<Lineage>,
    /// Which of its ports are governed; the others are closed.
    pub ports: Option<Vec<u16>>,
    /// Whether the headers of a request wait for its body.
    pub hold_headers: bool,
    /// Whether something is enforced on it, so that mTLS must be strict.
    pub enforces: bool,
    /// Who may reach it at all.
    pub baseline: Baseline,
    /// What it may reach outside, if that is judged.
    pub egress: Option<Bounded>,
}

/// What a workload may reach outside.
#[derive(Clone, Debug)]
pub struct Bounded {
    /// As registries have it; nothing if the agent has no list, and is judged by those of whom it calls for.
    pub reach: Reach,
    /// The principal as which it calls.
    pub principal: String,
    /// Networks of the mesh itself.
    pub internal: Vec<String>,
    /// Whether it is held to it, and not only watched.
    pub is_held: bool,
    /// Whether it has a list of its own. Without one, only lists of others count, for whom it calls.
    pub is_listed: bool,
}

impl Bounded {
    /// How it is held to it, in a word.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        match (self.is_listed, self.is_held) {
            (false, _) => "unlisted",
            (true, true) => "enforce",
            (true, false) => "shadow",
        }
    }
}

/// How proxies are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// The sidecars of pods with these labels; without any, of all pods of the namespace.
    Pods(Labels),
    /// A waypoint, and the pods behind it if they are known.
    Waypoint(Waypoint, Option<Labels>),
}

/// Who may reach a workload at all: the layer behind the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Principals as an `AuthorizationPolicy` writes them, in order.
    pub principals: Arc<[String]>,
    /// The proxies of the waypoint, through which alone pods behind one are reached.
    pub gateways: Vec<String>,
    /// Whether denies are only recorded.
    pub is_dry_run: bool,
}

/// Everyone who gets something, in order of namespace and service account.
///
/// # Errors
/// Everything that stands against it.
pub(super) fn plan(
    policy: &Policy,
    delivery: &Delivery,
    notes: &mut Vec<Note>,
) -> Result<Vec<Governed>, Vec<Refusal>> {
    let agents = Agents::new(policy);
    let everyone: Arc<[String]> = everyone(policy).into();
    let mut refusals = Vec::new();
    let mut governed: Vec<Governed> = Vec::new();
    for workload in workloads(policy, delivery) {
        let entry = delivery.workloads.get(&workload).cloned().unwrap_or_default();
        if entry.skip {
            continue;
        }
        let agent = agents.of(&workload);
        match govern(policy, delivery, (agent, &everyone), &workload, entry, notes) {
            Ok(one) => governed.extend(one),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.extend(overlaps(&governed));
    let stamped = governed.iter().filter(|one| one.lineage.is_some()).map(|one| &one.workload);
    let elsewhere = delivery.workloads.iter().filter(|(_, entry)| entry.skip).map(|(workload, _)| workload);
    let told = notes.iter().filter_map(|note| match note {
        Note::Waypoint { workload } => Some(workload),
        _ => None,
    });
    let seen_to: BTreeSet<&str> = stamped
        .chain(elsewhere)
        .chain(told)
        .filter_map(|workload| agents.of(workload))
        .map(|agent| agent.name.as_str())
        .collect();
    for agent in &policy.agents {
        if agent.stamping && !agent.revoked && !seen_to.contains(agent.name.as_str()) {
            notes.push(Note::Unstamped { agent: agent.name.clone() });
        }
    }
    if refusals.is_empty() { Ok(governed) } else { Err(refusals) }
}

/// The workloads that policy names, and those that the delivery lists.
fn workloads(policy: &Policy, delivery: &Delivery) -> BTreeSet<Workload> {
    let served = policy.services.iter().map(|service| service.workload.clone());
    let acting = policy.agents.iter().filter(|agent| agent.stamping).flat_map(|agent| {
        agent.identities.iter().filter_map(|identity| match identity {
            Identity::Path(path) => kubernetes(path),
            // Workloads of other trust domains run in other meshes.
            Identity::Id { trust_domain, path } => {
                kubernetes(path).filter(|_| policy.mesh.trust_domains.first() == Some(trust_domain))
            }
            Identity::Namespace(_) | Identity::Pattern(_) => None,
        })
    });
    served.chain(acting).chain(delivery.workloads.keys().cloned()).collect()
}

fn govern(
    policy: &Policy,
    delivery: &Delivery,
    (agent, everyone): (Option<&Agent>, &Arc<[String]>),
    workload: &Workload,
    entry: Entry,
    notes: &mut Vec<Note>,
) -> Result<Option<Governed>, Refusal> {
    let services: Vec<&Service> =
        policy.services.iter().filter(|service| service.workload == *workload).collect();
    let serves = !services.is_empty();
    if !serves && agent.is_none() {
        return Err(Refusal::NobodysWorkload { workload: workload.clone() });
    }
    let attachment = match (entry.pods, entry.waypoint) {
        (pods, Some(waypoint)) => Attachment::Waypoint(waypoint, pods),
        (Some(pods), None) => Attachment::Pods(pods),
        (None, None) => match delivery.labels_of(workload) {
            Some(Ok(labels)) => Attachment::Pods(labels),
            Some(Err(problem)) => return Err(Refusal::Label { workload: workload.clone(), problem }),
            None => return Err(Refusal::NoPods { workload: workload.clone() }),
        },
    };
    let stamps = agent.is_some_and(|agent| agent.stamping);
    let lineage = match attachment {
        // Calls of a pod without a sidecar pass no proxy of its own, so that none can stamp them.
        Attachment::Waypoint(..) => None,
        Attachment::Pods(_) => agent.filter(|agent| agent.stamping).map(|agent| Lineage {
            policy: outbound::lineage(policy, agent),
            ..entry.lineage.or(&delivery.lineage)
        }),
    };
    if stamps && lineage.is_none() {
        notes.push(Note::Waypoint { workload: workload.clone() });
    }
    if !serves && lineage.is_none() {
        return Ok(None);
    }
    let egress = bounded(policy, agent, workload, lineage.is_some(), notes)?;
    if !serves {
        notes.push(Note::ServesNothing { workload: workload.clone() });
    }
    let enforces = if serves {
        services.iter().any(|service| enforces(policy, service))
    } else {
        policy.mesh.mode == Mode::Enforce
    };
    let gateways = match &attachment {
        Attachment::Pods(_) => Vec::new(),
        Attachment::Waypoint(waypoint, _) => {
            let path = format!("/ns/{}/sa/{}", workload.namespace, waypoint.gateway);
            policy.mesh.trust_domains.iter().map(|domain| format!("{domain}{path}")).collect()
        }
    };
    Ok(Some(Governed {
        workload: workload.clone(),
        attachment,
        serves,
        lineage,
        ports: entry.ports,
        hold_headers: entry.hold_headers && serves,
        enforces,
        baseline: if serves {
            callers(policy, &services, gateways)
        } else {
            // No policy says that an agent may ask anything there, and what it asked would not be judged.
            Baseline {
                principals: Arc::clone(everyone),
                gateways,
                is_dry_run: policy.mesh.mode == Mode::Shadow,
            }
        },
        egress,
    }))
}

/// What a workload may reach outside, if that is judged and its sidecar stamps its calls: it judges them by the same.
fn bounded(
    policy: &Policy,
    agent: Option<&Agent>,
    workload: &Workload,
    is_stamped: bool,
    notes: &mut Vec<Note>,
) -> Result<Option<Bounded>, Refusal> {
    let Some(agent) = agent.filter(|_| egress::policy(policy, workload).is_some()) else {
        return Ok(None);
    };
    let judged = |reach: Reach, is_held: bool| {
        let internal = policy.mesh.egress.internal.iter().map(|cidr| Network::new(*cidr).to_string());
        let principal = egress::principal(policy, workload);
        let is_listed = agent.egress.is_some();
        Some(Bounded { reach, principal, internal: internal.collect(), is_held, is_listed })
    };
    let Some(egress) = &agent.egress else {
        if is_stamped {
            notes.push(Note::Unlisted { workload: workload.clone() });
        }
        return Ok(is_stamped.then(|| judged(Reach::default(), false)).flatten());
    };
    if !is_stamped {
        notes.push(Note::Unheld { workload: workload.clone() });
        return Ok(None);
    }
    let is_held = egress.mode.or(agent.mode).unwrap_or(policy.mesh.mode) == Mode::Enforce;
    if !is_held {
        notes.push(Note::EgressInShadow { workload: workload.clone() });
    }
    let reach = Reach::of(workload, egress)?;
    for target in reach.0.keys().filter(|target| target.is_wildcard()) {
        notes.push(Note::Wildcard { workload: workload.clone(), host: target.host() });
    }
    Ok(judged(reach, is_held))
}

/// Whether some deny of a service denies.
fn enforces(policy: &Policy, service: &Service) -> bool {
    service.mode.unwrap_or(policy.mesh.mode) == Mode::Enforce
        || (service.mode.is_none() && policy.agents.iter().any(|agent| agent.mode == Some(Mode::Enforce)))
}

/// Who may reach the workload of these services at all.
fn callers(policy: &Policy, services: &[&Service], gateways: Vec<String>) -> Baseline {
    let is_caller = |agent: &Agent| {
        agent
            .grants
            .iter()
            .filter_map(|id| nth(&policy.rules, id.0))
            .any(|rule| covers(policy, rule, services))
            // What it may not do is recorded, and passes.
            || (agent.mode == Some(Mode::Shadow) && services.iter().any(|service| service.mode.is_none()))
    };
    let mut principals: BTreeSet<String> = BTreeSet::new();
    for agent in policy.agents.iter().filter(|agent| is_caller(agent)) {
        principals.extend(agent.identities.iter().flat_map(|identity| principals_of(policy, identity)));
    }
    if principals.len() > MAX_PRINCIPALS {
        principals = policy.mesh.trust_domains.iter().map(|domain| format!("{domain}/*")).collect();
    }
    let shadows = |service: &&Service| service.mode.unwrap_or(policy.mesh.mode) == Mode::Shadow;
    let is_dry_run = services.iter().any(shadows);
    Baseline { principals: principals.into_iter().collect(), gateways, is_dry_run }
}

/// Every agent: one by one, or, of many, by their namespaces.
fn everyone(policy: &Policy) -> Vec<String> {
    let identities = || policy.agents.iter().flat_map(|agent| &agent.identities);
    let exact: BTreeSet<String> = identities().flat_map(|identity| principals_of(policy, identity)).collect();
    if exact.len() <= MAX_PRINCIPALS {
        return exact.into_iter().collect();
    }
    let wide = identities().flat_map(|identity| {
        let path = match identity {
            Identity::Path(path) | Identity::Id { path, .. } => kubernetes(path),
            Identity::Namespace(_) | Identity::Pattern(_) => None,
        };
        match path {
            Some(workload) => principals_of(policy, &Identity::Namespace(workload.namespace)),
            None => principals_of(policy, identity),
        }
    });
    let wide: BTreeSet<String> = wide.collect();
    wide.into_iter().collect()
}

fn covers(policy: &Policy, rule: &Rule, services: &[&Service]) -> bool {
    rule.actions.iter().any(|action| {
        nth(&policy.services, action.service.0)
            .is_some_and(|of| services.iter().any(|service| service.name == of.name))
    })
}

/// An identity as principals of an `AuthorizationPolicy`, in which `*` stands at an end only: of a pattern, what comes
/// before its first `*`. That is wider, and the filter is exact.
fn principals_of(policy: &Policy, identity: &Identity) -> Vec<String> {
    let everywhere = |path: &str| {
        let path = path.to_owned();
        policy.mesh.trust_domains.iter().map(|domain| format!("{domain}{path}")).collect()
    };
    match identity {
        Identity::Path(path) => everywhere(path),
        Identity::Id { trust_domain, path } => vec![format!("{trust_domain}{path}")],
        Identity::Namespace(namespace) => everywhere(&format!("/ns/{namespace}/*")),
        Identity::Pattern(pattern) => {
            let literal = pattern.split('*').next().unwrap_or_default();
            everywhere(&format!("{literal}*"))
        }
    }
}

/// Two selectors of one namespace that may find the same pods: the labels of one are among those of the other.
fn overlaps(governed: &[Governed]) -> Vec<Refusal> {
    let mut namespaces: BTreeMap<&str, Vec<(&Workload, &Labels)>> = BTreeMap::new();
    for one in governed {
        if let Attachment::Pods(labels) = &one.attachment {
            namespaces.entry(&one.workload.namespace).or_default().push((&one.workload, labels));
        }
    }
    let within =
        |small: &Labels, large: &Labels| small.iter().all(|(key, value)| large.get(key) == Some(value));
    let mut refusals = Vec::new();
    for selectors in namespaces.values() {
        for (place, (first, left)) in selectors.iter().enumerate() {
            for (second, right) in selectors.iter().skip(place.saturating_add(1)) {
                if within(left, right) || within(right, left) {
                    refusals.push(Refusal::SamePods { first: (*first).clone(), second: (*second).clone() });
                }
            }
        }
    }
    refusals
}

fn nth<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(usize::try_from(index).ok()?)
}
