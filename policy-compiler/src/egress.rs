//! Calls outside the mesh, as a policy of their own that the caller's sidecar judges by.
//!
//! All that is outside is one service, which speaks [`Protocol::Egress`] and stands on the workload that calls. What an
//! agent's `egress` allows are its grants of that service's two actions, an agent without one holds a grant of
//! everything (so that what it calls for others is within theirs), and what the mesh denies is a deny of the caller. So slices, blobs, the reference evaluator and all that is
//! built on them know nothing of destinations.

mod push;

pub use push::with_pushes;

use crate::agents::{Agents, kubernetes};
use crate::model::{
    Action, ActionId, Agent, Comparison, Condition, Decimal, Denied, Destination, EffectSet, Egress, Field,
    HostPattern, Identity, Literal, Mission, Mode, Operand, Outbound, Policy, Protocol, Reach, Rule, RuleId,
    Selector, Service, ServiceId, TextTest, Through, Workload,
};
use crate::source::Span;

/// The name of the service that stands for all that is outside.
pub const SERVICE: &str = "egress";
/// The key of a request that the proxy sees.
pub const HTTP_KEY: &str = "http";
/// The key of a connection of which the proxy sees no HTTP.
pub const CONNECT_KEY: &str = "connect";

const HTTP: ActionId = ActionId { service: ServiceId(0), index: 0 };
const CONNECT: ActionId = ActionId { service: ServiceId(0), index: 1 };

/// The workloads whose calls outside are judged, in order: if anyone has `egress`, those that an agent names one by one.
/// Whose namespace or pattern alone an agent names has a [`policy()`] as well, but is not listed: there may be any number.
#[must_use]
pub fn workloads(policy: &Policy) -> Vec<Workload> {
    let own_domain = policy.mesh.trust_domains.first();
    let named =
        policy.agents.iter().flat_map(|agent| &agent.identities).filter_map(|identity| match identity {
            Identity::Path(path) => kubernetes(path),
            Identity::Id { trust_domain, path } if own_domain == Some(trust_domain) => kubernetes(path),
            Identity::Id { .. } | Identity::Namespace(_) | Identity::Pattern(_) => None,
        });
    let mut workloads: Vec<Workload> = named.collect();
    workloads.sort();
    workloads.dedup();
    let agents = Agents::new(policy);
    workloads.retain(|workload| is_asked_for(policy) && agents.of(workload).is_some());
    workloads
}

/// Whether anyone has `egress`. Who has none may be asked by one who has, and must not call in its place.
fn is_asked_for(policy: &Policy) -> bool {
    policy.agents.iter().any(|agent| agent.egress.is_some())
        || policy.missions.iter().any(|mission| mission.egress.is_some())
}

/// The principal as which a workload of the mesh calls.
#[must_use]
pub fn principal(policy: &Policy, workload: &Workload) -> String {
    let Workload { namespace, service_account } = workload;
    let domain = policy.mesh.trust_domains.first().map_or("", String::as_str);
    format!("spiffe://{domain}/ns/{namespace}/sa/{service_account}")
}

/// The policy by which calls of a workload to the outside are judged; `None` if nothing bounds anyone's, or no agent is there.
#[must_use]
pub fn policy(policy: &Policy, workload: &Workload) -> Option<Policy> {
    let caller = Agents::new(policy).of(workload).filter(|_| is_asked_for(policy))?;
    let egress = caller.egress.as_ref();
    let list = egress.map_or(caller.span, |egress| egress.span);
    // What the mesh denies where it says nothing is for those who asked to be bounded.
    let denies = egress.is_some() || policy.mesh.egress.span.is_some();
    let behind = behind(policy, caller);
    let mut rules = Rules::default();
    let agents = policy.agents.iter().zip(&behind).map(|(agent, is_behind)| {
        // The caller is this one agent, whoever else says so.
        let is_caller = core::ptr::eq(agent, caller);
        let reach = Reach { direct: is_caller, through: Through::Anyone };
        Agent {
            // A lineage that someone else is in is refused for its shape, so that no blob needs to know that list.
            grants: match is_behind {
                true => rules.grants(agent.egress.as_ref(), &reach, agent.span),
                false => Vec::new(),
            },
            denies: if is_caller && denies { rules.denies(policy, list) } else { Vec::new() },
            outbound: Outbound::default(),
            egress: None,
            ..agent.clone()
        }
    });
    let agents = agents.collect();
    let anyone = Reach { direct: true, through: Through::Anyone };
    let missions = policy.missions.iter().map(|mission| Mission {
        grants: rules.grants(mission.egress.as_ref(), &anyone, mission.span),
        denies: Vec::new(),
        egress: None,
        ..mission.clone()
    });
    let missions = missions.collect();
    let mut mesh = policy.mesh.clone();
    mesh.egress = Default::default();
    Some(Policy {
        mesh,
        services: vec![outside(workload, egress.and_then(|egress| egress.mode), list)],
        agents,
        missions,
        rules: rules.0,
        effects: policy.effects.clone(),
    })
}

/// Of each agent, whether it may stand behind a call of the caller, over whomever it may delegate to; the caller may.
fn behind(policy: &Policy, caller: &Agent) -> Vec<bool> {
    let mut delegators: Vec<Vec<usize>> = vec![Vec::new(); policy.agents.len()];
    let mut to_anyone = Vec::new();
    for (place, agent) in policy.agents.iter().enumerate() {
        match &agent.delegates.to {
            None => to_anyone.push(place),
            Some(to) => {
                for id in to {
                    let list = usize::try_from(id.0).ok().and_then(|id| delegators.get_mut(id));
                    list.into_iter().for_each(|list| list.push(place));
                }
            }
        }
    }
    let mut behind = vec![false; policy.agents.len()];
    let mut waiting: Vec<usize> = (0..)
        .zip(&policy.agents)
        .filter(|(_, agent)| core::ptr::eq(*agent, caller))
        .map(|(place, _)| place)
        .chain(to_anyone)
        .collect();
    while let Some(place) = waiting.pop() {
        match behind.get_mut(place) {
            Some(known) if !*known => *known = true,
            _ => continue,
        }
        waiting.extend(delegators.get(place).into_iter().flatten());
    }
    behind
}

/// All that is outside.
fn outside(workload: &Workload, mode: Option<Mode>, span: Span) -> Service {
    let action = |key: &str| Action {
        name: key.to_owned(),
        selector: Selector::Key(key.to_owned()),
        effects: EffectSet(0),
        arguments: None,
        span,
    };
    Service {
        name: SERVICE.to_owned(),
        workload: workload.clone(),
        protocol: Protocol::Egress,
        actions: vec![action(HTTP_KEY), action(CONNECT_KEY)],
        mode,
        max_body_bytes: None,
        span,
    }
}

/// Rules while they grow.
#[derive(Default)]
struct Rules(Vec<Rule>);

impl Rules {
    fn push(&mut self, rule: Rule) -> Option<RuleId> {
        let id = u32::try_from(self.0.len()).ok().map(RuleId);
        self.0.push(rule);
        id
    }

    fn grants(&mut self, egress: Option<&Egress>, reach: &Reach, owner: Span) -> Vec<RuleId> {
        let rules = match egress {
            None => {
                vec![Rule { actions: vec![HTTP, CONNECT], when: None, reach: reach.clone(), span: owner }]
            }
            Some(egress) => groups(egress).iter().flat_map(|group| group.rules(reach, egress.span)).collect(),
        };
        rules.into_iter().filter_map(|rule| self.push(rule)).collect()
    }

    /// What the mesh denies to everyone, denied to the caller, who takes part in every call.
    fn denies(&mut self, policy: &Policy, caller: Span) -> Vec<RuleId> {
        let egress = &policy.mesh.egress;
        let hosts = egress.deny.iter().filter_map(|denied| match denied {
            Denied::Host(host) => Some(host),
            Denied::Network(_) => None,
        });
        let networks = egress.deny.iter().filter_map(|denied| match denied {
            Denied::Network(network) => Some(*network),
            Denied::Host(_) => None,
        });
        // A name or an address that is not there is not denied; one that cannot be read is.
        let if_there = |field: Field, when: Option<Condition>| {
            when.map(|when| Condition::And(vec![Condition::Has(Operand::Field(field)), when]))
        };
        let by_host = if_there(Field::DestinationHost, host(&hosts.collect::<Vec<_>>()));
        let networks: Vec<_> = networks.collect();
        let by_address = (!networks.is_empty()).then_some(Condition::InNetwork {
            subject: Operand::Field(Field::DestinationAddress),
            ranges: networks,
        });
        let by_address = if_there(Field::DestinationAddress, by_address);
        let Some(when) = any(by_host.into_iter().chain(by_address).collect()) else { return Vec::new() };
        let rule = Rule {
            actions: vec![HTTP, CONNECT],
            when: Some(when),
            reach: Reach { direct: true, through: Through::Anyone },
            span: egress.span.unwrap_or(caller),
        };
        self.push(rule).into_iter().collect()
    }
}

/// Destinations that differ in their host only, so that however many hosts are allowed, one look finds out.
struct Group<'a> {
    /// The first of them.
    first: &'a Destination,
    hosts: Vec<&'a HostPattern>,
    count: usize,
}

fn groups(egress: &Egress) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for destination in &egress.allow {
        let alike = |group: &&mut Group<'_>| {
            let first = group.first;
            first.host.is_some() == destination.host.is_some()
                && first.network == destination.network
                && first.ports == destination.ports
                && first.methods == destination.methods
                && first.path_prefix == destination.path_prefix
        };
        match groups.iter_mut().find(alike) {
            Some(group) => {
                group.hosts.extend(&destination.host);
                group.count = group.count.saturating_add(1);
            }
            None => {
                groups.push(Group { first: destination, hosts: destination.host.iter().collect(), count: 1 })
            }
        }
    }
    groups
}

impl Group<'_> {
    /// Its grants: one, or one for requests and one for connections where these differ.
    fn rules(&self, reach: &Reach, list: Span) -> Vec<Rule> {
        let first = self.first;
        let rule = |actions: &[ActionId], of_http: bool| Rule {
            actions: actions.to_vec(),
            when: self.condition(first.ports(of_http)),
            reach: reach.clone(),
            span: if self.count > 1 { list } else { first.span },
        };
        if first.is_http_only() {
            vec![rule(&[HTTP], true)]
        } else if first.ports.is_some() {
            vec![rule(&[HTTP, CONNECT], true)]
        } else {
            vec![rule(&[HTTP], true), rule(&[CONNECT], false)]
        }
    }

    fn condition(&self, ports: &[u16]) -> Option<Condition> {
        let first = self.first;
        let network = first.network.map(|network| Condition::InNetwork {
            subject: Operand::Field(Field::DestinationAddress),
            ranges: vec![network],
        });
        let ports = ports.iter().map(|port| Literal::Number(Decimal::whole(u32::from(*port)))).collect();
        let methods = first.methods.iter().map(|method| Literal::Text(method.clone())).collect();
        let parts = [
            host(&self.hosts),
            network,
            one_of(Field::DestinationPort, ports),
            one_of(Field::Method, methods),
            first.path_prefix.as_deref().map(starts),
        ];
        all(parts.into_iter().flatten().collect())
    }
}

/// The name is one of these; nothing if there are none.
fn host(hosts: &[&HostPattern]) -> Option<Condition> {
    let mut exact = Vec::new();
    let mut parts = Vec::new();
    for host in hosts {
        match host {
            HostPattern::Exact(name) => exact.push(Literal::Text(name.clone())),
            HostPattern::Below(name) => parts.push(Condition::Text {
                test: TextTest::EndsWith,
                subject: Operand::Field(Field::DestinationHost),
                needle: Operand::Literal(Literal::Text(format!(".{name}"))),
            }),
        }
    }
    any(one_of(Field::DestinationHost, exact).into_iter().chain(parts).collect())
}

/// The path is what the prefix says, or goes on with a segment.
fn starts(prefix: &str) -> Condition {
    let path = || Operand::Field(Field::Path);
    let starts_with = |prefix: &str| Condition::Text {
        test: TextTest::StartsWith,
        subject: path(),
        needle: Operand::Literal(Literal::Text(prefix.to_owned())),
    };
    if prefix.ends_with('/') {
        return starts_with(prefix);
    }
    let whole = Condition::Compare {
        op: Comparison::Equal,
        left: path(),
        right: Operand::Literal(Literal::Text(prefix.to_owned())),
    };
    Condition::Or(vec![whole, starts_with(&format!("{prefix}/"))])
}

/// The field is one of these; nothing if there are none.
fn one_of(field: Field, mut set: Vec<Literal>) -> Option<Condition> {
    set.sort();
    set.dedup();
    (!set.is_empty()).then_some(Condition::In { needle: Operand::Field(field), set })
}

fn all(mut parts: Vec<Condition>) -> Option<Condition> {
    if parts.len() > 1 { Some(Condition::And(parts)) } else { parts.pop() }
}

fn any(mut parts: Vec<Condition>) -> Option<Condition> {
    if parts.len() > 1 { Some(Condition::Or(parts)) } else { parts.pop() }
}
