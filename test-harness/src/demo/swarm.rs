//! The workloads of the sandbox: three agents and the database tool, each a plain server behind its own Envoy.

use std::path::{Path, PathBuf};

use super::agent;
use crate::envoy::config::{Direction, Filter};
use crate::mesh::{Mesh, Update, WorkloadSpec};
use crate::policy_directory::{Blobs, LineageSettings, inbound_config};
use crate::upstream::{Call, Reply};

/// Name, namespace and service account of every workload.
pub(super) const WORKLOADS: [(&str, &str, &str); 4] = [
    ("support", "support", "support-agent"),
    ("planner", "planning", "planner-agent"),
    ("admin", "ops", "admin-agent"),
    ("orders-db", "data", "orders-db"),
];

/// How long a request limits what its agent does after its response. Short, so that whoever plays with the sandbox
/// does not wait for it; 30 s is what a mesh would have.
const WINDOW_MS: u32 = 2_000;

/// The running sandbox.
pub(super) struct Swarm {
    pub(super) mesh: Mesh,
    lineage: LineageSettings,
}

impl Swarm {
    pub(super) fn start(module: &Path, envoy: PathBuf, blobs: &Blobs) -> Result<Self, String> {
        // Proxies of one machine do not share a table, so they may share a secret; the sandbox needs it not to be
        // guessed for as long as it runs.
        let secret = std::array::from_fn(|_| rand_byte());
        let lineage = LineageSettings { secret, window_ms: Some(WINDOW_MS), strict: false };
        let mut builder = Mesh::builder("demo").envoy(envoy);
        for (name, namespace, account) in WORKLOADS {
            let spiffe = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
            let filter = |root_id: &str, config: Option<String>| Filter {
                module: module.to_owned(),
                root_id: root_id.to_owned(),
                config,
            };
            let inbound = blobs.get(account).map(|blob| inbound_config(blob, Some(&lineage)));
            let workload = WorkloadSpec::new(name, &spiffe)
                .filter(Direction::Inbound, filter("ambit-inbound", inbound))
                .filter(Direction::Outbound, filter("ambit-outbound", Some(lineage.outbound_config())));
            builder = builder.workload(match name {
                "orders-db" => workload.app(database),
                _ => workload.app(agent::act),
            });
        }
        let mesh = builder.start().map_err(|error| format!("the mesh does not start: {error}"))?;
        Ok(Self { mesh, lineage })
    }

    /// Puts another policy in force everywhere. What a workload refuses is said; what it had then stays.
    pub(super) fn update(&self, blobs: &Blobs) -> Result<Vec<String>, String> {
        let mut refused = Vec::new();
        for (name, _, account) in WORKLOADS {
            let Some(blob) = blobs.get(account) else { continue };
            let update = self.mesh.workload(name).update_policy(&inbound_config(blob, Some(&self.lineage)));
            match update.map_err(|error| format!("`{name}` takes no update: {error}"))? {
                Update::Accepted => {}
                Update::Rejected { log } => refused.push(format!("`{name}` refused it: {}", log.join(" "))),
            }
        }
        Ok(refused)
    }
}

/// A byte that no one guesses: the standard library keys its hash maps from the system's randomness.
fn rand_byte() -> u8 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    random.to_le_bytes()[0]
}

/// The tool that everything is about: it does what it is told, and trusts its sidecar to be asked first.
fn database(call: &Call) -> Reply {
    let path: Vec<&str> = call.request.target.split('/').skip(1).collect();
    let answer = match (call.request.method.as_str(), path.as_slice()) {
        ("GET", ["tables", table, "rows", row]) => {
            format!(r#"{{"table":"{table}","row":"{row}","status":"shipped"}}"#)
        }
        ("DELETE", ["tables", table]) => format!(r#"{{"table":"{table}","dropped":true}}"#),
        _ => return Reply::new(404, r#"{"error":"no such thing"}"#),
    };
    Reply::new(200, answer).header("content-type", "application/json")
}
