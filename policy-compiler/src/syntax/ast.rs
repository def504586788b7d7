//! Documents with their fields, before any name is looked up.
//!
//! What was wrong or missing has been reported, and is left out here, so that the rest can still be checked.

use super::node::Style;
use crate::model::{Cycles, Mode, Protocol};
use crate::source::{Span, Spanned};

/// A name or other text, and where it is written.
pub type Name = Spanned<String>;

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Mesh-wide settings.
    pub meshes: Vec<Mesh>,
    /// Destinations.
    pub services: Vec<Service>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Missions.
    pub missions: Vec<Mission>,
    /// Toolsets.
    pub toolsets: Vec<Toolset>,
}

/// `kind: Mesh`.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Its name.
    pub name: Name,
    /// `trustDomains`
    pub trust_domains: Vec<Name>,
    /// `maxDepth`
    pub max_depth: Option<u8>,
    /// `cycles`
    pub cycles: Option<Cycles>,
    /// `mode`
    pub mode: Option<Mode>,
    /// `revoked`
    pub revoked: Vec<Name>,
    /// `egress`
    pub egress: Option<MeshEgress>,
    /// `records.loggable`
    pub loggable: Vec<Name>,
    /// `records.allows`
    pub recorded_allows: Option<u32>,
}

/// `egress` of a mesh.
#[derive(Clone, Debug)]
pub struct MeshEgress {
    /// `deny`, and where it is written.
    pub deny: Option<Spanned<Vec<Name>>>,
    /// `internal`
    pub internal: Vec<Name>,
}

/// `kind: Service`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Name,
    /// `workload.namespace`
    pub namespace: Option<Name>,
    /// `workload.serviceAccount`
    pub service_account: Option<Name>,
    /// `protocol`
    pub protocol: Option<Protocol>,
    /// `actions`
    pub actions: Vec<Action>,
    /// `limits.body`
    pub body_limit: Option<Name>,
    /// `mode`
    pub mode: Option<Mode>,
}

/// An element of a service's `actions`.
#[derive(Clone, Debug)]
pub struct Action {
    /// Where it is written.
    pub span: Span,
    /// `name`
    pub name: Option<Name>,
    /// The fields that say which requests are the action.
    pub selectors: Vec<SelectorField>,
    /// `effects`
    pub effects: Vec<Name>,
    /// `arguments`
    pub arguments: Option<Vec<Name>>,
}

/// A field that says which requests are an action.
#[derive(Clone, Debug)]
pub struct SelectorField {
    /// The name of the field, and where that is written.
    pub field: Spanned<&'static str>,
    /// Its values; more than one only for `methods`.
    pub values: Vec<Name>,
}

/// `kind: Agent`.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its name.
    pub name: Name,
    /// `identity`
    pub identity: Vec<Identity>,
    /// `originates`
    pub originates: bool,
    /// `stamping`
    pub stamping: bool,
    /// `revoked`
    pub revoked: bool,
    /// `missions.oneOf`
    pub missions: Option<Vec<Name>>,
    /// `missions.required`
    pub mission_required: bool,
    /// `missions.default`
    pub default_mission: Option<Name>,
    /// `grants`
    pub grants: Vec<Rule>,
    /// `denies`
    pub denies: Vec<Rule>,
    /// `delegates.to`
    pub delegates_to: Vec<Name>,
    /// `delegates.maxDepth`
    pub delegates_depth: Option<u8>,
    /// `effects.ceiling`
    pub ceiling: Option<Vec<Name>>,
    /// `lineage.strict`
    pub strict: bool,
    /// `lineage.window`
    pub window: Option<Name>,
    /// `budget`
    pub budget: Option<Budget>,
    /// `mode`
    pub mode: Option<Mode>,
    /// `egress`
    pub egress: Option<Egress>,
}

/// `egress` of an agent or mission.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Where it is written.
    pub span: Span,
    /// `allow`
    pub allow: Vec<Destination>,
    /// `mode`
    pub mode: Option<Mode>,
}

/// An element of `allow`.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Where it is written.
    pub span: Span,
    /// `host`, or the whole of it
    pub host: Option<Name>,
    /// `cidr`
    pub cidr: Option<Name>,
    /// `ports`
    pub ports: Option<Vec<u16>>,
    /// `methods`
    pub methods: Vec<Name>,
    /// `pathPrefix`
    pub path_prefix: Option<Name>,
}

/// `budget` of an agent or mission.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Where it is written.
    pub span: Span,
    /// Whether `perRoot` or `perWindow` is there, well-formed or not.
    pub says_calls: bool,
    /// `perRoot`
    pub per_root: Option<u32>,
    /// `perWindow`
    pub per_window: Option<u32>,
    /// `window`
    pub window: Option<Name>,
}

/// An element of an agent's `identity`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where it is written.
    pub span: Span,
    /// `namespace`
    pub namespace: Option<Name>,
    /// `serviceAccount`
    pub service_account: Option<Name>,
    /// `spiffe`
    pub spiffe: Option<Name>,
    /// `spiffePattern`
    pub spiffe_pattern: Option<Name>,
}

/// An element of `grants` or `denies`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it is written.
    pub span: Span,
    /// Whether `actions`, `http` or `toolset` is there, well-formed or not.
    pub says_actions: bool,
    /// `actions`
    pub actions: Vec<Name>,
    /// `http`
    pub http: Option<InlineHttp>,
    /// `toolset`
    pub toolset: Option<Name>,
    /// `when`
    pub when: Option<ConditionText>,
    /// `through`
    pub through: Option<Vec<Name>>,
    /// `direct`
    pub direct: Option<bool>,
}

/// `http` of a rule.
#[derive(Clone, Debug)]
pub struct InlineHttp {
    /// Where it is written.
    pub span: Span,
    /// `service`
    pub service: Option<Name>,
    /// `methods`
    pub methods: Vec<Name>,
    /// `paths`
    pub paths: Vec<Name>,
    /// `effects`
    pub effects: Vec<Name>,
}

/// A condition as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionText {
    /// The expression.
    pub text: String,
    /// Where it is written, quotes included.
    pub span: Span,
    /// How it is written, which says where its parts are.
    pub style: Style,
}

/// `kind: Mission`.
#[derive(Clone, Debug)]
pub struct Mission {
    /// Its name.
    pub name: Name,
    /// `grants`
    pub grants: Vec<Rule>,
    /// `denies`
    pub denies: Vec<Rule>,
    /// `effects.ceiling`
    pub ceiling: Option<Vec<Name>>,
    /// `notAfter`
    pub not_after: Option<Name>,
    /// `budget`
    pub budget: Option<Budget>,
    /// `egress`
    pub egress: Option<Egress>,
}

/// `kind: Toolset`.
#[derive(Clone, Debug)]
pub struct Toolset {
    /// Its name.
    pub name: Name,
    /// `grants`
    pub grants: Vec<Rule>,
}
