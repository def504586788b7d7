//! The JSON object of a `pluginConfig`, read by the strict scanner that bodies are read by.
//!
//! Unknown members are refused, for they could be meant to narrow; so are repeated ones, and names that only look like
//! a member's.

use core::cell::Cell;

use ambit_request::extract::{self, ClosedId, Extractor, FieldId, Root, Selection, Step, Value};

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
    /// Names of fields that records show as they are, with what is inside them; `*` is all.
    pub(super) loggable: Option<Vec<String>>,
    /// One in this many allows is recorded.
    pub(super) allows: Option<u32>,
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

/// Where the members are, in the order in which [`Document::read`] names them.
const MEMBERS: [&[Step<'static>]; 24] = [
    &[POLICY],
    &[KEYS],
    &[KEYS, Step::Elements],
    &[Step::Key("role")],
    &[Step::Key("identity")],
    &[Step::Key("holdHeaders")],
    &[LINEAGE],
    &[LINEAGE, Step::Key("secret")],
    &[LINEAGE, Step::Key("windowMs")],
    &[LINEAGE, Step::Key("strict")],
    &[LINEAGE, MESH],
    &[LINEAGE, MESH, Step::Elements],
    &[LINEAGE, Step::Key("hide")],
    &[LINEAGE, Step::Key("mission")],
    &[LINEAGE, BUDGETS],
    &[LINEAGE, BUDGETS, Step::Elements],
    &[LINEAGE, Step::Key("shadow")],
    &[Step::Key("agent")],
    &[INTERNAL],
    &[INTERNAL, Step::Elements],
    &[RECORDS],
    &[RECORDS, LOGGABLE],
    &[RECORDS, LOGGABLE, Step::Elements],
    &[RECORDS, Step::Key("allows")],
];

/// The objects of which every member is known.
const CLOSED: [&[Step<'static>]; 3] = [&[], &[LINEAGE], &[RECORDS]];

const POLICY: Step<'static> = Step::Key("policy");
const KEYS: Step<'static> = Step::Key("keys");
const LINEAGE: Step<'static> = Step::Key("lineage");
const MESH: Step<'static> = Step::Key("mesh");
const BUDGETS: Step<'static> = Step::Key("budgets");
const INTERNAL: Step<'static> = Step::Key("internal");
const RECORDS: Step<'static> = Step::Key("records");
const LOGGABLE: Step<'static> = Step::Key("loggable");

impl Document {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, SettingsError> {
        let mut builder = Selection::builder(Root::Document);
        let unselected = |error| SettingsError::Policy(PolicyError::Selection(error));
        let closed: Result<Vec<ClosedId>, _> = CLOSED.iter().map(|path| builder.closed(path)).collect();
        let closed = closed.map_err(unselected)?;
        let fields: Result<Vec<FieldId>, _> = MEMBERS.iter().map(|path| builder.field(path)).collect();
        let fields = fields.map_err(unselected)?;
        let selection = builder.build();

        // What the host holds already bounds what it takes to read it.
        let mut extractor = Extractor::with_room(&selection, bytes.len());
        let read = extractor.push(bytes).and_then(|_| extractor.finish());
        let facts = read.map_err(SettingsError::Json)?;
        let document = facts.document(0).filter(|_| facts.shape() == Some(extract::Shape::Object));
        let fields = <[FieldId; MEMBERS.len()]>::try_from(fields);
        let (Some(document), Ok(fields)) = (document, fields) else { return Err(SettingsError::Member("")) };
        let object = Object { document, wrong: Cell::new(None) };
        closed.into_iter().for_each(|all| object.has_no_other_than(all));
        let read = object.read(fields);
        match object.wrong.take() {
            None => Ok(read),
            Some(wrong) => Err(wrong),
        }
    }
}

/// The members that there are.
struct Object<'f> {
    document: extract::Document<'f>,
    /// What is wrong with the first of them that is. The others are read all the same: to stop at each would cost more of
    /// the module.
    wrong: Cell<Option<SettingsError>>,
}

impl Object<'_> {
    fn read(&self, fields: [FieldId; MEMBERS.len()]) -> Document {
        let [
            policy,
            keys,
            each_key,
            role,
            identity,
            hold_headers,
            lineage,
            secret,
            window_ms,
            strict,
            mesh,
            suffixes,
            hide,
            mission,
            budgets,
            each_budget,
            shadow,
            agent,
            internal,
            each_range,
            records,
            loggable,
            each_loggable,
            allows,
        ] = fields;
        let _ = self.is_object(records, "records");
        let has_lineage = self.is_object(lineage, "lineage");
        let live = LiveDocument {
            secret: self.text(secret, "secret").unwrap_or_else(|| {
                self.refuse_if(has_lineage, SettingsError::Secret);
                String::new()
            }),
            window_ms: self.number(window_ms, "windowMs"),
            strict: self.truth(strict, "strict"),
            mesh: self.texts(mesh, suffixes, "mesh"),
            hide: self.truth(hide, "hide"),
            mission: self.text(mission, "mission"),
            budgets: self.texts(budgets, each_budget, "budgets"),
            shadow: self.truth(shadow, "shadow"),
        };
        Document {
            policy: self.text(policy, "policy"),
            keys: self.texts(keys, each_key, "keys"),
            role: self.word(
                role,
                "role",
                &[("inbound", Role::Inbound), ("outbound", Role::Outbound), ("network", Role::Network)],
            ),
            identity: self.word(
                identity,
                "identity",
                &[("connection", Identity::Connection), ("waypoint", Identity::Waypoint)],
            ),
            hold_headers: self.truth(hold_headers, "holdHeaders"),
            lineage: has_lineage.then_some(live),
            agent: self.text(agent, "agent"),
            internal: self.texts(internal, each_range, "internal"),
            loggable: self.texts(loggable, each_loggable, "loggable"),
            allows: self.number(allows, "allows"),
        }
    }

    /// Takes note of what is wrong, unless something else is already.
    fn refuse(&self, wrong: SettingsError) {
        let former = self.wrong.take();
        self.wrong.set(Some(former.unwrap_or(wrong)));
    }

    fn refuse_if(&self, is_wrong: bool, wrong: SettingsError) {
        if is_wrong {
            self.refuse(wrong);
        }
    }

    /// The member cannot have such a value.
    fn mistyped<T>(&self, name: &'static str) -> Option<T> {
        self.refuse(SettingsError::Member(name));
        None
    }

    fn has_no_other_than(&self, all: ClosedId) {
        if let Some(name) = self.document.unlisted(all) {
            let name = name.get(..MAX_LOGGED_NAME_BYTES).unwrap_or(name);
            self.refuse(SettingsError::Unknown(name.escape_ascii().to_string()));
        }
    }

    fn is_object(&self, field: FieldId, name: &'static str) -> bool {
        match self.document.value(field) {
            Value::Object => true,
            Value::Absent | Value::Null => false,
            _ => self.mistyped(name).unwrap_or(false),
        }
    }

    fn text(&self, field: FieldId, name: &'static str) -> Option<String> {
        match self.document.value(field) {
            Value::Absent | Value::Null => None,
            value => text(value).or_else(|| self.mistyped(name)),
        }
    }

    /// One of a few words; the first of them if there is none.
    fn word<T: Copy + Default>(&self, field: FieldId, name: &'static str, words: &[(&str, T)]) -> T {
        let said = match self.document.value(field) {
            Value::Absent => return T::default(),
            Value::Text(said) => said,
            _ => &[],
        };
        let found = words.iter().find(|(word, _)| word.as_bytes() == said).map(|(_, meaning)| *meaning);
        found.or_else(|| self.mistyped(name)).unwrap_or_default()
    }

    fn truth(&self, field: FieldId, name: &'static str) -> bool {
        match self.document.value(field) {
            Value::Absent => false,
            Value::Bool(truth) => truth,
            _ => self.mistyped(name).unwrap_or(false),
        }
    }

    /// A number without a fraction.
    fn number(&self, field: FieldId, name: &'static str) -> Option<u32> {
        let number = match self.document.value(field) {
            Value::Absent | Value::Null => return None,
            Value::Number(number) => Some(number),
            _ => None,
        };
        let whole = number.and_then(|number| {
            let scale = 10_i64.checked_pow(u32::try_from(number.exponent()).ok()?)?;
            u32::try_from(number.coefficient().checked_mul(scale)?).ok()
        });
        whole.or_else(|| self.mistyped(name))
    }

    /// A list of at most [`MAX_LIST`](ambit_request::limits::MAX_LIST) texts.
    fn texts(&self, list: FieldId, elements: FieldId, name: &'static str) -> Option<Vec<String>> {
        let texts = match (self.document.value(list), self.document.value(elements)) {
            (Value::Absent | Value::Null, _) => return None,
            (Value::Array(_), Value::List(list)) => list.iter().map(text).collect(),
            _ => None,
        };
        texts.or_else(|| self.mistyped(name))
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => core::str::from_utf8(text).ok().map(String::from),
        _ => None,
    }
}
