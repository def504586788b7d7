//! What a denied caller is told: the code, one sentence, and the decision id. Never policy, never the lineage.

use ambit_bytecode::Code;

use crate::record::{DecisionId, Json};

/// The gRPC status `PERMISSION_DENIED`.
pub const GRPC_PERMISSION_DENIED: i32 = 7;

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// Response-code details for access logs; no spaces.
    pub details: String,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The reply to a denied request.
    #[must_use]
    pub fn deny(code: Code, id: DecisionId) -> Self {
        let mut body = Json::default();
        body.text("error", code.word().as_bytes());
        body.raw("code", &code.number().to_string());
        body.text("message", code.sentence().as_bytes());
        body.text("decision", id.to_string().as_bytes());
        let headers = vec![
            ("content-type", String::from("application/json")),
            ("x-ambit-code", String::from(code.word())),
            ("x-ambit-decision", id.to_string()),
        ];
        Self { status: 403, details: format!("ambit:{}", code.word()), headers, body: body.end() }
    }
}
