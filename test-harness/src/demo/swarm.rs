//! The workloads of the sandbox: five agents and two tools, each a plain server behind its own Envoy.
//!
//! Every Envoy has two lanes. One is guarded by the filter, the other by Envoy's RBAC filter as Istio configures it, and
//! the same application code stands behind both.

use std::path::{Path, PathBuf};

use ambit_compiler::compile::Options as CompileOptions;

use super::{agent, tool};
use crate::authorization_policy::AuthorizationPolicies;
use crate::envoy::config::{Direction, Filter};
use crate::mesh::{Mesh, Update, WorkloadSpec};
use crate::policy_directory::{
    Blobs, LineageSettings, OutboundSettings, PolicyDirectory, inbound_config, with_settings,
};

/// Name, namespace and service account of every workload. An agent is called as its workload is.
pub(super) const WORKLOADS: [(&str, &str, &str); 7] = [
    ("support", "support", "support-agent"),
    ("research", "research", "research-agent"),
    ("planner", "planning", "planner-agent"),
    ("billing", "finance", "billing-agent"),
    ("admin", "ops", "admin-agent"),
    ("orders-db", "data", "orders-db"),
    ("payments", "finance", "payments"),
];

/// What the lane without the filter is guarded by.
const AUTHORIZATION_POLICIES: &str = include_str!("authorization-policies.yaml");

/// How long a request limits what its agent does after its response. Short, so that whoever plays with the sandbox
/// does not wait for it; 30 s is what a mesh would have.
pub(super) const WINDOW_MS: u32 = 500;

/// The running sandbox.
pub(super) struct Swarm {
    pub(super) mesh: Mesh,
    lineage: LineageSettings,
}

impl Swarm {
    pub(super) fn start(module: &Path, envoy: PathBuf, policy: &Compiled) -> Result<Self, String> {
        // Proxies of one machine do not share a table, so they may share a secret; the sandbox needs it not to be
        // guessed for as long as it runs.
        let secret = std::array::from_fn(|_| rand_byte());
        let lineage = LineageSettings { secret, window_ms: Some(WINDOW_MS), strict: false };
        let policies = AuthorizationPolicies::parse(AUTHORIZATION_POLICIES)?;
        let mut builder = Mesh::builder("demo").envoy(envoy);
        for (name, namespace, account) in WORKLOADS {
            let filter = |root_id: &str, config: Option<String>| Filter {
                module: module.to_owned(),
                root_id: root_id.to_owned(),
                config,
            };
            let inbound = policy.inbound(name, account, &lineage);
            let outbound = policy.outbound(name, &lineage);
            let rbac = policies.rbac(namespace, name).ok_or("a workload without an AuthorizationPolicy")?;
            let workload = WorkloadSpec::new(name, &spiffe(namespace, account))
                .filter(Direction::Inbound, filter("ambit-inbound", inbound))
                .filter(Direction::Outbound, filter("ambit-outbound", Some(outbound)))
                .rbac(rbac);
            builder = builder.workload(match name {
                "orders-db" => workload.app(tool::database),
                "payments" => workload.app(tool::payments),
                _ => workload.app(move |call| match call.request.target.as_str() {
                    "/tasks" => agent::act(name, call),
                    _ => tool::statement(call),
                }),
            });
        }
        let mesh = builder.start().map_err(|error| format!("the mesh does not start: {error}"))?;
        Ok(Self { mesh, lineage })
    }

    /// Puts another policy in force everywhere. What a workload refuses is said; what it had then stays.
    pub(super) fn update(&self, policy: &Compiled) -> Result<Vec<String>, String> {
        let mut refused = Vec::new();
        for (name, _, account) in WORKLOADS {
            let inbound = policy.inbound(name, account, &self.lineage);
            let outbound = Some(policy.outbound(name, &self.lineage));
            for (direction, config) in [(Direction::Inbound, inbound), (Direction::Outbound, outbound)] {
                let update = self.mesh.workload(name).update(direction, |filter| filter.config = config);
                match update.map_err(|error| format!("`{name}` takes no update: {error}"))? {
                    Update::Accepted => {}
                    Update::Rejected { log } => {
                        refused.push(format!("`{name}` refused it: {}", log.join(" ")))
                    }
                }
            }
        }
        Ok(refused)
    }
}

/// A policy as it goes into plugin configurations.
pub(super) struct Compiled {
    blobs: Blobs,
    agents: OutboundSettings,
}

impl Compiled {
    /// Every sidecar of the sandbox stamps, so a peer that does not has gone around its own.
    pub(super) fn new(policy: &PolicyDirectory, generation: u64) -> Result<Self, String> {
        let options = CompileOptions { generation, require_stamp: true, ..CompileOptions::default() };
        Ok(Self { blobs: policy.compile(&options)?, agents: policy.outbound_settings()? })
    }

    fn inbound(&self, name: &str, account: &str, lineage: &LineageSettings) -> Option<String> {
        let blob = self.blobs.get(account)?;
        Some(self.with_agent(name, inbound_config(blob, Some(lineage))))
    }

    fn outbound(&self, name: &str, lineage: &LineageSettings) -> String {
        self.with_agent(name, lineage.outbound_config())
    }

    fn with_agent(&self, name: &str, config: String) -> String {
        match self.agents.get(name) {
            Some(settings) => with_settings(&config, settings),
            None => config,
        }
    }
}

/// The SPIFFE id of a service account.
fn spiffe(namespace: &str, account: &str) -> String {
    format!("spiffe://cluster.local/ns/{namespace}/sa/{account}")
}

/// The workload whose SPIFFE id this is.
pub(super) fn workload(id: &str) -> Option<&'static str> {
    let (name, ..) =
        WORKLOADS.into_iter().find(|(_, namespace, account)| spiffe(namespace, account) == id)?;
    Some(name)
}

/// A byte that no one guesses: the standard library keys its hash maps from the system's randomness.
fn rand_byte() -> u8 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    random.to_le_bytes()[0]
}
