//! Those who may stand in a lineage.

use ambit_compiler::model::{Identity, Policy};
use ambit_filter::head::split;
use ambit_filter::inbound::Peer;
use ambit_lineage::header;
use ambit_lineage::{Lineage, Mission, Principal};

use crate::cases::principal_of;
use crate::sidecar::Sidecar;

/// A principal that some agent of one of the policies is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    /// The agent's name if it stands for this principal in tests of both policies, else the SPIFFE id.
    pub(super) name: String,
    pub(super) principal: String,
}

/// Who stands behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind<'w> {
    pub(super) caller: &'w Who,
    /// On whose behalf, origin first.
    pub(super) members: Vec<&'w Who>,
    pub(super) mission: Option<&'w str>,
    /// Whether there is a lineage header.
    pub(super) is_stamped: bool,
}

/// Every principal that an agent is: one of each identity, and in every trust domain if the policies differ there.
pub(super) fn everyone(old: &Policy, new: &Policy) -> Vec<Who> {
    let mut domains: Vec<&String> = new.mesh.trust_domains.iter().chain(&old.mesh.trust_domains).collect();
    domains.sort();
    domains.dedup();
    if old.mesh.trust_domains == new.mesh.trust_domains {
        domains = new.mesh.trust_domains.first().into_iter().collect();
    }
    let mut everyone: Vec<Who> = Vec::new();
    for policy in [new, old] {
        for agent in &policy.agents {
            let first = principal_of(policy, agent);
            let other = |(domain, identity): (&&String, &Identity)| match identity {
                Identity::Path(path) => format!("spiffe://{domain}{path}"),
                Identity::Id { trust_domain, path } => format!("spiffe://{trust_domain}{path}"),
                Identity::Namespace(namespace) => format!("spiffe://{domain}/ns/{namespace}/sa/any"),
                Identity::Pattern(pattern) => format!("spiffe://{domain}{}", pattern.replace('*', "any")),
            };
            let pairs = agent
                .identities
                .iter()
                .flat_map(|identity| domains.iter().map(move |domain| (domain, identity)));
            let all: Vec<String> = std::iter::once(first.clone()).chain(pairs.map(other)).collect();
            for principal in all {
                if everyone.iter().any(|who| who.principal == principal) {
                    continue;
                }
                let stands = |policy: &Policy| {
                    policy
                        .agents
                        .iter()
                        .find(|other| other.name == agent.name)
                        .map(|other| principal_of(policy, other))
                };
                let is_told_by_name =
                    [old, new].into_iter().filter_map(stands).all(|known| known == principal);
                let name = if is_told_by_name { agent.name.clone() } else { principal.clone() };
                everyone.push(Who { name, principal });
            }
        }
    }
    everyone
}

impl Behind<'_> {
    /// `support for planner, billing under refunds`
    pub(super) fn told(&self) -> String {
        let mut told = self.caller.name.clone();
        if !self.members.is_empty() {
            let names: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
            told.push_str(&format!(" for {}", names.join(", ")));
        }
        if let Some(mission) = self.mission {
            told.push_str(&format!(" under {mission}"));
        }
        if !self.is_stamped {
            told.push_str(" without a lineage");
        }
        told
    }

    /// The value of the lineage header, if there is one.
    pub(super) fn header(&self) -> Result<Option<Vec<u8>>, NoLineage> {
        if !self.is_stamped {
            return Ok(None);
        }
        let mut lineage = Lineage::root(None);
        for member in &self.members {
            let principal = Principal::parse(member.principal.as_bytes()).ok_or(NoLineage)?;
            lineage = lineage.stamp(principal).map_err(|_| NoLineage)?;
        }
        if let Some(mission) = self.mission {
            let mission = Mission::parse(mission.as_bytes()).ok_or(NoLineage)?;
            lineage = lineage.with_mission(mission).map_err(|_| NoLineage)?;
        }
        let mut value = Vec::new();
        header::encode(&lineage, &mut value).map_err(|_| NoLineage)?;
        Ok(Some(value))
    }

    pub(super) fn peer(&self) -> Peer {
        Peer::San(self.caller.principal.clone().into_bytes())
    }
}

/// There can be no such lineage.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoLineage;

/// Whether a principal may hold anything of what is asked: the agent that it is has a grant of one of these actions.
pub(super) fn holds(policy: &Policy, sidecar: &Sidecar, who: &Who, action: (&str, &str)) -> bool {
    let number = sidecar.policy.program().agent(&split(&who.principal)).map(usize::from);
    let id = number.and_then(|number| sidecar.compiled.agents.get(number));
    let agent = id.and_then(|id| policy.agents.get(usize::try_from(id.0).ok()?));
    agent.is_some_and(|agent| agent.grants.iter().any(|rule| covers(policy, *rule, action)))
}

/// The missions that have a grant of an action.
pub(super) fn missions<'p>(policy: &'p Policy, action: (&str, &str)) -> impl Iterator<Item = &'p str> {
    let grants = move |grants: &[ambit_compiler::model::RuleId]| {
        grants.iter().any(|rule| covers(policy, *rule, action))
    };
    policy.missions.iter().filter(move |mission| grants(&mission.grants)).map(|mission| mission.name.as_str())
}

fn covers(policy: &Policy, rule: ambit_compiler::model::RuleId, (service, action): (&str, &str)) -> bool {
    let rule = usize::try_from(rule.0).ok().and_then(|place| policy.rules.get(place));
    rule.is_some_and(|rule| {
        rule.actions.iter().any(|id| {
            let of = usize::try_from(id.service.0).ok().and_then(|place| policy.services.get(place));
            of.is_some_and(|known| known.name == service)
                && super::values::action_of(policy, *id).is_some_and(|known| known.name == action)
        })
    })
}
