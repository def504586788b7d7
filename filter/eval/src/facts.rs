//! What is judged: who calls, on whose behalf, and what is asked.

use ambit_bytecode::Code;

use crate::value::{Arguments, Count, Value};

/// A SPIFFE id that was parsed strictly by whoever offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// All of it.
    pub whole: &'a [u8],
    /// The trust domain.
    pub trust_domain: &'a [u8],
    /// The path, with its leading `/`.
    pub path: &'a [u8],
}

/// Who calls, as proven by the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// There was no certificate.
    Unauthenticated,
    /// There was one, but it names no well-formed SPIFFE id.
    Malformed,
    /// This one.
    Proven(Principal<'a>),
}

/// What the request says of its lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement<'a> {
    /// Nothing.
    Absent,
    /// Something that cannot be read, and why.
    Refused(Code),
    /// A lineage.
    Lineage(Lineage<'a>),
}

/// A lineage, without the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage<'a> {
    /// Origin first. At most `MAX_MEMBERS` count; more deny.
    pub members: &'a [Principal<'a>],
    /// Missions by name. At most `MAX_MISSIONS` count; more deny.
    pub missions: &'a [&'a [u8]],
    /// It is the union of several, and the order of its members means nothing.
    pub merged: bool,
}

/// What is asked, as the name that selectors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// This.
    Known(&'a [u8]),
    /// It cannot be told, and never will be: the request is refused for this reason if nothing else refuses it first.
    Refused(Code),
    /// It cannot be told yet: the bytes that say have not been read.
    Unread,
    /// An action of the program, by its id.
    Action(u16),
}

/// What a destination speaks. The numbers are the format's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// Plain HTTP.
    Http = 1,
    /// The Model Context Protocol.
    Mcp = 2,
    /// Agent2Agent.
    A2a = 3,
    /// gRPC.
    Grpc = 4,
    /// Anything, to a destination outside.
    Egress = 5,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; Self::COUNT] = [Self::Http, Self::Mcp, Self::A2a, Self::Grpc, Self::Egress];

    /// How many there are.
    pub(crate) const COUNT: usize = 5;

    /// The protocol of a number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Http),
            2 => Some(Self::Mcp),
            3 => Some(Self::A2a),
            4 => Some(Self::Grpc),
            5 => Some(Self::Egress),
            _ => None,
        }
    }

    /// Its place among [`Self::ALL`].
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Http => 0,
            Self::Mcp => 1,
            Self::A2a => 2,
            Self::Grpc => 3,
            Self::Egress => 4,
        }
    }
}

/// The fields of a request, by the ids of the program that asks. Fields about the caller are not asked for.
pub trait Facts {
    /// The value of a field that lies in no list.
    fn value(&self, field: u16) -> Value<'_>;

    /// How many elements a list field has.
    fn count(&self, list: u16) -> Count;

    /// The value of a field in the element at `place` of its list; of a list field itself, the element.
    fn element(&self, field: u16, place: u32) -> Value<'_>;

    /// Whether the request has only arguments that a [listing](crate::Program::listing) has.
    fn arguments(&self, listing: u16) -> Arguments;
}

/// A request, to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, F> {
    /// Who calls.
    pub caller: Caller<'a>,
    /// On whose behalf.
    pub statement: Statement<'a>,
    /// What the request was read as.
    pub protocol: Protocol,
    /// What is asked.
    pub key: Key<'a>,
    /// What conditions may read.
    pub facts: &'a F,
    /// Unix seconds.
    pub now: u64,
}
