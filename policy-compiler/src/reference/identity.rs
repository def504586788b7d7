//! From a principal to an agent.

use crate::model::{Agent, AgentId, Identity, Policy};

use super::glob;

/// The longest SPIFFE id, in bytes (SPIFFE-ID specification, section 2.3).
const MAX_SPIFFE_ID: usize = 2048;

/// The longest trust domain, in bytes (SPIFFE-ID specification, section 2.1).
const MAX_TRUST_DOMAIN: usize = 255;

/// A well-formed SPIFFE id of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// The trust domain.
    pub trust_domain: &'a str,
    /// The path, with its leading `/`.
    pub path: &'a str,
}

impl<'a> SpiffeId<'a> {
    /// Reads a SPIFFE id. `None` if it is malformed; an id without a path names no workload and is malformed here.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("spiffe://")?;
        let (trust_domain, path) = rest.split_at_checked(rest.find('/')?)?;
        let domain_ok = !trust_domain.is_empty()
            && trust_domain.len() <= MAX_TRUST_DOMAIN
            && trust_domain.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_'));
        let path_ok = path.split('/').skip(1).all(segment_ok);
        (text.len() <= MAX_SPIFFE_ID && domain_ok && path_ok).then_some(Self { trust_domain, path })
    }

    /// Whether the trust domain is one of the mesh's.
    pub(super) fn is_of(&self, policy: &Policy) -> bool {
        policy.mesh.trust_domains.iter().any(|domain| domain == self.trust_domain)
    }

    /// Namespace and service account, if the path is `/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
    pub(super) fn kubernetes(&self) -> Option<(&'a str, &'a str)> {
        let mut parts = self.path.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(""), Some("ns"), Some(namespace), Some("sa"), Some(account), None) => {
                Some((namespace, account))
            }
            _ => None,
        }
    }
}

fn segment_ok(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.chars().all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_'))
}

/// The agent that `id` is: the best-ranked identity that matches, and the first agent among equals.
pub(super) fn agent_of(policy: &Policy, id: &SpiffeId<'_>) -> Option<AgentId> {
    let candidates =
        (0..).zip(&policy.agents).flat_map(|(index, agent)| ranks(agent, id).map(move |rank| (rank, index)));
    candidates.min().map(|(_, index)| AgentId(index))
}

/// The ranks of those identities of `agent` that match; the least is the best.
fn ranks<'a>(agent: &'a Agent, id: &'a SpiffeId<'_>) -> impl Iterator<Item = u8> + 'a {
    agent.identities.iter().filter_map(|identity| match identity {
        Identity::Path(path) => (path == id.path).then_some(0),
        Identity::Id { trust_domain, path } => {
            (trust_domain == id.trust_domain && path == id.path).then_some(1)
        }
        Identity::Namespace(namespace) => {
            id.kubernetes().is_some_and(|(actual, _)| actual == namespace).then_some(2)
        }
        Identity::Pattern(pattern) => glob::matches_path(pattern, id.path).then_some(3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_malformed_ids() {
        for text in [
            "",
            "spiffe://",
            "spiffe://mesh",
            "spiffe://mesh/",
            "spiffe:///ns/a",
            "SPIFFE://mesh/ns/a",
            "spiffe://Mesh/ns/a",
            "spiffe://mesh/ns//sa",
            "spiffe://mesh/ns/a/",
            "spiffe://mesh/ns/../sa",
            "spiffe://mesh/./sa",
            "spiffe://mesh/ns/a%20b",
            "spiffe://mesh/ns/a\0",
            "spiffe://mesh:443/ns/a",
            "spiffe://mesh/ns/a?b",
            "https://mesh/ns/a",
        ] {
            assert_eq!(SpiffeId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn finds_namespace_and_service_account() {
        let check =
            |text, expected| assert_eq!(SpiffeId::parse(text).and_then(|id| id.kubernetes()), expected);
        check("spiffe://mesh/ns/a/sa/b", Some(("a", "b")));
        check("spiffe://mesh/ns/a/sa/b/c", None);
        check("spiffe://mesh/ns/a", None);
        check("spiffe://mesh/x/a/sa/b", None);
    }
}
