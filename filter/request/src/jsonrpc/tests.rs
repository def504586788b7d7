use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::extract::{Root, Selection, extract};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(body: &str) -> Result<String, EnvelopeError> {
    let mut builder = Selection::builder(Root::Document);
    let fields = Fields::select(&mut builder).unwrap();
    let facts = extract(&builder.build(), body.as_bytes()).unwrap();
    let show = |id: Id<'_>| {
        let mut out = Vec::new();
        id.write_json(&mut out);
        String::from_utf8(out).unwrap()
    };
    let method = |method: &[u8]| String::from_utf8(method.to_vec()).unwrap();
    Envelope::read(&facts.document(0).unwrap(), &fields).map(|envelope| match envelope {
        Envelope::Request { method: name, id } => std::format!("{} {}", method(name), show(id)),
        Envelope::Notification { method: name } => method(name),
        Envelope::Response { id } => std::format!("response {}", show(id)),
    })
}

#[test]
fn envelopes() {
    for (members, expected) in [
        (r#""method":"a","id":1"#, Ok("a 1")),
        (r#""method":"a","id":"x""#, Ok("a \"x\"")),
        (r#""method":"a","id":-120"#, Ok("a -120")),
        (r#""method":"a","params":[1]"#, Ok("a")),
        (r#""method":"""#, Ok("")),
        (r#""result":null,"id":7"#, Ok("response 7")),
        (r#""error":{},"id":7"#, Ok("response 7")),
        (r#""method":"a","id":null"#, Err(EnvelopeError::Id)),
        (r#""method":"a","id":{}"#, Err(EnvelopeError::Id)),
        (r#""method":"a","id":1e40000"#, Err(EnvelopeError::Id)),
        (r#""result":1"#, Err(EnvelopeError::Id)),
        (r#""method":null,"id":1"#, Err(EnvelopeError::Method)),
        (r#""method":["a"],"id":1"#, Err(EnvelopeError::Method)),
        (r#""method":"a","result":1,"id":1"#, Err(EnvelopeError::Shape)),
        (r#""method":"a","error":null,"id":1"#, Err(EnvelopeError::Shape)),
        (r#""result":1,"error":1,"id":1"#, Err(EnvelopeError::Shape)),
        (r#""id":1"#, Err(EnvelopeError::Shape)),
    ] {
        let body = std::format!(r#"{{"jsonrpc":"2.0",{members}}}"#);
        assert_eq!(read(&body).as_deref(), expected.as_ref().map(|shown| *shown), "for `{body}`");
    }
    for body in [
        "1",
        "[]",
        "{}",
        r#"{"method":"a"}"#,
        r#"{"jsonrpc":2.0,"method":"a"}"#,
        r#"{"jsonrpc":"1.0","method":"a"}"#,
    ] {
        assert_eq!(read(body), Err(EnvelopeError::Version), "for `{body}`");
    }
}

proptest! {
    #[test]
    fn ids_come_back_as_they_were(id in prop_oneof![any::<i64>().prop_map(serde_json::Value::from), any::<String>().prop_map(serde_json::Value::from)]) {
        prop_assume!(id.as_str().is_none_or(|id| !id.contains('\0')));
        let body = serde_json::json!({"jsonrpc": "2.0", "id": id, "method": ""}).to_string();
        let shown = read(&body).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(shown.trim_start_matches(' ')).unwrap(), id);
    }
}
