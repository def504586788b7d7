//! The checked policy: every name resolved, every type known, nothing left that can be wrong.
//!
//! The front end (`syntax`, `check`) makes it, and only it; the reference evaluator judges by it directly,
//! and the back end lowers it. Nothing here is serialisable and nothing knows YAML, CEL or the blob.
//! Order is part of the model: identifiers are indexes into the vectors of [`Policy`].

use crate::source::Span;

mod egress;

pub use self::egress::{
    DEFAULT_CONNECT_PORTS, DEFAULT_HTTP_PORTS, Denied, Destination, Egress, HostPattern, MeshEgress,
};

/// Index into [`Policy::agents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub u32);

/// Index into [`Policy::services`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// Index into [`Policy::missions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissionId(pub u32);

/// An action of a service: indexes into [`Policy::services`] and [`Service::actions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId {
    /// The service that offers it.
    pub service: ServiceId,
    /// Index into that service's actions.
    pub index: u32,
}

/// One rule of the policy text, numbered from 0 in the order of [`Policy::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A set of effect labels: bit `i` is `Policy::effects[i]`. At most 64 labels exist in one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EffectSet(pub u64);

/// A whole mesh's policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Mesh-wide settings.
    pub mesh: Mesh,
    /// Destinations and their catalogs.
    pub services: Vec<Service>,
    /// Agents with their grants.
    pub agents: Vec<Agent>,
    /// Bounded purposes.
    pub missions: Vec<Mission>,
    /// Every grant and deny of agents and missions, in source order.
    pub rules: Vec<Rule>,
    /// Effect labels, at most 64.
    pub effects: Vec<String>,
}

/// Mesh-wide settings.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Trust domains whose identities count; aliases are further entries of the same mesh.
    pub trust_domains: Vec<String>,
    /// The most members a lineage may have, the caller included (1 to 17).
    pub max_depth: u8,
    /// Whether an agent may appear twice in one lineage.
    pub cycles: Cycles,
    /// What an agent or service enforces that says nothing itself.
    pub mode: Mode,
    /// What it says of calls outside.
    pub egress: MeshEgress,
    /// What decision records show. No blob has it: see [`crate::records`].
    pub records: Records,
}

/// What decision records show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Fields that are shown as they are.
    pub loggable: Vec<Loggable>,
    /// One in this many allows is recorded; 0 is none.
    pub allows: u32,
}

/// Fields that records show as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loggable {
    /// All of them.
    Everything,
    /// Arguments, by their keys from [`Protocol::arguments`]; without keys, all of them.
    Arguments(Vec<String>),
    /// A header, by its name in lower case.
    Header(String),
    /// A query parameter.
    Query(String),
    /// The address of the caller.
    PeerAddress,
}

/// Whether an agent may appear twice in a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycles {
    /// A repeated agent denies.
    Refuse,
    /// A repeated agent is judged twice, which changes nothing.
    Tolerate,
}

/// Whether a deny is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A deny denies.
    Enforce,
    /// A deny is recorded and the request passes.
    Shadow,
}

/// A destination.
#[derive(Clone, Debug)]
pub struct Service {
    /// `metadata.name`.
    pub name: String,
    /// The workload that serves it: the slice of a workload holds the services whose workload it is.
    pub workload: Workload,
    /// How action keys are derived from requests.
    pub protocol: Protocol,
    /// What can be asked of it. Where several selectors match a key, the most specific one names the
    /// action: the language says what is more specific. A key that none matches is an unknown action, which denies.
    pub actions: Vec<Action>,
    /// `None`: the mesh's.
    pub mode: Option<Mode>,
    /// The largest body of a request, in bytes; `None`: any that needs not be read.
    pub max_body_bytes: Option<u32>,
    /// Where it is declared.
    pub span: Span,
}

/// A workload by Kubernetes namespace and service account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Kubernetes service account.
    pub service_account: String,
}

/// What a destination speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Key: `METHOD /canonical/path`.
    Http,
    /// Key: `tools/call:NAME`, `resources/read:URI`, `prompts/get:NAME`, or the bare method.
    Mcp,
    /// Key: the canonical method name, such as `message.send`.
    A2a,
    /// Key: `/package.Service/Method`.
    Grpc,
    /// Whatever is outside. Key: `http` for a request that the caller's own sidecar sees, `connect` for a connection.
    Egress,
}

impl Protocol {
    /// The keys that lead from the root of a body to its arguments.
    #[must_use]
    pub const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Http | Self::Grpc | Self::Egress => &[],
            Self::Mcp => &["params", "arguments"],
            Self::A2a => &["params", "message", "parts", "data"],
        }
    }
}

/// Something that can be asked of a service.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its name within the service, such as `row.read`. Unique within the service.
    pub name: String,
    /// Which requests are this action.
    pub selector: Selector,
    /// What it does to the world.
    pub effects: EffectSet,
    /// The arguments that a request may have, with all that is in them: each by its keys from [`Protocol::arguments`], sorted,
    /// and none inside another. A request that has others is denied. `None`: any.
    pub arguments: Option<Vec<Vec<String>>>,
    /// Where it is declared.
    pub span: Span,
}

/// Which requests an action covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// By method and canonical path. No method listed means any method.
    Http {
        /// Upper-case method tokens, sorted, without duplicates.
        methods: Vec<String>,
        /// The path pattern.
        path: PathPattern,
    },
    /// By action key, where `*` stands for any run of bytes (none included).
    Key(String),
}

/// A path pattern, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// In order; [`Segment::Rest`] only at the end. Empty is the path `/`.
    pub segments: Vec<Segment>,
}

/// One segment of a path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly these bytes.
    Literal(String),
    /// One segment of at least one byte, captured under the name if it has one (`{id}`, or `*`).
    One(Option<String>),
    /// Everything that follows, any number of segments, none included (`**`).
    Rest,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// `metadata.name`.
    pub name: String,
    /// Principals that are this agent. No principal is two agents: the checker refuses overlap of equal rank.
    pub identities: Vec<Identity>,
    /// May start work of its own.
    pub originates: bool,
    /// Its sidecar stamps the lineage, so that what it asserts is believed.
    pub stamping: bool,
    /// In every chain through it, nothing is granted.
    pub revoked: bool,
    /// Missions that it may act under; `None`: any.
    pub missions: Option<Vec<MissionId>>,
    /// It acts only under a mission.
    pub mission_required: bool,
    /// Indexes of its rules.
    pub grants: Vec<RuleId>,
    /// Indexes of its explicit denies.
    pub denies: Vec<RuleId>,
    /// Whom it may hand work to.
    pub delegates: Delegates,
    /// The effects it may cause, directly or through others; `None`: all.
    pub ceiling: Option<EffectSet>,
    /// `None`: the mesh's.
    pub mode: Option<Mode>,
    /// What becomes of its own calls.
    pub outbound: Outbound,
    /// Where calls outside may go that it makes, or that are made on its behalf; `None`: anywhere.
    pub egress: Option<Egress>,
    /// Where it is declared.
    pub span: Span,
}

/// What an agent's own sidecar makes of the calls of its application. No blob has it: see [`crate::outbound`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    /// The application's choice of correlation id never counts.
    pub strict: bool,
    /// How long a request limits after its response, in milliseconds; `None`: the filter's default.
    pub window_ms: Option<u32>,
    /// The mission of work that it begins itself, unless its application declares one.
    pub mission: Option<MissionId>,
    /// How many calls it may make.
    pub budget: Budget,
}

/// How many calls may be made, counted by each proxy for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// For one root; `None`: any number.
    pub per_root: Option<u32>,
    /// In any stretch of time; `None`: any number.
    pub rate: Option<Rate>,
}

/// How many calls may be made in any stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// This many.
    pub calls: u32,
    /// The stretch, in milliseconds.
    pub window_ms: u32,
}

/// A set of principals. Where several match one principal, the earlier variant wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// One SPIFFE path (`/ns/a/sa/b`, or any other) in any of the mesh's trust domains.
    Path(String),
    /// One SPIFFE id in one trust domain, which must be one of the mesh's.
    Id {
        /// The trust domain.
        trust_domain: String,
        /// The path, with its leading `/`.
        path: String,
    },
    /// Every service account of a namespace, in any of the mesh's trust domains.
    Namespace(String),
    /// A SPIFFE path pattern in any of the mesh's trust domains: `*` stands for any run of bytes within a segment.
    Pattern(String),
}

/// Whom an agent may hand work to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegates {
    /// `None`: anyone. `Some(empty)`: no one.
    pub to: Option<Vec<AgentId>>,
    /// The most members that may follow it in a lineage; `None`: only the mesh's bound counts.
    pub max_depth: Option<u8>,
}

/// A mission: one more member of the intersection.
#[derive(Clone, Debug)]
pub struct Mission {
    /// `metadata.name`: `[a-z0-9]([-a-z0-9.]*[a-z0-9])?`, at most 64 bytes.
    pub name: String,
    /// What it allows.
    pub grants: Vec<RuleId>,
    /// What it excludes.
    pub denies: Vec<RuleId>,
    /// The effects it allows; `None`: all.
    pub ceiling: Option<EffectSet>,
    /// Unix seconds from which on it grants nothing.
    pub not_after: Option<u64>,
    /// How many calls each agent may make under it.
    pub budget: Budget,
    /// Where calls outside may go that are made under it; `None`: anywhere.
    pub egress: Option<Egress>,
    /// Where it is declared.
    pub span: Span,
}

/// A grant or a deny.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Actions it covers, sorted, without duplicates: wildcards are already expanded over the catalogs.
    pub actions: Vec<ActionId>,
    /// The condition; `None`: always.
    pub when: Option<Condition>,
    /// How a grant may be used. A deny ignores it: it matches wherever its owner is in the lineage.
    pub reach: Reach,
    /// Where it is written.
    pub span: Span,
}

/// How a grant may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its owner may be the caller itself.
    pub direct: bool,
    /// Its owner may cause the action through others: every member that follows the owner must be named.
    /// In a merged lineage, where order means nothing, every other member must be named.
    pub through: Through,
}

/// Through whom a grant may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// No one: only directly.
    Nobody,
    /// Any delegates.
    Anyone,
    /// Only these.
    Agents(Vec<AgentId>),
}

/// A condition. Three-valued: true, false, or unknown (a field is absent, of another type, or too large).
///
/// `false && unknown` is false, `true || unknown` is true, in either order; everything else with an unknown part
/// is unknown. A grant needs true; a deny matches unless false.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A constant.
    Constant(bool),
    /// `!a`; unknown stays unknown.
    Not(Box<Condition>),
    /// All of them. At least two.
    And(Vec<Condition>),
    /// Any of them. At least two.
    Or(Vec<Condition>),
    /// A comparison. `==` and `!=` of unlike types, and an order of anything but two numbers or two strings, are unknown.
    Compare {
        /// The operator.
        op: Comparison,
        /// Left operand.
        left: Operand,
        /// Right operand.
        right: Operand,
    },
    /// `needle in [literals]`. Unknown if the needle is absent, or its type is none of the literals'.
    In {
        /// What is looked for.
        needle: Operand,
        /// At least one; no duplicates.
        set: Vec<Literal>,
    },
    /// `needle in list`: some element equals the needle.
    InList {
        /// What is looked for.
        needle: Operand,
        /// A field that holds a list.
        list: Field,
    },
    /// A boolean field, or the current element, taken as a condition. Unknown if it is not a boolean.
    Truth(Operand),
    /// `has(field)`: true if present (whatever its type, `null` included), false if absent, unknown if the request
    /// could not be read that far. Never unknown for a field that is merely too large.
    Has(Operand),
    /// A test on a string; unknown if the subject is not a string.
    Text {
        /// Which test.
        test: TextTest,
        /// The string.
        subject: Operand,
        /// A literal or another field.
        needle: Operand,
    },
    /// `subject.matches(regex)`: the regular expression matches somewhere in the string, as CEL has it.
    Matches {
        /// The string.
        subject: Operand,
        /// RE2-like syntax, already checked; matched over bytes, Unicode classes off.
        regex: String,
    },
    /// The subject is an IP address (as text, v4 or v6) in one of the ranges. Unknown if it is not an address.
    InNetwork {
        /// The address.
        subject: Operand,
        /// At least one.
        ranges: Vec<Cidr>,
    },
    /// The agent is in the lineage or is the caller.
    ChainHas(AgentId),
    /// The lineage's first member (the caller, when there is none before it) is one of these agents.
    /// In a merged lineage: every member is one of them.
    OriginIn(Vec<AgentId>),
    /// The caller is one of these agents.
    CallerIn(Vec<AgentId>),
    /// The lineage rides under this mission.
    UnderMission(MissionId),
    /// Every element satisfies the body. True for an empty list; unknown if the field is not a list or has more than
    /// `MAX_LIST` elements.
    All {
        /// A field that holds a list.
        list: Field,
        /// May use [`Operand::Element`].
        body: Box<Condition>,
    },
    /// Some element satisfies the body. False for an empty list; else as for `All`.
    Exists {
        /// A field that holds a list.
        list: Field,
        /// May use [`Operand::Element`].
        body: Box<Condition>,
    },
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A test of one string by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// `a.startsWith(b)`
    StartsWith,
    /// `a.endsWith(b)`
    EndsWith,
    /// `a.contains(b)`
    Contains,
}

/// Something that has a value when a request is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A constant.
    Literal(Literal),
    /// A field of the request.
    Field(Field),
    /// The element of the innermost quantifier, or what lies below it by these keys (empty: the element itself).
    Element(Vec<String>),
    /// `size(x)`: bytes of a string, or elements of a list.
    Size(Box<Operand>),
    /// Members of the lineage, the caller included (a root call has depth 1).
    ChainDepth,
    /// Minutes since midnight UTC, 0 to 1439.
    MinuteOfDay,
    /// Day of the week in UTC, 0 is Monday.
    Weekday,
}

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Literal {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// An exact decimal.
    Number(Decimal),
    /// UTF-8 text.
    Text(String),
}

/// `coefficient * 10^exponent`, in lowest form: the coefficient has no trailing zero, and zero is `0 * 10^0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decimal {
    /// At most 18 digits.
    pub coefficient: i64,
    /// -64 to 64.
    pub exponent: i16,
}

impl Decimal {
    /// A whole number.
    #[must_use]
    pub fn whole(number: u32) -> Self {
        let (mut coefficient, mut exponent) = (i64::from(number), 0_i16);
        while let (Some(0), Some(shorter)) = (coefficient.checked_rem(10), coefficient.checked_div(10)) {
            if shorter == 0 {
                break;
            }
            coefficient = shorter;
            exponent = exponent.saturating_add(1);
        }
        Self { coefficient, exponent }
    }
}

/// A network range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    /// The address as IPv6; IPv4 is mapped (`::ffff:a.b.c.d`).
    pub address: [u8; 16],
    /// Leading bits that count, of 128 (IPv4 `/8` is 104).
    pub prefix: u8,
}

/// A field of a request that a condition reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The method token.
    Method,
    /// The canonical path.
    Path,
    /// The authority: lower case, without port and trailing dot.
    Host,
    /// A request header by lower-case name; absent if missing, unusable if repeated.
    Header(String),
    /// A query parameter, percent-decoded; unusable if repeated.
    Query(String),
    /// A segment of the canonical path, from 0.
    PathSegment(u8),
    /// A field of the JSON body, by keys from the root; a list stands for itself. For MCP the arguments of a call are below
    /// `params.arguments`. For A2A what all parts of a message say together is below `params.message.parts.data`, whatever
    /// the version and binding; a field that two parts have is unusable. No rule that reads a body covers gRPC.
    Body(Vec<String>),
    /// The downstream address, without its port, as text.
    PeerAddress,
    /// The host name that a call to the outside is for, as [`Self::Host`]; absent if that is an address, or if there is none.
    DestinationHost,
    /// The IP address that a call to the outside goes to, as text; absent if the proxy chooses it by name.
    DestinationAddress,
    /// The port that a call to the outside goes to.
    DestinationPort,
    /// The caller's SPIFFE id.
    CallerPrincipal,
    /// The namespace in the caller's SPIFFE id.
    CallerNamespace,
    /// The service account in the caller's SPIFFE id.
    CallerServiceAccount,
}
