//! Which agent a workload of this mesh is.

use std::collections::HashMap;

use crate::model::{Agent, Identity, Policy, Workload};

/// From workloads of this mesh to agents.
pub struct Agents<'p> {
    own_domain: Option<&'p str>,
    /// By exact path; an id with a trust domain counts where no path alone does.
    paths: HashMap<&'p str, &'p Agent>,
    ids: HashMap<(&'p str, &'p str), &'p Agent>,
    namespaces: HashMap<&'p str, &'p Agent>,
    patterns: Vec<(&'p str, &'p Agent)>,
}

impl<'p> Agents<'p> {
    /// Those of a policy.
    #[must_use]
    pub fn new(policy: &'p Policy) -> Self {
        let mut agents = Self {
            own_domain: policy.mesh.trust_domains.first().map(String::as_str),
            paths: HashMap::new(),
            ids: HashMap::new(),
            namespaces: HashMap::new(),
            patterns: Vec::new(),
        };
        for agent in &policy.agents {
            for identity in &agent.identities {
                match identity {
                    Identity::Path(path) => {
                        agents.paths.insert(path, agent);
                    }
                    Identity::Id { trust_domain, path } => {
                        agents.ids.insert((trust_domain, path), agent);
                    }
                    Identity::Namespace(namespace) => {
                        agents.namespaces.insert(namespace, agent);
                    }
                    Identity::Pattern(pattern) => agents.patterns.push((pattern, agent)),
                }
            }
        }
        agents
    }

    /// The agent that a workload is: of several identities that cover it the most exact one counts.
    #[must_use]
    pub fn of(&self, workload: &Workload) -> Option<&'p Agent> {
        let path = format!("/ns/{}/sa/{}", workload.namespace, workload.service_account);
        let by_pattern = || self.patterns.iter().find(|(pattern, _)| matches_path(pattern, &path));
        self.paths
            .get(path.as_str())
            .or_else(|| self.ids.get(&(self.own_domain?, path.as_str())))
            .or_else(|| self.namespaces.get(workload.namespace.as_str()))
            .copied()
            .or_else(|| by_pattern().map(|(_, agent)| *agent))
    }
}

/// Whether a SPIFFE path matches a pattern, in which `*` stands for any run of characters within a segment.
fn matches_path(pattern: &str, path: &str) -> bool {
    pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(|(pattern, segment)| matches_segment(pattern, segment))
}

fn matches_segment(pattern: &str, segment: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((before, after)) => segment.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| rest.get(at..).is_some_and(|rest| matches_segment(after, rest)))
        }),
    }
}

/// Namespace and service account of a SPIFFE path as Istio writes them.
#[must_use]
pub fn kubernetes(path: &str) -> Option<Workload> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["", "ns", namespace, "sa", account] => {
            Some(Workload { namespace: (*namespace).to_owned(), service_account: (*account).to_owned() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::matches_path;

    #[test]
    fn a_star_stays_within_a_segment() {
        for (pattern, path, matches) in [
            ("/ns/*/sa/b", "/ns/a/sa/b", true),
            ("/ns/*/sa/b", "/ns/a/x/sa/b", false),
            ("/ns/a/sa/n-*-x", "/ns/a/sa/n-1-2-x", true),
            ("/ns/a/sa/n-*-x", "/ns/a/sa/n-x", false),
            ("/ns/a/sa/**", "/ns/a/sa/b", true),
            ("/ns/a/sa/*", "/ns/a/sa/", true),
            ("/ns/a/sa/b", "/ns/a/sa/bb", false),
        ] {
            assert_eq!(matches_path(pattern, path), matches, "{pattern} {path}");
        }
    }
}
