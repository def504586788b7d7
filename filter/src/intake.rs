//! What a request asks for, by protocol.
//!
//! Which protocol a request is of follows from what the workload speaks, and then from nothing that a caller could
//! bend to its favour:
//!
//! - gRPC is what says so in its `content-type`, and all where the workload speaks nothing else. Where it does, the
//!   first byte of the body must bear out what the header says.
//! - What an action of an HTTP service covers is HTTP. Where the workload speaks JSON-RPC as well, a JSON body must
//!   not be JSON-RPC.
//! - Everything else is MCP or A2A, whatever its path. A workload speaks one of them, not both, because some methods
//!   have the same name.
//! - An A2A path that is one of the HTTP binding, below whatever base, is of that binding, and its body must not be
//!   JSON-RPC.

mod a2a;
mod grpc;
mod http;
mod mcp;

use ambit_bytecode::Code;
use ambit_eval::Protocol;
use ambit_request::a2a::Operation;
use ambit_request::extract::{Facts, Selection};
use ambit_request::mcp::{Params, Version};
use ambit_request::media::Media;

pub(crate) use a2a::{A2aRest, A2aRpc};
pub(crate) use http::Http;
pub(crate) use mcp::Mcp;

use crate::decision::{Decision, Form, Refusal};
use crate::head::Pairs;
use crate::inbound::Judge;
use crate::limits::MAX_BODY_BYTES;
use crate::policy::Policy;

/// How a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Http,
    Mcp(Version),
    A2aRpc,
    A2aRest(Operation),
    /// A2A over gRPC.
    A2aGrpc(Operation),
    /// gRPC, by the path at least.
    Grpc {
        /// By its media type too, so that the caller understands a gRPC status.
        is_declared: bool,
    },
}

/// What the headers say of a request.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) way: Way,
    /// The action key; none if only the body says. Where the body is needed always, it may refuse what the key says,
    /// but not change it.
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) need: Need,
}

/// What is needed of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// What conditions read of it.
    IfRead,
    /// All of it, whatever conditions read.
    Always,
    /// Nothing: the request has none that anyone would read.
    Nothing,
    /// Nothing: its fields cannot be read.
    Opaque,
    /// As [`Self::Opaque`], but its first byte.
    Preface,
}

impl Intake {
    /// Reads the headers. A refusal comes with the way in which to tell it.
    pub(crate) fn read(judge: &Judge<'_>) -> Result<Self, (Way, Refusal)> {
        let guess = Way::guess(judge);
        let refuse = |code, detail| (guess, Refusal::new(code, detail));
        if judge.head.is_malformed() {
            return Err(refuse(Code::RequestMalformed, "head-malformed"));
        }
        if judge.head.is_upgrade {
            return Err(refuse(Code::UpgradeRefused, "upgrade"));
        }
        let path = judge.path.map_err(|error| refuse(Code::PathRefused, error.word()))?;
        let program = judge.policy.program();
        if let Some(read) = grpc::read(judge) {
            return read.map_err(|refusal| (guess, refusal));
        }
        let is_http = program.speaks(Protocol::Http);
        let Some(beside) = Way::beside_http(judge.policy) else {
            return http::read(judge, &path).map_err(|refusal| (Way::Http, refusal));
        };
        if is_http && http::covers(judge, &path) {
            return http::read(judge, &path).map_err(|refusal| (Way::Http, refusal));
        }
        match beside {
            Protocol::Mcp => mcp::read(judge).map_err(|refusal| (guess, refusal)),
            _ => a2a::read(judge, &path).map_err(|refusal| (guess, refusal)),
        }
    }
}

impl Way {
    /// The way to tell a refusal before it is known how the request is read.
    fn guess(judge: &Judge<'_>) -> Self {
        let program = judge.policy.program();
        match Self::beside_http(judge.policy) {
            _ if judge.head.media() == Media::Grpc => Self::Grpc { is_declared: true },
            Some(Protocol::Mcp) if !program.speaks(Protocol::Http) => Self::Mcp(Version::V2025_03_26),
            Some(_) if !program.speaks(Protocol::Http) => Self::A2aRpc,
            _ => Self::Http,
        }
    }

    /// What of JSON-RPC the workload speaks.
    fn beside_http(policy: &Policy) -> Option<Protocol> {
        [Protocol::Mcp, Protocol::A2a].into_iter().find(|protocol| policy.program().speaks(*protocol))
    }

    /// Whose actions a key names.
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Http => Protocol::Http,
            Self::Mcp(_) => Protocol::Mcp,
            Self::A2aRpc | Self::A2aRest(_) | Self::A2aGrpc(_) => Protocol::A2a,
            Self::Grpc { .. } => Protocol::Grpc,
        }
    }

    /// The largest body of such a request that is read, in bytes.
    pub(crate) fn body_limit(self, policy: &Policy) -> u32 {
        policy.program().body_limit(self.protocol()).map_or(MAX_BODY_BYTES, |most| most.min(MAX_BODY_BYTES))
    }

    /// The headers that repeat arguments, where the version has them.
    pub(crate) fn params(self, pairs: &Pairs) -> Result<Option<Params>, Refusal> {
        match self {
            Self::Mcp(Version::V2026_07_28) => Ok(Params::read(pairs.iter())?),
            _ => Ok(None),
        }
    }

    /// The form of a reply to which nothing of the body is known.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Http | Self::Grpc { is_declared: false } => Form::Http,
            Self::Mcp(_) | Self::A2aRpc => Form::json_rpc([], false),
            Self::A2aRest(_) => Form::Rest,
            Self::A2aGrpc(_) | Self::Grpc { is_declared: true } => Form::Grpc,
        }
    }

    /// The form of a reply to all that is in a body.
    pub(crate) fn form_in(self, policy: &Policy, facts: &Facts) -> Form {
        let readers = policy.readers();
        match (self, &readers.mcp, &readers.a2a_rpc) {
            (Self::Mcp(_), Some(mcp), _) => mcp.form(facts),
            (Self::A2aRpc, _, Some(a2a)) => a2a.form(facts),
            _ => self.form(),
        }
    }

    /// Whether a reply needs an id that may not have been read yet.
    pub(crate) fn lacks_id(self, policy: &Policy, facts: &Facts) -> bool {
        match self.form_in(policy, facts) {
            Form::JsonRpc(error) => error.ids.is_empty() || error.is_batch,
            Form::Http | Form::Grpc | Form::Rest => false,
        }
    }

    /// What to read of the body; none if nothing can be read of it.
    pub(crate) fn selection(self, policy: &Policy) -> Option<&Selection> {
        let readers = policy.readers();
        match self {
            Self::Http => Some(readers.http.schema().selection()),
            Self::Mcp(_) => readers.mcp.as_ref().map(|mcp| mcp.schema().selection()),
            Self::A2aRpc => readers.a2a_rpc.as_ref().map(|a2a| a2a.schema().selection()),
            Self::A2aRest(_) => readers.a2a_rest.as_ref().map(|a2a| a2a.schema().selection()),
            Self::A2aGrpc(_) | Self::Grpc { .. } => None,
        }
    }

    /// The key of a request without a body.
    pub(crate) fn key_of_empty(self, judge: &Judge<'_>) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Http => http::key(judge),
            Self::A2aRest(operation) | Self::A2aGrpc(operation) => Ok(operation.key().as_bytes().to_vec()),
            Self::Grpc { .. } => grpc::key(judge),
            Self::Mcp(_) | Self::A2aRpc => Err(Refusal::json(ambit_request::json::JsonErrorKind::Empty)),
        }
    }

    /// A deny that follows from what is read of the body so far, whatever the rest of it says.
    pub(crate) fn early(self, judge: &Judge<'_>, facts: &Facts) -> Option<Decision> {
        let readers = judge.policy.readers();
        match (self, &readers.mcp, &readers.a2a_rpc, &readers.a2a_rest) {
            (Self::Http, ..) => readers.http.early(judge, facts),
            (Self::Mcp(_), Some(mcp), ..) => mcp.early(judge, facts),
            (Self::A2aRpc, _, Some(a2a), _) => a2a.early(judge, facts),
            (Self::A2aRest(operation), _, _, Some(a2a)) => a2a.early(judge, operation, facts),
            _ => None,
        }
    }

    /// Decides by the whole body.
    pub(crate) fn decide(self, judge: &Judge<'_>, facts: &Facts) -> Decision {
        let readers = judge.policy.readers();
        match (self, &readers.mcp, &readers.a2a_rpc, &readers.a2a_rest) {
            (Self::Http, ..) => readers.http.decide(judge, facts),
            (Self::Mcp(_), Some(mcp), ..) => mcp.decide(judge, facts),
            (Self::A2aRpc, _, Some(a2a), _) => a2a.decide(judge, facts),
            (Self::A2aRest(operation), _, _, Some(a2a)) => a2a.decide(judge, operation, facts),
            _ => judge.refuse(self, &Refusal::new(Code::InternalFault, "no-reader")),
        }
    }
}
