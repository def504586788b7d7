//! Which agents a slice keeps.

use std::collections::HashSet;

use crate::automata::{self, Automaton};
use crate::model::{Agent, AgentId, Identity, Policy, RuleId};

use super::ids;

/// The agents to keep, in order. `covers` says whether a rule covers an action of the slice.
pub(super) fn kept_agents(policy: &Policy, all: bool, covers: impl Fn(&RuleId) -> bool) -> Vec<AgentId> {
    let counts = |agent: &Agent| agent.revoked || agent.mode.is_some() || agent.grants.iter().any(&covers);
    let claims = Claims::of(policy.agents.iter().filter(|agent| !all && counts(agent)));
    let keep = |agent: &Agent| all || counts(agent) || claims.contested_by(agent);
    ids(&policy.agents, AgentId).filter(|(_, agent)| keep(agent)).map(|(id, _)| id).collect()
}

/// What the agents that count claim by identities that another agent's may outrank or equal.
#[derive(Default)]
struct Claims<'a> {
    paths: HashSet<&'a str>,
    namespaces: HashSet<&'a str>,
    patterns: Vec<&'a str>,
    /// Matches the paths of all patterns; `None` if that is too large a table, and then any path may match.
    matcher: Option<Automaton>,
}

impl<'a> Claims<'a> {
    fn of(agents: impl Iterator<Item = &'a Agent>) -> Self {
        let mut claims = Self::default();
        for identity in agents.flat_map(|agent| &agent.identities) {
            match identity {
                Identity::Path(path) | Identity::Id { path, .. } => {
                    claims.paths.insert(path);
                }
                Identity::Namespace(namespace) => {
                    claims.namespaces.insert(namespace);
                }
                Identity::Pattern(pattern) => claims.patterns.push(pattern),
            }
        }
        let labelled: Vec<(&str, u16)> = claims.patterns.iter().map(|pattern| (*pattern, 0)).collect();
        claims.matcher = automata::principals(&labelled).ok();
        claims
    }

    /// Whether an agent may be what a principal is that would otherwise be another that counts.
    fn contested_by(&self, agent: &Agent) -> bool {
        agent.identities.iter().any(|identity| match identity {
            Identity::Path(path) | Identity::Id { path, .. } => {
                self.paths.contains(path.as_str()) || self.in_namespace(path) || self.in_pattern(path)
            }
            Identity::Namespace(namespace) => {
                self.namespaces.contains(namespace.as_str()) || !self.patterns.is_empty()
            }
            Identity::Pattern(_) => !self.patterns.is_empty(),
        })
    }

    fn in_namespace(&self, path: &str) -> bool {
        let namespace = path.strip_prefix("/ns/").and_then(|rest| rest.split('/').next());
        namespace.is_some_and(|namespace| self.namespaces.contains(namespace))
    }

    fn in_pattern(&self, path: &str) -> bool {
        let matches = |matcher: &Automaton| matcher.run(path.as_bytes()).is_some();
        !self.patterns.is_empty() && self.matcher.as_ref().is_none_or(matches)
    }
}
