//! Policies that take turns, and requests of which it is known under which of them they are allowed: to tell whether each is
//! judged by a policy that is in force, and by one.

use std::ops::RangeInclusive;

use ambit_compiler::compile::Options;

use crate::client::{Request, Response};
use crate::policy_directory::{compile_text, inbound_config};

/// Who calls.
pub const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/caller";
/// The workload that is called.
pub const OWN: &str = "spiffe://cluster.local/ns/data/sa/tool";

/// Under which policies a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Under all.
    Always,
    /// Under none.
    Never,
    /// Under those with an even number.
    Even,
    /// Under those with an odd number.
    Odd,
}

impl Allowed {
    /// Whether it is allowed under the policy of this number.
    #[must_use]
    pub fn under(self, policy: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Even => policy.is_multiple_of(2),
            Self::Odd => !policy.is_multiple_of(2),
        }
    }
}

/// What is sent, in turn: without a body, with one that is not looked at since the request is denied before, and with
/// one that decides.
#[must_use]
pub fn mix() -> Vec<(Request, Allowed)> {
    let pay = |amount: u32| Request::post_json("/pay", format!("{{\"amount\": {amount}}}"));
    vec![
        (Request::get("/open"), Allowed::Always),
        (Request::get("/even"), Allowed::Even),
        (Request::post_json("/closed", vec![b' '; 20_000]), Allowed::Never),
        (pay(10), Allowed::Always),
        (pay(75), Allowed::Even),
        (Request::get("/odd"), Allowed::Odd),
        (pay(500), Allowed::Never),
        (Request::get("/closed"), Allowed::Never),
        (pay(1), Allowed::Always),
    ]
}

/// The plugin configuration with the policy of this number.
///
/// # Panics
///
/// When the policy does not compile.
#[must_use]
#[expect(clippy::expect_used, reason = "the text is ours")]
pub fn config(policy: u64) -> String {
    let (granted, limit) = if policy.is_multiple_of(2) { ("even", 100) } else { ("odd", 50) };
    let text = format!(
        r#"
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {{name: tool}}
spec:
  workload: {{namespace: data, serviceAccount: tool}}
  protocol: http
  actions:
    - {{name: open, methods: [GET], path: /open}}
    - {{name: even, methods: [GET], path: /even}}
    - {{name: odd, methods: [GET], path: /odd}}
    - {{name: closed, methods: [GET, POST], path: /closed}}
    - {{name: pay, methods: [POST], path: /pay}}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: caller}}
spec:
  identity: [{{namespace: agents, serviceAccount: caller}}]
  originates: true
  grants:
    - actions: [tool/open, tool/{granted}]
    - {{actions: [tool/pay], when: args.amount <= {limit}}}
"#
    );
    let blobs = compile_text(&text, &Options { generation: policy, ..Options::default() })
        .expect("the policy compiles");
    inbound_config(&blobs["tool"], None)
}

/// Whether a response is the application's or the filter's; anything else is neither.
///
/// # Errors
///
/// What it is then.
pub fn verdict(response: &Response) -> Result<bool, String> {
    match (response.status, response.header("x-ambit-code"), response.body.as_slice()) {
        (200, None, b"ok") => Ok(true),
        (403, Some("not-granted" | "condition-not-met"), _) => Ok(false),
        _ => Err(format!("{} {:?} {}", response.status, response.header("x-ambit-code"), response.text())),
    }
}

/// The first policy of those in force that gives this verdict.
#[must_use]
pub fn decided_by(allowed: Allowed, verdict: bool, in_force: RangeInclusive<u64>) -> Option<u64> {
    in_force.into_iter().find(|policy| allowed.under(*policy) == verdict)
}

/// Whether Envoy says that it closes the connection, which it does when it answers an HTTP/1.1 request before the end
/// of it has come: nothing more can be read there. A client opens another one then, as any must.
#[must_use]
pub fn is_last(response: &Response) -> bool {
    response.header("connection") == Some("close")
}
