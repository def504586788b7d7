//! What is decided, and in which form its caller can be told.

use ambit_bytecode::Code;
use ambit_eval::Verdict;
use ambit_request::a2a::A2aError;
use ambit_request::action::NameError;
use ambit_request::json::JsonErrorKind;
use ambit_request::jsonrpc::Id;
use ambit_request::mcp::McpError;

use crate::evidence::Evidence;
use crate::inbound::Passing;

/// The JSON-RPC error code of a deny. Both protocols leave it to implementations: MCP reserves -32020 to -32099
/// (2026-07-28, Error Codes), A2A -32001 to -32009 (1.0, section 5.4), and clients of MCP use -32000 and -32001.
pub const DENIED: i32 = -32010;

/// JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i32 = -32700;

/// A verdict, and how to tell it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// What exactly is wrong with the request, if that is the reason: a stable word.
    pub detail: Option<&'static str>,
    /// How to tell the caller.
    pub form: Form,
    /// The reply may have lists of what the server offers.
    pub lists: bool,
    /// The rest of the body may pass so far.
    pub passing: Option<Passing>,
    /// What the verdict was made of, if it is to be recorded and there was something to judge.
    pub evidence: Option<Evidence>,
}

/// The form of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object of our own.
    Http,
    /// A gRPC status.
    Grpc,
    /// A JSON-RPC error.
    JsonRpc(RpcError),
    /// The error object of Google's APIs, which A2A's HTTP binding has (1.0, section 11.6).
    Rest,
}

/// A JSON-RPC error to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// What is answered, as JSON; empty if it is not known or wants no answer.
    pub ids: Vec<Vec<u8>>,
    /// The requests came as a batch.
    pub is_batch: bool,
    /// The error code.
    pub number: i32,
    /// The protocol asks for the HTTP status 400.
    pub is_bad_request: bool,
    /// To be sent as the one event of a stream.
    pub is_event: bool,
}

/// Why a request cannot be what its protocol says, or cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code of the deny.
    pub(crate) code: Code,
    /// Exactly why: a stable word.
    pub(crate) detail: &'static str,
    /// The JSON-RPC error code.
    number: i32,
    is_bad_request: bool,
}

impl Decision {
    pub(crate) const fn new(verdict: Verdict, form: Form) -> Self {
        Self { verdict, detail: None, form, lists: false, passing: None, evidence: None }
    }

    /// A deny without a judgement.
    #[must_use]
    pub const fn refused(code: Code) -> Self {
        let verdict = Verdict {
            code,
            hop: None,
            caller: None,
            action: None,
            rule: None,
            shadow: false,
            pending: false,
            steps: 0,
        };
        Self { verdict, detail: None, form: Form::Http, lists: false, passing: None, evidence: None }
    }
}

impl Form {
    /// Takes from a refusal what the protocol says about it.
    pub(crate) fn answer(&mut self, refusal: &Refusal) {
        if let Self::JsonRpc(error) = self {
            error.number = refusal.number;
            error.is_bad_request = refusal.is_bad_request;
        }
    }

    /// A JSON-RPC error to whatever has one of these ids.
    pub(crate) fn json_rpc<'f>(ids: impl IntoIterator<Item = Id<'f>>, is_batch: bool) -> Self {
        let write = |id: Id<'f>| {
            let mut json = Vec::new();
            id.write_json(&mut json);
            json
        };
        let ids = ids.into_iter().map(write).collect();
        Self::JsonRpc(RpcError { ids, is_batch, number: DENIED, is_bad_request: false, is_event: false })
    }
}

impl Refusal {
    pub(crate) const fn new(code: Code, detail: &'static str) -> Self {
        Self { code, detail, number: DENIED, is_bad_request: false }
    }

    pub(crate) const fn too_large() -> Self {
        Self::new(Code::BodyTooLarge, "body-too-large")
    }

    pub(crate) const fn json(kind: JsonErrorKind) -> Self {
        Self { code: Code::BodyMalformed, detail: kind.word(), number: PARSE_ERROR, is_bad_request: false }
    }
}

impl From<McpError> for Refusal {
    fn from(error: McpError) -> Self {
        let code = match error {
            McpError::UnsupportedVersion => Code::RequestMalformed,
            McpError::HttpMethod | McpError::UnknownMethod => Code::ActionUnknown,
            McpError::HeaderMismatch => Code::HeaderMismatch,
            McpError::Uri(_) => Code::PathRefused,
            _ => Code::BodyMalformed,
        };
        let is_bad_request = matches!(error, McpError::UnsupportedVersion | McpError::HeaderMismatch);
        Self { code, detail: error.word(), number: error.json_rpc_code(), is_bad_request }
    }
}

impl From<A2aError> for Refusal {
    fn from(error: A2aError) -> Self {
        let code = match error {
            A2aError::UnsupportedVersion => Code::RequestMalformed,
            A2aError::UnknownMethod => Code::ActionUnknown,
            A2aError::Ambiguous => Code::PathRefused,
            _ => Code::BodyMalformed,
        };
        Self { code, detail: error.word(), number: error.json_rpc_code(), is_bad_request: false }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::new(Code::ActionUnknown, error.word())
    }
}
