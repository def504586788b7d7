//! The workloads of the sandbox: three agents and the database tool, each a plain server behind its own Envoy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::agent;
use crate::envoy::config::{Direction, Filter};
use crate::mesh::{Mesh, Update, WorkloadSpec};
use crate::upstream::{Call, Reply};

/// Name, namespace and service account of every workload.
pub(super) const WORKLOADS: [(&str, &str, &str); 4] = [
    ("support", "support", "support-agent"),
    ("planner", "planning", "planner-agent"),
    ("admin", "admin", "admin-agent"),
    ("orders-db", "data", "orders-db"),
];

/// The plugin configuration of each workload, by its service account.
pub(super) type Configs = BTreeMap<String, String>;

/// The running sandbox.
pub(super) struct Swarm {
    pub(super) mesh: Mesh,
}

impl Swarm {
    pub(super) fn start(module: &Path, envoy: PathBuf, configs: &Configs) -> Result<Self, String> {
        let mut builder = Mesh::builder("demo").envoy(envoy);
        for (name, namespace, account) in WORKLOADS {
            let spiffe = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
            let filter = Filter {
                module: module.to_owned(),
                root_id: "ambit-inbound".to_owned(),
                config: configs.get(account).cloned(),
            };
            let workload = WorkloadSpec::new(name, &spiffe).filter(Direction::Inbound, filter);
            builder = builder.workload(match name {
                "orders-db" => workload.app(database),
                _ => workload.app(agent::act),
            });
        }
        let mesh = builder.start().map_err(|error| format!("the mesh does not start: {error}"))?;
        Ok(Self { mesh })
    }

    /// Puts another policy in force everywhere. What a workload refuses is said; what it had then stays.
    pub(super) fn update(&self, configs: &Configs) -> Result<Vec<String>, String> {
        let mut refused = Vec::new();
        for (name, _, account) in WORKLOADS {
            let Some(config) = configs.get(account) else { continue };
            let update = self.mesh.workload(name).update_policy(config);
            match update.map_err(|error| format!("`{name}` takes no update: {error}"))? {
                Update::Accepted => {}
                Update::Rejected { log } => refused.push(format!("`{name}` refused it: {}", log.join(" "))),
            }
        }
        Ok(refused)
    }
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
