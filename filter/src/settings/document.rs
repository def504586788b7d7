//! The JSON object of a `pluginConfig`, read by the strict scanner that bodies are read by.
//!
//! Unknown members are refused, for they could be meant to narrow; so are repeated ones, and names that only look like
//! a member's.

use ambit_request::extract::{
    self, ClosedId, Extractor, FieldId, Root, Selection, SelectionBuilder, Step, Value,
};

use super::{Identity, Role, SettingsError};
use crate::policy::PolicyError;

/// The longest name of an unknown member that is repeated in the log.
const MAX_LOGGED_NAME_BYTES: usize = 64;

/// What the object says. Nothing in it is decoded.
#[derive(Debug)]
pub(super) struct Document {
    /// The policy blob in standard base64. The inbound role needs one.
    pub(super) policy: Option<String>,
    /// The Ed25519 public keys by one of which the policy must be signed, 32 bytes each in standard base64.
    pub(super) keys: Option<Vec<String>>,
    pub(super) role: Role,
    pub(super) identity: Identity,
    /// To hold the headers back, too, where policy needs the body: only with `allow_on_headers_stop_iteration`.
    pub(super) hold_headers: bool,
    /// The lineage of live requests. The outbound role and that of connections need it; without it the inbound role
    /// remembers nothing.
    pub(super) lineage: Option<LiveDocument>,
    /// The workload's own SPIFFE id, where it is judged what leaves the mesh.
    pub(super) agent: Option<String>,
    /// Ranges of addresses that are of the mesh.
    pub(super) internal: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct LiveDocument {
    /// 16 bytes in standard base64, the same for both roles of a proxy, and nothing that others can guess.
    pub(super) secret: String,
    /// How long a request limits what its agent does after its response, in milliseconds.
    pub(super) window_ms: Option<u32>,
    /// Never to trust the application's choice of correlation id.
    pub(super) strict: bool,
    /// Suffixes of names that are of the mesh, besides names of one label. Nobody else is sent a lineage.
    pub(super) mesh: Option<Vec<String>>,
    /// To keep the lineage from the application: one host call a request.
    pub(super) hide: bool,
    /// The mission of work that the agent begins itself, unless its application declares one.
    pub(super) mission: Option<String>,
    /// How many calls may be made, each in a line of its own kind.
    pub(super) budgets: Option<Vec<String>>,
    /// To record that a budget is used up, and let the call pass.
    pub(super) shadow: bool,
}

impl Document {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SettingsError> {
        let mut members = Members { builder: Selection::builder(Root::Document) };
        let all = members.closed(&[])?;
        let policy = members.field(&[POLICY])?;
        let keys = members.field(&[KEYS])?;
        let each_key = members.field(&[KEYS, Step::Elements])?;
        let role = members.field(&[ROLE])?;
        let identity = members.field(&[IDENTITY])?;
        let hold_headers = members.field(&[HOLD_HEADERS])?;
        let lineage = members.field(&[LINEAGE])?;
        let all_of_lineage = members.closed(&[LINEAGE])?;
        let secret = members.field(&[LINEAGE, Step::Key("secret")])?;
        let window_ms = members.field(&[LINEAGE, Step::Key("windowMs")])?;
        let strict = members.field(&[LINEAGE, Step::Key("strict")])?;
        let mesh = members.field(&[LINEAGE, Step::Key("mesh")])?;
        let suffixes = members.field(&[LINEAGE, Step::Key("mesh"), Step::Elements])?;
        let hide = members.field(&[LINEAGE, Step::Key("hide")])?;
        let mission = members.field(&[LINEAGE, Step::Key("mission")])?;
        let budgets = members.field(&[LINEAGE, Step::Key("budgets")])?;
        let each_budget = members.field(&[LINEAGE, Step::Key("budgets"), Step::Elements])?;
        let shadow = members.field(&[LINEAGE, Step::Key("shadow")])?;
        let agent = members.field(&[Step::Key("agent")])?;
        let internal = members.field(&[INTERNAL])?;
        let each_range = members.field(&[INTERNAL, Step::Elements])?;
        let selection = members.builder.build();

        // What the host holds already bounds what it takes to read it.
        let mut extractor = Extractor::with_room(&selection, bytes.len());
        let read = extractor.push(bytes).and_then(|_| extractor.finish());
        let facts = read.map_err(SettingsError::Json)?;
        let object = match facts.document(0) {
            Some(document) if facts.shape() == Some(extract::Shape::Object) => Object { document },
            _ => return Err(SettingsError::Member("")),
        };
        object.has_no_other_than(all)?;
        object.has_no_other_than(all_of_lineage)?;
        let live = match object.document.value(lineage) {
            Value::Absent | Value::Null => None,
            Value::Object => Some(LiveDocument {
                secret: object.text(secret, "secret")?.ok_or(SettingsError::Secret)?,
                window_ms: object.number(window_ms, "windowMs")?,
                strict: object.truth(strict, "strict")?,
                mesh: object.texts(mesh, suffixes, "mesh")?,
                hide: object.truth(hide, "hide")?,
                mission: object.text(mission, "mission")?,
                budgets: object.texts(budgets, each_budget, "budgets")?,
                shadow: object.truth(shadow, "shadow")?,
            }),
            _ => return Err(SettingsError::Member("lineage")),
        };
        Ok(Self {
            policy: object.text(policy, "policy")?,
            keys: object.texts(keys, each_key, "keys")?,
            role: object.word(
                role,
                "role",
                &[("inbound", Role::Inbound), ("outbound", Role::Outbound), ("network", Role::Network)],
            )?,
            identity: object.word(
                identity,
                "identity",
                &[("connection", Identity::Connection), ("waypoint", Identity::Waypoint)],
            )?,
            hold_headers: object.truth(hold_headers, "holdHeaders")?,
            lineage: live,
            agent: object.text(agent, "agent")?,
            internal: object.texts(internal, each_range, "internal")?,
        })
    }
}

const POLICY: Step<'static> = Step::Key("policy");
const KEYS: Step<'static> = Step::Key("keys");
const ROLE: Step<'static> = Step::Key("role");
const IDENTITY: Step<'static> = Step::Key("identity");
const HOLD_HEADERS: Step<'static> = Step::Key("holdHeaders");
const LINEAGE: Step<'static> = Step::Key("lineage");
const INTERNAL: Step<'static> = Step::Key("internal");

/// The members that there may be.
struct Members {
    builder: SelectionBuilder,
}

impl Members {
    fn field(&mut self, path: &[Step<'static>]) -> Result<FieldId, SettingsError> {
        self.builder.field(path).map_err(|error| SettingsError::Policy(PolicyError::Selection(error)))
    }

    fn closed(&mut self, path: &[Step<'static>]) -> Result<ClosedId, SettingsError> {
        self.builder.closed(path).map_err(|error| SettingsError::Policy(PolicyError::Selection(error)))
    }
}

/// The members that there are.
struct Object<'f> {
    document: extract::Document<'f>,
}

impl Object<'_> {
    fn has_no_other_than(&self, all: ClosedId) -> Result<(), SettingsError> {
        match self.document.unlisted(all) {
            None => Ok(()),
            Some(name) => {
                let name = name.get(..MAX_LOGGED_NAME_BYTES).unwrap_or(name);
                Err(SettingsError::Unknown(name.escape_ascii().to_string()))
            }
        }
    }

    fn text(&self, field: FieldId, name: &'static str) -> Result<Option<String>, SettingsError> {
        match self.document.value(field) {
            Value::Absent | Value::Null => Ok(None),
            value => text(value).map(Some).ok_or(SettingsError::Member(name)),
        }
    }

    /// One of a few words; the first of them if there is none.
    fn word<T: Copy + Default>(
        &self,
        field: FieldId,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<T, SettingsError> {
        match self.document.value(field) {
            Value::Absent => Ok(T::default()),
            Value::Text(text) => words
                .iter()
                .find(|(word, _)| word.as_bytes() == text)
                .map(|(_, meaning)| *meaning)
                .ok_or(SettingsError::Member(name)),
            _ => Err(SettingsError::Member(name)),
        }
    }

    fn truth(&self, field: FieldId, name: &'static str) -> Result<bool, SettingsError> {
        match self.document.value(field) {
            Value::Absent => Ok(false),
            Value::Bool(truth) => Ok(truth),
            _ => Err(SettingsError::Member(name)),
        }
    }

    /// A number without a fraction.
    fn number(&self, field: FieldId, name: &'static str) -> Result<Option<u32>, SettingsError> {
        let number = match self.document.value(field) {
            Value::Absent | Value::Null => return Ok(None),
            Value::Number(number) => number,
            _ => return Err(SettingsError::Member(name)),
        };
        let scale = u32::try_from(number.exponent()).ok().and_then(|exponent| 10_i64.checked_pow(exponent));
        let whole = scale.and_then(|scale| number.coefficient().checked_mul(scale));
        whole.and_then(|whole| u32::try_from(whole).ok()).map(Some).ok_or(SettingsError::Member(name))
    }

    /// A list of at most [`MAX_LIST`](ambit_request::limits::MAX_LIST) texts.
    fn texts(
        &self,
        list: FieldId,
        elements: FieldId,
        name: &'static str,
    ) -> Result<Option<Vec<String>>, SettingsError> {
        match (self.document.value(list), self.document.value(elements)) {
            (Value::Absent | Value::Null, _) => Ok(None),
            (Value::Array(_), Value::List(list)) => {
                list.iter().map(text).collect::<Option<_>>().map(Some).ok_or(SettingsError::Member(name))
            }
            _ => Err(SettingsError::Member(name)),
        }
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => core::str::from_utf8(text).ok().map(String::from),
        _ => None,
    }
}
