//! What the API server checks of an object: the structural schema of its CRD, unknown fields included, and the CEL
//! rules in it (`x-kubernetes-validations`).
//!
//! Not checked: defaults, list types beyond duplicates of map keys, and the cost limits of rules. None of them matters
//! for objects as we write them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use cel::{Context, Program};
use serde_json::{Map, Value, json};

/// The schemas of several kinds.
pub(crate) struct Schemas {
    /// By API version and kind: as JSON Schema, and as it is written.
    kinds: BTreeMap<(String, String), (jsonschema::Validator, Value)>,
}

impl Schemas {
    /// Reads all CRDs of `tests/crds`, and what stands beside this file for a type that has none.
    pub(crate) fn read() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut kinds = BTreeMap::new();
        let entries = ["crds", "schema"].map(|directory| std::fs::read_dir(tests.join(directory)).unwrap());
        for entry in entries.into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let spec = &crd["spec"];
            let kind = spec["names"]["kind"].as_str().unwrap();
            for version in spec["versions"].as_array().unwrap() {
                let api =
                    format!("{}/{}", spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
                let mut schema = version["schema"]["openAPIV3Schema"].clone();
                let properties = schema["properties"].as_object_mut().unwrap();
                properties.insert("apiVersion".into(), json!({"type": "string"}));
                properties.insert("kind".into(), json!({"type": "string"}));
                properties.insert("metadata".into(), metadata());
                let validator = jsonschema::validator_for(&structural(&schema)).unwrap();
                kinds.insert((api, kind.to_owned()), (validator, schema));
            }
        }
        Self { kinds }
    }

    /// Everything that the API server would say against an object.
    pub(crate) fn problems(&self, object: &Value) -> Vec<String> {
        let key = (text(&object["apiVersion"]), text(&object["kind"]));
        let Some((validator, schema)) = self.kinds.get(&key) else {
            return vec![format!("no schema of {key:?}")];
        };
        let mut problems: Vec<String> = validator
            .iter_errors(object)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        rules(schema, object, "", &mut problems);
        peers(object, &mut problems);
        problems
    }
}

/// What the API server checks of the peers of a `NetworkPolicy`.
fn peers(object: &Value, problems: &mut Vec<String>) {
    let rules = object["spec"]["egress"].as_array().filter(|_| object["kind"] == "NetworkPolicy");
    let peers = rules.into_iter().flatten().flat_map(|rule| rule["to"].as_array().into_iter().flatten());
    for peer in peers.filter(|peer| peer.get("ipBlock").is_some()) {
        let block = &peer["ipBlock"];
        if peer.as_object().unwrap().len() > 1 {
            problems.push(format!("{peer}: nothing stands beside `ipBlock`"));
        }
        let Some(outer) = network(&block["cidr"]) else {
            problems.push(format!("{block}: no network"));
            continue;
        };
        for except in block["except"].as_array().into_iter().flatten() {
            match network(except) {
                Some(inner) if outer.0 < inner.0 && outer.2 == inner.2 && starts_alike(outer, inner) => {}
                Some(_) => problems.push(format!("{except} is not within {}", block["cidr"])),
                None => problems.push(format!("{except}: no network")),
            }
        }
    }
}

/// The prefix, the bits from the left, and whether it is IPv4. Bits behind the prefix are refused.
fn network(value: &Value) -> Option<(u32, u128, bool)> {
    let (address, prefix) = value.as_str()?.split_once('/')?;
    let prefix: u32 = prefix.parse().ok()?;
    let (bits, is_v4) = match address.parse().ok()? {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    };
    let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
    (prefix <= if is_v4 { 32 } else { 128 } && bits & host == 0).then_some((prefix, bits, is_v4))
}

fn starts_alike(outer: (u32, u128, bool), inner: (u32, u128, bool)) -> bool {
    let shift = 128 - outer.0;
    outer.1.checked_shr(shift) == inner.1.checked_shr(shift)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the API server itself checks of metadata, as far as we write it.
fn metadata() -> Value {
    let name = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    let key = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
    let label = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$";
    json!({
        "type": "object",
        "required": ["name", "namespace"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "maxLength": 253, "pattern": name},
            "namespace": {"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
            "labels": {
                "type": "object",
                "propertyNames": {"pattern": key},
                "additionalProperties": {"type": "string", "pattern": label},
            },
            "annotations": {
                "type": "object",
                "propertyNames": {"pattern": key},
                "additionalProperties": {"type": "string"},
            },
        },
    })
}

/// A structural schema as JSON Schema: what it does not name is refused, as the API server does with strict validation.
fn structural(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in fields {
        let value = match key.as_str() {
            "description" | "format" => continue,
            key if key.starts_with("x-kubernetes-") => continue,
            "properties" => {
                let properties = value.as_object().unwrap();
                Value::from_iter(properties.iter().map(|(name, schema)| (name.clone(), structural(schema))))
            }
            "items" | "additionalProperties" | "not" => structural(value),
            "oneOf" | "anyOf" | "allOf" => {
                // Parts of a whole: they name only what they are about.
                value.clone()
            }
            "nullable" => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    let keeps_unknown = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") && !keeps_unknown {
        out.insert("additionalProperties".into(), Value::Bool(false));
    }
    if fields.get("nullable") == Some(&Value::Bool(true))
        && let Some(kind) = out.remove("type")
    {
        out.insert("type".into(), json!([kind, "null"]));
    }
    if fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        out.remove("type");
    }
    Value::from(out)
}

/// Evaluates the rules of a schema at a value, and at everything in it.
fn rules(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let source = rule["rule"].as_str().unwrap();
        match evaluate(source, value) {
            Ok(true) => {}
            Ok(false) => problems.push(format!("{path}: {}", text(&rule["message"]))),
            Err(error) => problems.push(format!("{path}: rule `{source}`: {error}")),
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let schema = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                rules(schema, inner, &format!("{path}/{name}"), problems);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                rules(&schema["items"], inner, &format!("{path}/{index}"), problems);
            }
            keys(schema, items, path, problems);
        }
        _ => {}
    }
}

/// Lists that are maps: no two elements have the same key.
fn keys(schema: &Value, items: &[Value], path: &str, problems: &mut Vec<String>) {
    let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() else { return };
    let mut seen = Vec::new();
    for item in items {
        let key: Vec<&Value> = keys.iter().map(|key| &item[key.as_str().unwrap()]).collect();
        if seen.contains(&key) {
            problems.push(format!("{path}: two elements with the key {key:?}"));
        }
        seen.push(key);
    }
}

fn evaluate(source: &str, value: &Value) -> Result<bool, String> {
    let program = Program::compile(source).map_err(|error| error.to_string())?;
    let mut context = Context::default();
    context.add_variable("self", value.clone()).map_err(|error| format!("{error:?}"))?;
    // Of Kubernetes' own functions, those that are about URLs. One is written as its text here.
    context.add_function("isURL", |url: Arc<String>| scheme(&url).is_some()).unwrap();
    context.add_function("url", |url: Arc<String>| url.as_str().to_owned()).unwrap();
    context
        .add_function("getScheme", |cel::extractors::This(url): cel::extractors::This<Arc<String>>| {
            scheme(&url).unwrap_or_default()
        })
        .unwrap();
    match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The scheme of an absolute URL, as Go reads it.
fn scheme(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (is_scheme && !rest.is_empty() && !rest.contains(char::is_whitespace))
        .then(|| scheme.to_ascii_lowercase())
}
