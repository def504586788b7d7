//! The tools of the sandbox: they do what they are told, and trust their sidecars to be asked first.

use serde_json::{Value, json};

use crate::upstream::{Call, Reply};

/// The database of orders, over plain HTTP.
pub(super) fn database(call: &Call) -> Reply {
    let path: Vec<&str> = call.request.target.split('/').skip(1).collect();
    match (call.request.method.as_str(), path.as_slice()) {
        ("GET", ["tables", table, "rows", row]) => {
            json_reply(&json!({"table": table, "row": row, "status": "shipped"}))
        }
        ("DELETE", ["tables", table]) => json_reply(&json!({"table": table, "dropped": true})),
        _ => Reply::new(404, "{}"),
    }
}

/// What billing has at its own door, beside the tasks that it takes.
pub(super) fn statement(call: &Call) -> Reply {
    match call.request.target.strip_prefix("/statements/") {
        Some(customer) => json_reply(&json!({"customer": customer, "owes": "129.00"})),
        None => Reply::new(404, "{}"),
    }
}

/// The payment provider, an MCP server.
pub(super) fn payments(call: &Call) -> Reply {
    let message: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let arguments = &message["params"]["arguments"];
    let text = match message["params"]["name"].as_str() {
        Some("rates.read") => "1 EUR is 1.09 USD".to_owned(),
        Some("card.read") => "card 4242, Ada Lovelace".to_owned(),
        Some("refund.create") => format!("refunded {}", arguments["amount"]),
        _ => return Reply::new(404, "{}"),
    };
    let result = json!({"content": [{"type": "text", "text": text}]});
    json_reply(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
}

fn json_reply(answer: &Value) -> Reply {
    Reply::new(200, answer.to_string()).header("content-type", "application/json")
}
