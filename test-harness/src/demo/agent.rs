//! The application of every agent of the sandbox: it hands a task on to the next agent, or does what the task says.
//!
//! It knows nothing of Ambit. Like any service with a stock tracing library it hands on `traceparent` and
//! `x-request-id`, by which its sidecar knows on whose behalf it calls.

use serde_json::{Value, json};

use crate::client::Request;
use crate::upstream::{Call, Reply};

/// The header under which a deny carries its code.
const CODE: &str = "x-ambit-code";

/// A task as agents hand it on: through whom, and what to do at the end.
pub(super) fn task(through: &[&str], method: &str, path: &str) -> Value {
    json!({"through": through, "call": {"method": method, "path": path}})
}

/// Does what a task says.
pub(super) fn act(call: &Call) -> Reply {
    let Ok(task) = serde_json::from_slice::<Value>(&call.request.body) else {
        return Reply::new(400, "a task is a JSON object");
    };
    let through: Vec<&str> =
        task["through"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let onward = match through.split_first() {
        Some((next, rest)) => {
            let mut handed_on = task.clone();
            handed_on["through"] = json!(rest);
            Request::post_json("/tasks", handed_on.to_string()).host(&format!("{next}.local"))
        }
        None => {
            let (method, path) = (task["call"]["method"].as_str(), task["call"]["path"].as_str());
            Request::new(method.unwrap_or("GET"), path.unwrap_or("/")).host("orders-db.local")
        }
    };
    let onward = onward.carry(&call.request.headers, &["traceparent", "x-request-id"]);
    match call.forward(&onward) {
        Ok(answer) => {
            let reply = Reply::new(answer.status, answer.body.clone());
            match answer.header(CODE) {
                Some(code) => reply.header(CODE, code),
                None => reply,
            }
        }
        Err(error) => Reply::new(502, error.to_string()),
    }
}
