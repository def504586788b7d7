//! The application of every agent of the sandbox: it hands a task on to the next agent, or does what the task says.
//!
//! It knows nothing of Ambit, but for one thing until sidecars stamp lineages themselves: it says on whose behalf it
//! calls, in `x-ambit-lineage`. What an application says there is a claim, and claims can only narrow.

use ambit_lineage::{Lineage, Principal, header};
use serde_json::{Value, json};

use crate::client::Request;
use crate::upstream::{Call, Received, Reply};

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
    let mut onward = match through.split_first() {
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
    onward = onward.carry(&call.request.headers, &["traceparent", "x-request-id"]);
    if let Some(lineage) = lineage_of_onward_calls(&call.request) {
        onward = onward.header(header::HEADER_NAME, lineage);
    }
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

/// The lineage that a request came with, and behind it the peer that sent it.
fn lineage_of_onward_calls(request: &Received) -> Option<Vec<u8>> {
    let stated = request.headers.iter().find(|(name, _)| name == header::HEADER_NAME);
    let lineage = match stated {
        Some((_, value)) => header::parse(value).ok()?,
        None => Lineage::root(None),
    };
    let peer = peer_of(request)?;
    let peer = Principal::parse(peer.as_bytes())?;
    let mut value = Vec::new();
    header::encode(&lineage.stamp(peer).ok()?, &mut value).ok()?;
    Some(value)
}

/// The URI of the last element of `x-forwarded-client-cert`, which the agent's own sidecar wrote.
fn peer_of(request: &Received) -> Option<String> {
    let last = request.header("x-forwarded-client-cert")?.rsplit(',').next()?;
    last.split(';').find_map(|pair| pair.strip_prefix("URI=")).map(str::to_owned)
}
