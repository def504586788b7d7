//! Configurations of the filter: from policy text, as raw bytes, or as a damaged policy.

use std::path::{Path, PathBuf};

use ambit_compiler::check::{Checked, check};
use ambit_compiler::compile::{Options, SigningKey, compile};
use ambit_compiler::diagnostics::render::{Format, render};
use ambit_compiler::model::Workload;
use ambit_compiler::source::Sources;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// The workload that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Kubernetes service account.
    pub service_account: String,
}

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A policy.
    Policy(Box<PolicyText>),
    /// These bytes, as they are.
    Raw(Vec<u8>),
    /// The policy that was compiled last, damaged.
    Damaged(Damage),
}

/// A policy and what its blob says beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    pub(super) source: Source,
    /// Unix seconds; 0 is none.
    pub(super) not_before: u64,
    /// Unix seconds; 0 is none.
    pub(super) not_after: u64,
    pub(super) require_stamp: bool,
    /// The one after the former one's, if none.
    pub(super) generation: Option<u64>,
    /// The one that is called, if none.
    pub(super) workload: Option<Destination>,
    /// Name of the key that signs the blob.
    pub(super) signed_by: Option<String>,
    /// Names of the keys that the configuration trusts.
    pub(super) keys: Option<Vec<String>>,
}

/// The key of a name.
#[must_use]
pub fn signing_key(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed.iter_mut().zip(name.bytes()).for_each(|(slot, byte)| *slot = byte);
    SigningKey::from_seed(seed).expect("a seed that is not zero")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// In the scenario itself.
    Text(String),
    /// A file of `scenarios/policies`.
    File(String),
    /// All files of a directory of the compiler's samples.
    Sample(String),
}

/// What is done to a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// Only its first bytes are left.
    Keep(usize),
    /// Its last bytes are gone.
    Cut(usize),
    /// The lowest bit of the byte at this offset is turned.
    Flip(usize),
    /// These bytes follow it.
    Append(Vec<u8>),
}

/// Makes plugin configurations of settings, each policy of a later generation than the one before.
#[derive(Debug, Default)]
pub struct Press {
    generation: u64,
    blob: Vec<u8>,
    keys: Option<Vec<String>>,
}

impl Destination {
    /// Its SPIFFE id.
    #[must_use]
    pub fn spiffe(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/{}", self.namespace, self.service_account)
    }

    /// The authority by which it is called.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}.local", self.service_account)
    }
}

impl Press {
    /// The plugin configuration that `setting` comes to.
    ///
    /// # Errors
    ///
    /// The compiler's diagnostics.
    pub fn config(&mut self, setting: &Setting, destination: &Destination) -> Result<Vec<u8>, String> {
        match setting {
            Setting::Raw(bytes) => Ok(bytes.clone()),
            _ => {
                let blob = self.blob(setting, destination)?;
                Ok(configuration(&blob, self.keys.as_deref()))
            }
        }
    }

    /// The blob that `setting` comes to; raw bytes stand for themselves.
    ///
    /// # Errors
    ///
    /// As for [`Press::config`].
    pub fn blob(&mut self, setting: &Setting, destination: &Destination) -> Result<Vec<u8>, String> {
        match setting {
            Setting::Raw(bytes) => Ok(bytes.clone()),
            Setting::Damaged(damage) => damage.apply(&self.blob),
            Setting::Policy(policy) => {
                self.generation = policy.generation.unwrap_or(self.generation + 1);
                self.blob = policy.blob(destination, self.generation)?;
                self.keys.clone_from(&policy.keys);
                Ok(self.blob.clone())
            }
        }
    }
}

/// The plugin configuration that carries a blob, and trusts these keys.
fn configuration(blob: &[u8], keys: Option<&[String]>) -> Vec<u8> {
    let mut config = json!({"policy": STANDARD.encode(blob)});
    if let Some(names) = keys {
        config["keys"] = names.iter().map(|name| STANDARD.encode(signing_key(name).public())).collect();
    }
    config.to_string().into_bytes()
}

impl Damage {
    fn apply(&self, blob: &[u8]) -> Result<Vec<u8>, String> {
        let mut bytes = blob.to_vec();
        let short = || format!("the blob has only {} bytes", blob.len());
        match self {
            Self::Keep(length) if *length < bytes.len() => bytes.truncate(*length),
            Self::Cut(length) => bytes.truncate(bytes.len().checked_sub(*length).ok_or_else(short)?),
            Self::Flip(offset) => *bytes.get_mut(*offset).ok_or_else(short)? ^= 1,
            Self::Append(more) => bytes.extend(more),
            Self::Keep(_) => return Err(short()),
        }
        Ok(bytes)
    }
}

impl PolicyText {
    pub(super) const fn plain(source: Source) -> Self {
        Self {
            source,
            not_before: 0,
            not_after: 0,
            require_stamp: false,
            generation: None,
            workload: None,
            signed_by: None,
            keys: None,
        }
    }

    /// Name and text of each file.
    fn files(&self) -> Result<Vec<(String, String)>, String> {
        let unreadable = |error| format!("the policy cannot be read: {error}");
        let paths = match &self.source {
            Source::Text(text) => return Ok(vec![("policy".to_owned(), text.clone())]),
            Source::File(name) => vec![super::directory().join("policies").join(name).with_extension("yaml")],
            Source::Sample(name) => super::yaml_files(&samples().join(name)).map_err(unreadable)?,
        };
        let read = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            std::fs::read_to_string(path).map(|text| (name, text)).map_err(unreadable)
        };
        paths.iter().map(read).collect()
    }

    fn blob(&self, destination: &Destination, generation: u64) -> Result<Vec<u8>, String> {
        let mut sources = Sources::new();
        for (name, text) in self.files()? {
            sources.add(name, text);
        }
        let Checked { diagnostics, policy } = check(&sources);
        let policy = policy.ok_or_else(|| render(&diagnostics, &sources, Format::Human { colour: false }))?;
        let destination = self.workload.as_ref().unwrap_or(destination);
        let workload = Workload {
            namespace: destination.namespace.clone(),
            service_account: destination.service_account.clone(),
        };
        let options = Options {
            generation,
            not_before: self.not_before,
            not_after: self.not_after,
            require_stamp: self.require_stamp,
            signing_key: self.signed_by.as_deref().map(signing_key),
            ..Options::default()
        };
        compile(&policy, &workload, &options).map(|compiled| compiled.blob).map_err(|error| error.to_string())
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-compiler/samples")
}
