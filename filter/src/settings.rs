//! The plugin configuration, as `ambit render` writes it.

mod document;
#[cfg(test)]
mod tests;

use ambit_eval::{Caller, Protocol};
use ambit_lineage::Mission;
use ambit_lineage::budget::{Budget, Rate};
use ambit_lineage::limits::DEFAULT_WINDOW_MS;
use ambit_lineage::secret::Secret;
use ambit_request::json::JsonError;
use ambit_request::spiffe::SpiffeId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::destination::Range;
use crate::evidence::Records;
use crate::head::split;
use crate::policy::{DEFAULT_MESH, Policy, PolicyError};
use crate::trust::{Trust, TrustError, TrustedKeys};
use document::{Document, LiveDocument};

/// Where the peer's principal is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// The certificate of the downstream connection: a sidecar.
    #[default]
    Connection,
    /// The filter state that istiod fills on a waypoint, where mTLS ends in an outer listener (host facts, 1.3).
    Waypoint,
}

/// Which side of the proxy a configuration is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Requests to the workload: they are judged.
    #[default]
    Inbound,
    /// Calls of the workload: they are stamped with the lineage, and judged where they leave the mesh and policy says so.
    Outbound,
    /// Connections of the workload: they are judged where they leave the mesh.
    Network,
}

/// Who calls, where it is judged what leaves the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The workload's own SPIFFE id.
    pub agent: String,
    /// Addresses of the mesh.
    pub internal: Vec<Range>,
}

/// How the lineage of live requests is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What makes the table in the shared map this proxy's own.
    pub secret: [u8; 16],
    /// How long a request limits after its response, in milliseconds.
    pub window_ms: u32,
    /// Never to trust the application's choice of correlation id.
    pub strict: bool,
    /// Suffixes of names that are of the mesh.
    pub mesh: Vec<String>,
    /// To keep the lineage from the application.
    pub hide: bool,
    /// The mission of work that the agent begins itself, unless its application declares one.
    pub mission: Option<String>,
    /// How many calls may be made.
    pub budgets: Vec<LocalBudget>,
    /// To record that a budget is used up, and let the call pass.
    pub shadow: bool,
}

/// How many calls the agent may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalBudget {
    /// Under this mission; at all, if none.
    pub mission: Option<String>,
    /// How many.
    pub budget: Budget,
}

/// What a plugin configuration comes to.
#[derive(Debug)]
pub struct Settings {
    /// What judges. `None` denies everything.
    pub policy: Option<Policy>,
    /// Who is trusted to sign policy, and who signed this one. `None` takes any policy, unsigned ones too.
    pub trust: Option<Trust>,
    /// Which side of the proxy it is for.
    pub role: Role,
    /// Where the peer's principal is read from.
    pub identity: Identity,
    /// Whether headers wait for the body where policy needs it. Envoy then must show a filter the body of a request whose
    /// headers it holds (`allow_on_headers_stop_iteration`); otherwise such a request gets no answer.
    pub hold_headers: bool,
    /// How the lineage of live requests is kept, if it is.
    pub live: Option<Live>,
    /// Who calls, if calls or connections are judged.
    egress: Option<Egress>,
}

/// Why a plugin configuration is refused.
#[derive(Debug)]
pub enum SettingsError {
    /// It is not JSON, or has a member twice.
    Json(JsonError),
    /// It is no object (then without a name), or this member of it cannot have such a value.
    Member(&'static str),
    /// It has a member that there is not.
    Unknown(String),
    /// The policy is not standard base64.
    Base64,
    /// The inbound role or that of connections has no policy.
    NoPolicy,
    /// The outbound role has nothing to stamp with, or that of connections no lineage to judge by.
    NoLineage,
    /// There is a policy for what leaves the mesh, and it is not said from whom.
    NoAgent,
    /// The policy is not one for what leaves the mesh.
    NotEgress,
    /// The policy is another workload's than that which calls.
    AnotherAgent,
    /// The secret is not 16 bytes in standard base64.
    Secret,
    /// Who may sign policy cannot be read, or none of them has signed this one.
    Trust(TrustError),
    /// What should be the name of a mission is none.
    Mission,
    /// A budget is not written as one is.
    Budget,
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
            return Ok(Self {
                policy: None,
                trust: None,
                role: Role::Inbound,
                identity: Identity::Connection,
                hold_headers: false,
                live: None,
                egress: None,
            });
        }
        let document = Document::read(bytes)?;
        let keys =
            document.keys.as_deref().map(TrustedKeys::read).transpose().map_err(SettingsError::Trust)?;
        let (policy, trust) = match document.policy {
            Some(policy) => {
                let blob = STANDARD.decode(policy).map_err(|_| SettingsError::Base64)?;
                // Who made it is asked before anything in it is looked at.
                let trust = keys.map(|keys| keys.check(&blob)).transpose().map_err(SettingsError::Trust)?;
                (Some(Policy::load(blob).map_err(SettingsError::Policy)?), trust)
            }
            None if document.role != Role::Outbound => return Err(SettingsError::NoPolicy),
            None => (None, None),
        };
        let live = document.lineage.map(Live::read).transpose()?;
        let policy = match &live {
            Some(live) => policy.map(|policy| policy.in_mesh(&live.mesh)),
            None => policy,
        };
        let records = Records {
            loggable: document.loggable.unwrap_or_default(),
            allows: document.allows.unwrap_or(0),
            secret: live.as_ref().map(|live| Secret::new(live.secret)),
        };
        let policy = policy.map(|policy| policy.recorded(records));
        if live.is_none() && document.role != Role::Inbound {
            return Err(SettingsError::NoLineage);
        }
        let egress = match (&policy, document.role) {
            (Some(policy), Role::Outbound | Role::Network) => {
                Some(Egress::read(policy, document.agent, document.internal)?)
            }
            _ if document.agent.is_some() => return Err(SettingsError::Member("agent")),
            _ if document.internal.is_some() => return Err(SettingsError::Member("internal")),
            _ => None,
        };
        let Document { role, identity, hold_headers, .. } = document;
        Ok(Self { policy, trust, role, identity, hold_headers, live, egress })
    }
}

impl Egress {
    /// The workload as the one that calls.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller::Proven(split(&self.agent))
    }

    fn read(
        policy: &Policy,
        agent: Option<String>,
        internal: Option<Vec<String>>,
    ) -> Result<Self, SettingsError> {
        let agent = agent.ok_or(SettingsError::NoAgent)?;
        if SpiffeId::parse(agent.as_bytes()).is_err() {
            return Err(SettingsError::Member("agent"));
        }
        if !policy.program().speaks(Protocol::Egress) {
            return Err(SettingsError::NotEgress);
        }
        if !policy.is_for(agent.as_bytes()) {
            return Err(SettingsError::AnotherAgent);
        }
        let mut ranges = Vec::new();
        for range in internal.iter().flatten() {
            ranges.push(Range::parse(range).ok_or(SettingsError::Member("internal"))?);
        }
        Ok(Self { agent, internal: ranges })
    }
}

impl Settings {
    /// What judges whatever leaves the mesh, and who calls, if that is judged.
    #[must_use]
    pub fn egress(&self) -> Option<(&Policy, &Egress)> {
        self.policy.as_ref().zip(self.egress.as_ref())
    }

    /// The generation of the policy; 0 if there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.policy.as_ref().map_or(0, |policy| policy.program().header().generation)
    }
}

impl Live {
    fn read(document: LiveDocument) -> Result<Self, SettingsError> {
        let secret = STANDARD.decode(document.secret).map_err(|_| SettingsError::Secret)?;
        let secret = <[u8; 16]>::try_from(secret).map_err(|_| SettingsError::Secret)?;
        let mesh = document.mesh.unwrap_or_else(|| DEFAULT_MESH.map(String::from).to_vec());
        let window_ms = document.window_ms.unwrap_or(DEFAULT_WINDOW_MS);
        let mut budgets = Vec::new();
        for text in document.budgets.iter().flatten() {
            budgets.push(LocalBudget::read(text).ok_or(SettingsError::Budget)?);
        }
        if document.mission.as_ref().is_some_and(|name| Mission::parse(name.as_bytes()).is_none()) {
            return Err(SettingsError::Mission);
        }
        Ok(Self {
            secret,
            window_ms,
            strict: document.strict,
            mesh,
            hide: document.hide,
            mission: document.mission,
            budgets,
            shadow: document.shadow,
        })
    }
}

impl LocalBudget {
    /// Reads a budget: `root=20`, `window=200/60000` (calls, milliseconds) and `mission=NAME`, each at most once and one
    /// space between two. It is a line of text because an object would cost more of the module than counting does.
    fn read(text: &str) -> Option<Self> {
        let mut read = Self { mission: None, budget: Budget::default() };
        for part in text.split(' ') {
            let (name, value) = part.split_once('=')?;
            let is_again = match name {
                "root" => read.budget.per_root.replace(value.parse().ok()?).is_some(),
                "window" => {
                    let (calls, window_ms) = value.split_once('/')?;
                    let rate = Rate { calls: calls.parse().ok()?, window_ms: window_ms.parse().ok()? };
                    read.budget.rate.replace(rate).is_some()
                }
                "mission" => {
                    let mission = Mission::parse(value.as_bytes())?;
                    read.mission.replace(String::from(mission.as_str())).is_some()
                }
                _ => return None,
            };
            if is_again {
                return None;
            }
        }
        Some(read)
    }
}

impl core::fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json(error) => {
                let (reason, offset) = (error.kind().word(), error.offset());
                write!(formatter, "code=configuration-malformed reason={reason} offset={offset}")
            }
            Self::Member("") => write!(formatter, "code=configuration-malformed reason=no-object"),
            Self::Member(name) => write!(formatter, "code=configuration-malformed member={name}"),
            Self::Unknown(name) => write!(formatter, "code=configuration-malformed unknown={name}"),
            Self::Base64 => write!(formatter, "code=policy-not-base64"),
            Self::NoPolicy => write!(formatter, "code=policy-missing"),
            Self::NoLineage => write!(formatter, "code=lineage-missing"),
            Self::NoAgent => write!(formatter, "code=agent-missing"),
            Self::NotEgress => write!(formatter, "code=policy-not-of-egress"),
            Self::AnotherAgent => write!(formatter, "code=policy-for-another-workload member=agent"),
            Self::Secret => write!(formatter, "code=secret-not-16-bytes-in-base64"),
            Self::Trust(error) => write!(formatter, "{error}"),
            Self::Mission => write!(formatter, "code=mission-malformed"),
            Self::Budget => write!(formatter, "code=budget-malformed"),
            Self::Policy(error) => write!(formatter, "{error}"),
        }
    }
}
