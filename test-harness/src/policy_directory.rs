//! A directory of policy text, compiled for the workloads of the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ambit_compiler::check::check;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::model::Workload;
use ambit_compiler::outbound;
use ambit_compiler::source::Sources;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A directory of policy text.
#[derive(Debug, Clone)]
pub struct PolicyDirectory {
    path: PathBuf,
}

impl PolicyDirectory {
    /// The smallest of the compiler's samples.
    #[must_use]
    pub fn sample() -> Self {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-compiler/samples/seed"))
    }

    /// The sample that the stories are about.
    #[must_use]
    pub fn swarm() -> Self {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-compiler/samples/swarm"))
    }

    /// A directory.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its path as a person would type it: from the current directory, if it lies below.
    #[must_use]
    pub fn shown(&self) -> String {
        let absolute = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let here = std::env::current_dir().unwrap_or_default();
        absolute.strip_prefix(here).unwrap_or(&absolute).display().to_string()
    }

    /// What changes when any of its files does.
    #[must_use]
    pub fn stamp(&self) -> Vec<(PathBuf, Option<SystemTime>)> {
        let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        self.files().unwrap_or_default().into_iter().map(|path| (path.clone(), modified(&path))).collect()
    }

    fn files(&self) -> Result<Vec<PathBuf>, String> {
        let entries =
            std::fs::read_dir(&self.path).map_err(|error| format!("`{}`: {error}", self.shown()))?;
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
        let mut files: Vec<_> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_yaml).collect();
        files.sort();
        Ok(files)
    }

    /// The blob of every workload that serves something, by service account.
    ///
    /// # Errors
    ///
    /// What is wrong with the policy, in the compiler's words.
    pub fn compile(&self, options: &Options) -> Result<Blobs, String> {
        compile_sources(&self.sources()?, options)
    }

    /// What the policy says of the agents' own calls, by agent: as [`outbound_settings`].
    ///
    /// # Errors
    ///
    /// What is wrong with the policy, in the compiler's words.
    pub fn outbound_settings(&self) -> Result<OutboundSettings, String> {
        settings_of_sources(&self.sources()?)
    }

    fn sources(&self) -> Result<Sources, String> {
        let mut sources = Sources::new();
        for path in self.files()? {
            let text = std::fs::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.add(name, text);
        }
        Ok(sources)
    }
}

/// Policy blobs by the service account of the workload that each is for.
pub type Blobs = BTreeMap<String, Vec<u8>>;

/// The blob of every workload that serves something in a policy text.
///
/// # Errors
///
/// What is wrong with the policy, in the compiler's words.
pub fn compile_text(text: &str, options: &Options) -> Result<Blobs, String> {
    compile_sources(&Sources::single("policy.yaml", text), options)
}

/// Members of `lineage` in plugin configurations, by agent.
pub type OutboundSettings = BTreeMap<String, Map<String, Value>>;

/// What a policy text says of the agents' own calls, by agent: members to be added to `lineage` in the plugin
/// configurations of its pods.
///
/// # Errors
///
/// What is wrong with the policy, in the compiler's words.
pub fn outbound_settings(text: &str) -> Result<OutboundSettings, String> {
    settings_of_sources(&Sources::single("policy.yaml", text))
}

fn settings_of_sources(sources: &Sources) -> Result<OutboundSettings, String> {
    let checked = check(sources);
    let policy = checked.policy.ok_or_else(|| render(&checked.diagnostics, sources, Format::Short))?;
    let agents = policy.agents.iter();
    Ok(agents.map(|agent| (agent.name.clone(), outbound::lineage(&policy, agent))).collect())
}

fn compile_sources(sources: &Sources, options: &Options) -> Result<Blobs, String> {
    let checked = check(sources);
    let policy = checked.policy.ok_or_else(|| render(&checked.diagnostics, sources, Format::Short))?;
    let workloads: BTreeSet<&Workload> = policy.services.iter().map(|service| &service.workload).collect();
    let blobs = workloads.into_iter().map(|workload| {
        let compiled = compile(&policy, workload, options).map_err(|error| error.to_string())?;
        Ok((workload.service_account.clone(), compiled.blob))
    });
    blobs.collect()
}

/// How the lineage of live requests is kept: the member `lineage` of a plugin configuration.
#[derive(Debug, Clone)]
pub struct LineageSettings {
    /// What both roles of a proxy share.
    pub secret: [u8; 16],
    /// How long a request limits after its response, in milliseconds; the filter's own default if none.
    pub window_ms: Option<u32>,
    /// Never to trust the application's choice of correlation id.
    pub strict: bool,
}

impl LineageSettings {
    fn json(&self) -> Value {
        let mut json =
            json!({"secret": STANDARD.encode(self.secret), "strict": self.strict, "mesh": ["local"]});
        if let Some(window_ms) = self.window_ms {
            json["windowMs"] = json!(window_ms);
        }
        json
    }

    /// The plugin configuration of the outbound role.
    #[must_use]
    pub fn outbound_config(&self) -> String {
        json!({"role": "outbound", "lineage": self.json()}).to_string()
    }
}

/// The plugin configuration of the inbound role.
#[must_use]
pub fn inbound_config(blob: &[u8], lineage: Option<&LineageSettings>) -> String {
    let mut config = json!({"policy": STANDARD.encode(blob)});
    if let Some(lineage) = lineage {
        config["lineage"] = lineage.json();
    }
    config.to_string()
}

/// A plugin configuration with further members in its `lineage`.
///
/// # Panics
///
/// When the configuration is no JSON.
#[must_use]
pub fn with_settings(config: &str, settings: &Map<String, Value>) -> String {
    let mut config: Value = serde_json::from_str(config).expect("a plugin configuration is JSON");
    for (member, value) in settings {
        config["lineage"][member] = value.clone();
    }
    config.to_string()
}
