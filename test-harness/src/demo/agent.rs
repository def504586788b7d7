//! The application of every agent of the sandbox: it hands a task on to the next agent, or does what the task says.
//!
//! It knows nothing of Ambit. Like any service with a stock tracing library it hands on `traceparent` and
//! `x-request-id`, by which its sidecar knows on whose behalf it calls. And like any agent that reads what strangers
//! write, it does what it is told.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::{Request, Response};
use crate::upstream::{Call, Reply};

/// The headers under which a deny carries its code and its decision id.
pub(super) const CODE: &str = "x-ambit-code";
pub(super) const DECISION: &str = "x-ambit-decision";

/// What tracing libraries hand on.
const TRACING: [&str; 2] = ["traceparent", "x-request-id"];

/// A task as agents hand it on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    /// Through whom it still goes.
    #[serde(default)]
    pub(super) through: Vec<String>,
    /// What to do at the end.
    pub(super) call: Deed,
    /// How often to do it.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// Whose application hands on no header at all.
    #[serde(default)]
    pub(super) forgetful: Vec<String>,
}

const fn once() -> u32 {
    1
}

/// What an agent does in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Deed {
    /// A tool called by MCP.
    Tool { to: Cow<'static, str>, tool: Cow<'static, str>, amount: Option<u32> },
    /// Nothing: it knows the answer itself.
    Answer { answer: Cow<'static, str> },
    /// A plain HTTP request. `#` in the path stands for the number of the time.
    Http { to: Cow<'static, str>, method: Cow<'static, str>, path: Cow<'static, str> },
}

impl Deed {
    /// The request that it takes, the `number`-th time, or the answer that takes none.
    pub(super) fn request(&self, number: u32) -> Result<Request, &str> {
        match self {
            Self::Answer { answer } => Err(answer),
            Self::Http { to, method, path } => {
                Ok(Request::new(method, &path.replace('#', &number.to_string())).host(&format!("{to}.local")))
            }
            Self::Tool { to, tool, amount } => {
                let arguments = amount.map_or(json!({}), |amount| json!({"amount": amount}));
                let params = json!({"name": tool, "arguments": arguments});
                let message =
                    json!({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params});
                Ok(Request::post_json("/mcp", message.to_string())
                    .host(&format!("{to}.local"))
                    .header("accept", "application/json, text/event-stream")
                    .header("mcp-protocol-version", "2025-11-25"))
            }
        }
    }
}

/// Does what a task says, as the application of the agent `name`.
pub(super) fn act(name: &str, call: &Call) -> Reply {
    let mut task: Task = match serde_json::from_slice(&call.request.body) {
        Ok(task) => task,
        Err(error) => return Reply::new(400, format!("this is no task: {error}")),
    };
    let handed_on: &[&str] = if task.forgetful.iter().any(|other| other == name) { &[] } else { &TRACING };
    let send = |request: Request| call.forward(&request.carry(&call.request.headers, handed_on));
    if !task.through.is_empty() {
        let next = task.through.remove(0);
        let body = serde_json::to_vec(&task).unwrap_or_default();
        return answer(send(Request::post_json("/tasks", body).host(&format!("{next}.local"))));
    }
    let mut done = 0_u32;
    for number in 1..=task.times {
        let answered = match task.call.request(number) {
            Err(known) => return Reply::new(200, known),
            Ok(request) => send(request),
        };
        match answered {
            Ok(answer) if number < task.times && is_done(&answer) => done += 1,
            last => {
                done += u32::from(last.as_ref().is_ok_and(is_done));
                return answer(last).header(DONE, done.to_string());
            }
        }
    }
    Reply::new(400, "a task is done at least once")
}

/// The header in which an agent says how often it did what it was to do several times.
pub(super) const DONE: &str = "x-done";

fn is_done(answer: &Response) -> bool {
    answer.status == 200 && answer.header(CODE).is_none()
}

/// Passes an answer back to whoever gave the task.
fn answer(answer: std::io::Result<Response>) -> Reply {
    match answer {
        Ok(answer) => {
            let reply = Reply::new(answer.status, answer.body.clone());
            [CODE, DECISION, DONE].into_iter().fold(reply, |reply, name| match answer.header(name) {
                Some(value) => reply.header(name, value),
                None => reply,
            })
        }
        Err(error) => Reply::new(502, error.to_string()),
    }
}
