//! The shape of a file, and what it means.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Departure, Expected, Scenario, What};
use crate::scenario::{self, Bytes, Destination, Ending};

/// Runners that a file may name.
const RUNNERS: [&str; 3] = ["native", "wasm", "envoy"];

/// Where an application connects to that calls something over HTTP, unless the scenario says.
const ORIGINAL: &str = "203.0.113.80:80";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "it is for people")]
    about: String,
    workload: Workload,
    peers: BTreeMap<String, String>,
    #[serde(default)]
    internal: Vec<String>,
    policy: String,
    steps: Vec<Spanned<Step>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Workload {
    namespace: String,
    service_account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    case: String,
    /// Method, authority and target.
    call: Option<Bytes>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    original: Option<String>,
    /// An address with its port.
    connect: Option<String>,
    #[serde(rename = "as")]
    server_name: Option<Bytes>,
    /// On whose behalf, by the trace that the call carries.
    #[serde(rename = "for")]
    tied: Option<String>,
    /// Whose requests are being served.
    #[serde(default)]
    live: Vec<String>,
    expect: String,
    reaches: Option<String>,
    #[serde(default)]
    log: Vec<String>,
    #[serde(default)]
    not: BTreeMap<String, String>,
}

/// Reads every file.
///
/// # Errors
///
/// What cannot be meant, with its file and line.
pub fn load_all() -> Result<Vec<Scenario>, String> {
    let directory = scenario::directory().join("egress");
    let paths = scenario::yaml_files(&directory).map_err(|error: io::Error| error.to_string())?;
    paths.iter().map(|path| load(path)).collect()
}

fn load(path: &Path) -> Result<Scenario, String> {
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let file: File = serde_saphyr::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
    file.into_scenario(path.to_owned()).map_err(|error| format!("{shown}: {error}"))
}

impl File {
    fn into_scenario(self, path: PathBuf) -> Result<Scenario, String> {
        let Self {
            workload: Workload { namespace, service_account }, peers, policy, internal, steps, ..
        } = self;
        let departure = |step: Spanned<Step>| {
            let line = step.referenced.line();
            step.value.into_departure(line, &peers).map_err(|error| format!("line {line}: {error}"))
        };
        let departures = steps.into_iter().map(departure).collect::<Result<_, String>>()?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let workload = Destination { namespace, service_account };
        Ok(Scenario { name, path, workload, policy, internal, departures })
    }
}

impl Step {
    fn into_departure(self, line: u64, peers: &BTreeMap<String, String>) -> Result<Departure, String> {
        let address = |text: &str| -> Result<SocketAddr, String> {
            text.parse().map_err(|_| format!("`{text}` is no address with a port"))
        };
        let what = match (self.call, self.connect) {
            (Some(Bytes(call)), None) if self.server_name.is_none() => {
                let mut words = call.splitn(3, |byte| *byte == b' ').map(<[u8]>::to_vec);
                let (Some(method), Some(authority), Some(target)) =
                    (words.next(), words.next(), words.next())
                else {
                    return Err("`call` is a method, an authority and a target".to_owned());
                };
                let pair = |(name, value): (String, String)| (name.into_bytes(), value.into_bytes());
                What::Call {
                    method: String::from_utf8_lossy(&method).into_owned(),
                    authority,
                    target,
                    headers: self.headers.into_iter().map(pair).collect(),
                    original: address(self.original.as_deref().unwrap_or(ORIGINAL))?,
                }
            }
            (None, Some(connect)) if self.original.is_none() && self.headers.is_empty() => What::Connect {
                server_name: self.server_name.map(|Bytes(name)| name),
                address: address(&connect)?,
            },
            _ => return Err("a case is either a `call` or a `connect`, with what belongs to it".to_owned()),
        };
        let is_tied = self.tied.is_some();
        let peer = |name: &String| {
            peers.get(name).cloned().ok_or_else(|| format!("`{name}` is no peer of this file"))
        };
        let live = self.tied.iter().chain(&self.live).map(peer).collect::<Result<_, String>>()?;
        for (runner, because) in &self.not {
            if !RUNNERS.contains(&runner.as_str()) || because.trim().is_empty() {
                return Err(format!("`{runner}` is no runner, or no reason is given for it"));
            }
        }
        let expected = match self.expect.as_str() {
            "stays" => Expected::Stays,
            line => Expected::Ends(Ending::parse(line)?),
        };
        let (reaches, log, not) = (self.reaches, self.log, self.not.into_keys().collect());
        Ok(Departure { name: self.case, line, what, live, is_tied, expected, reaches, log, not })
    }
}
