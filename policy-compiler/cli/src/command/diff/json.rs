//! For programs: one JSON object. Witnesses have the entries of a test.

use serde_json::{Map, Value, json};

use super::change::{Change, Found, Said, Witness};
use crate::time;

pub(super) fn render(found: &Found) -> String {
    let (differing, all) = found.workloads;
    let value = json!({
        "version": 1,
        "changes": found.changes.iter().map(change).collect::<Vec<_>>(),
        "silent": found.silent,
        "workloads": {"differing": differing, "all": all},
        "judged": found.judged,
        "cut": found.cut,
    });
    format!("{value}\n")
}

fn change(change: &Change) -> Value {
    json!({
        "way": change.way.word(),
        "action": format!("{}/{}", change.service, change.action),
        "witness": witness(&change.witness, &change.service),
        "before": said(&change.before),
        "after": said(&change.after),
        "requests": change.requests,
    })
}

fn said(said: &Said) -> Value {
    json!({
        "code": said.code,
        "detail": said.detail,
        "by": said.by,
        "because": said.because,
        "shadow": said.is_shadow,
    })
}

/// As a test says it, without what is expected of it.
fn witness(witness: &Witness, service: &str) -> Value {
    let mut test = Map::new();
    let mut put = |key: &str, value: Value| test.insert(key.to_owned(), value);
    put("from", json!(witness.caller));
    if !witness.members.is_empty() {
        put("for", json!(witness.members));
    }
    if let Some(mission) = &witness.mission {
        put("under", json!([mission]));
    }
    if !witness.is_stamped {
        put("stamped", json!(false));
    }
    put("to", json!(service));
    put("send", json!(witness.asked.send));
    if let Some(args) = &witness.asked.args {
        put("args", serde_json::from_str(args).unwrap_or(Value::Null));
    }
    if !witness.asked.headers.is_empty() {
        let headers = witness.asked.headers.iter().map(|(name, value)| (name.clone(), json!(value)));
        put("headers", Value::Object(headers.collect()));
    }
    if let Some(address) = &witness.asked.address {
        put("address", json!(address));
    }
    if let Some(at) = witness.asked.at {
        put("at", json!(time::show(at)));
    }
    Value::Object(test)
}
