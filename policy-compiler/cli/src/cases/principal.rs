//! Agents as the principals that they are.

use ambit_compiler::model::{Agent, Identity, Policy};

/// A SPIFFE id that is this agent: by its first identity, and in the first trust domain if any will do.
pub(crate) fn principal_of(policy: &Policy, agent: &Agent) -> String {
    let domain = policy.mesh.trust_domains.first().map_or("cluster.local", String::as_str);
    match agent.identities.first() {
        Some(Identity::Path(path)) => format!("spiffe://{domain}{path}"),
        Some(Identity::Id { trust_domain, path }) => format!("spiffe://{trust_domain}{path}"),
        Some(Identity::Namespace(namespace)) => format!("spiffe://{domain}/ns/{namespace}/sa/any"),
        Some(Identity::Pattern(pattern)) => format!("spiffe://{domain}{}", pattern.replace('*', "any")),
        None => format!("spiffe://{domain}/agent/{}", agent.name),
    }
}
