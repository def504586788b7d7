//! The plugin configuration, as `ambit render` writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::policy::{Policy, PolicyError};

/// Where the peer's principal is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// The certificate of the downstream connection: a sidecar.
    #[default]
    Connection,
    /// The filter state that istiod fills on a waypoint, where mTLS ends in an outer listener (host facts, 1.3).
    Waypoint,
}

/// The JSON object of a `pluginConfig`. Unknown members are refused: they could be meant to narrow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    /// The policy blob in standard base64.
    policy: String,
    #[serde(default)]
    identity: Identity,
}

/// What a plugin configuration comes to.
#[derive(Debug)]
pub struct Settings {
    /// What judges. `None` denies everything.
    pub policy: Option<Policy>,
    /// Where the peer's principal is read from.
    pub identity: Identity,
}

/// Why a plugin configuration is refused.
#[derive(Debug)]
pub enum SettingsError {
    /// It is not the JSON object that it should be; line and column as `serde_json` counts them.
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The policy is not standard base64.
    Base64,
    /// The policy is no program.
    Policy(PolicyError),
}

impl Settings {
    /// Reads a configuration. Nothing at all is a configuration that denies everything: it is what istiod sends for
    /// an empty `pluginConfig` (host facts, 2.2).
    ///
    /// # Errors
    /// [`SettingsError`]; the proxy then keeps the configuration that it had.
    pub fn parse(bytes: &[u8]) -> Result<Self, SettingsError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { policy: None, identity: Identity::Connection });
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| SettingsError::Json { line: error.line(), column: error.column() })?;
        let blob = STANDARD.decode(document.policy).map_err(|_| SettingsError::Base64)?;
        let policy = Policy::load(blob).map_err(SettingsError::Policy)?;
        Ok(Self { policy: Some(policy), identity: document.identity })
    }
}

impl core::fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json { line, column } => {
                write!(formatter, "code=configuration-malformed line={line} column={column}")
            }
            Self::Base64 => write!(formatter, "code=policy-not-base64"),
            Self::Policy(error) => write!(formatter, "{error}"),
        }
    }
}
