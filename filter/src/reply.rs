//! What a denied caller is told: the code, one sentence, and the decision id, in the form that its client shows. Never
//! policy, never the lineage.
//!
//! | form | status | body |
//! | --- | --- | --- |
//! | HTTP | 403; 413 where the body is too large | a JSON object |
//! | gRPC | `PERMISSION_DENIED`; `RESOURCE_EXHAUSTED` where the body is too large | the message of the status |
//! | JSON-RPC request | 200 | a JSON-RPC error with the id of the request; of a batch, one for each request |
//! | other JSON-RPC message, or one whose id was not read | 403, or 413 | a JSON-RPC error whose id is null |
//! | MCP headers that differ from the body, or an unknown version | 400 | a JSON-RPC error, as the protocol says |
//! | A2A over HTTP | 403, or 413 | the error object of Google's APIs |
//!
//! To a caller that takes a stream of events and not JSON, the JSON-RPC error to its request is one event.
//!
//! A JSON-RPC client takes an error with its id for the answer to one call, and goes on; the official SDK of MCP ends
//! its session at another status than 200 before 2.0, and that of A2A does not look at the body of one.

use ambit_bytecode::Code;

use crate::decision::{Decision, Form, RpcError};
use crate::record::{DecisionId, Json};

/// The gRPC status `PERMISSION_DENIED`.
pub const GRPC_PERMISSION_DENIED: i32 = 7;

/// The gRPC status `RESOURCE_EXHAUSTED`.
pub const GRPC_RESOURCE_EXHAUSTED: i32 = 8;

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// The gRPC status, if the caller speaks gRPC.
    pub grpc_status: Option<i32>,
    /// Response-code details for access logs; no spaces.
    pub details: String,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The reply to a denied request that is not of any protocol.
    #[must_use]
    pub fn deny(code: Code, id: DecisionId) -> Self {
        Self::to(&Decision::refused(code), id)
    }

    /// The reply to a denied request.
    #[must_use]
    pub fn to(decision: &Decision, id: DecisionId) -> Self {
        let code = decision.verdict.code;
        let facts = Told { code, detail: decision.detail, id };
        let json = Some("application/json");
        let is_too_large = code == Code::BodyTooLarge;
        let denied = if is_too_large { 413 } else { 403 };
        let (status, media, body) = match &decision.form {
            Form::Http => (denied, json, facts.object()),
            Form::Grpc => (denied, None, facts.message()),
            Form::JsonRpc(error) if error.is_event && error.status(denied) == 200 => {
                (200, Some("text/event-stream"), format!("data: {}\n\n", facts.json_rpc(error)))
            }
            Form::JsonRpc(error) => (error.status(denied), json, facts.json_rpc(error)),
            Form::Rest => (denied, json, facts.google(denied)),
        };
        let is_grpc = decision.form == Form::Grpc;
        let mut headers =
            vec![("x-ambit-code", String::from(code.word())), ("x-ambit-decision", id.to_string())];
        headers.extend(media.map(|media| ("content-type", String::from(media))));
        let grpc = if is_too_large { GRPC_RESOURCE_EXHAUSTED } else { GRPC_PERMISSION_DENIED };
        let grpc_status = is_grpc.then_some(grpc);
        Self { status, grpc_status, details: format!("ambit:{}", code.word()), headers, body }
    }
}

/// The JSON-RPC error that stands for a reply which cannot be passed on, or nothing if no request is to be answered.
#[must_use]
pub fn answer(decision: &Decision, id: DecisionId) -> Option<Vec<u8>> {
    let Form::JsonRpc(error) = &decision.form else { return None };
    let told = Told { code: decision.verdict.code, detail: decision.detail, id };
    (!error.ids.is_empty()).then(|| told.json_rpc(error).into_bytes())
}

impl RpcError {
    /// The status; `denied` where there is no request to answer.
    fn status(&self, denied: u32) -> u32 {
        match self {
            Self { is_bad_request: true, .. } => 400,
            Self { ids, .. } if ids.is_empty() => denied,
            _ => 200,
        }
    }
}

/// What the caller is told.
struct Told {
    code: Code,
    detail: Option<&'static str>,
    id: DecisionId,
}

impl Told {
    fn object(&self) -> String {
        let mut body = Json::default();
        body.text("error", self.code.word().as_bytes());
        body.number("code", &self.code.number());
        body.text("message", self.code.sentence().as_bytes());
        if let Some(detail) = self.detail {
            body.text("detail", detail.as_bytes());
        }
        body.text("decision", self.id.to_string().as_bytes());
        body.end()
    }

    /// For clients that show a text and nothing else.
    fn message(&self) -> String {
        let reason = self.detail.unwrap_or(self.code.word());
        format!("{} ({reason}, decision {})", self.code.sentence(), self.id)
    }

    fn json_rpc(&self, error: &RpcError) -> String {
        let mut object = Json::default();
        object.number("code", &error.number);
        object.text("message", self.message().as_bytes());
        object.raw("data", &self.object());
        let object = object.end();
        let answer = |id: &str| {
            let mut body = Json::default();
            body.text("jsonrpc", b"2.0");
            body.raw("id", id);
            body.raw("error", &object);
            body.end()
        };
        let mut answers = String::new();
        for id in &error.ids {
            if !answers.is_empty() {
                answers.push(',');
            }
            answers.push_str(&answer(core::str::from_utf8(id).unwrap_or("null")));
        }
        match error.ids.len() {
            0 => answer("null"),
            1 if !error.is_batch => answers,
            _ => format!("[{answers}]"),
        }
    }

    fn google(&self, status: u32) -> String {
        let mut body = Json::default();
        body.open("error");
        body.number("code", &status);
        let word: &[u8] = if status == 413 { b"RESOURCE_EXHAUSTED" } else { b"PERMISSION_DENIED" };
        body.text("status", word);
        body.text("message", self.message().as_bytes());
        body.raw("details", "[{");
        body.text("@type", b"type.googleapis.com/google.rpc.ErrorInfo");
        // The nearest of A2A's reasons (1.0, section 11.6): with any other, the official SDK shows no message.
        body.text("reason", b"UNSUPPORTED_OPERATION");
        body.text("domain", b"a2a-protocol.org");
        body.open("metadata");
        body.text("code", self.code.word().as_bytes());
        if let Some(detail) = self.detail {
            body.text("detail", detail.as_bytes());
        }
        body.text("decision", self.id.to_string().as_bytes());
        body.push("}}]}");
        body.end()
    }
}
