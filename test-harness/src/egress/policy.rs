//! The configurations that the text of a policy comes to for one workload.

use ambit_compiler::check::{Checked, check};
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::egress;
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::source::Sources;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::scenario::Destination;

/// What both sides of a proxy share.
const SECRET: [u8; 16] = *b"sixteen byte key";

/// Plugin configurations of one workload.
#[derive(Debug, Clone)]
pub struct Configs {
    /// Requests to it.
    pub inbound: String,
    /// Its calls.
    pub outbound: String,
    /// Its connections.
    pub network: String,
}

impl Configs {
    /// Those of a policy text. `internal` are addresses of the mesh.
    ///
    /// # Errors
    ///
    /// The compiler's words, or that nothing bounds what the workload calls outside.
    pub fn of(text: &str, workload: &Destination, internal: &[String]) -> Result<Self, String> {
        let sources = Sources::single("policy.yaml", text);
        let Checked { diagnostics, policy } = check(&sources);
        let policy = policy.ok_or_else(|| render(&diagnostics, &sources, Format::Human { colour: false }))?;
        let place = Workload {
            namespace: workload.namespace.clone(),
            service_account: workload.service_account.clone(),
        };
        let blob = |policy: &Policy| {
            let options = Options { generation: 1, ..Options::default() };
            compile(policy, &place, &options).map(|compiled| STANDARD.encode(compiled.blob))
        };
        let blob = |policy: &Policy| blob(policy).map_err(|error| error.to_string());
        let outside =
            egress::policy(&policy, &place).ok_or("nothing bounds what the workload calls outside")?;
        let lineage =
            json!({"secret": STANDARD.encode(SECRET), "windowMs": 0, "mesh": ["local", "svc.cluster.local"]});
        let leaving = |role: &str| -> Result<Value, String> {
            let mut config = json!({
                "role": role, "policy": blob(&outside)?, "agent": workload.spiffe(), "lineage": lineage,
            });
            if !internal.is_empty() {
                config["internal"] = json!(internal);
            }
            Ok(config)
        };
        Ok(Self {
            inbound: json!({"policy": blob(&policy)?, "lineage": lineage}).to_string(),
            outbound: leaving("outbound")?.to_string(),
            network: leaving("network")?.to_string(),
        })
    }
}
