//! The JSON Schema of the language, from the table that the check reads.

use serde_json::{Map, Value, json};

use crate::syntax::shape::{API_VERSION, DOCUMENT, Field, KINDS, METADATA, Object, Shape, TEXT};

/// The schema, as indented JSON that ends in a line feed.
#[must_use]
pub fn schema() -> String {
    let mut definitions = Map::new();
    let mut kinds = Vec::new();
    for kind in KINDS {
        object(kind.spec, &mut definitions);
        let mut required: Vec<&str> =
            DOCUMENT.iter().filter(|field| field.required).map(|field| field.name).collect();
        required.retain(|name| *name != "spec" || kind.spec_required);
        kinds.push(json!({
            "title": kind.name,
            "description": kind.doc,
            "type": "object",
            "additionalProperties": false,
            "required": required,
            "properties": {
                "apiVersion": {"const": API_VERSION, "description": doc("apiVersion")},
                "kind": {"const": kind.name, "description": doc("kind")},
                "metadata": {"$ref": reference(&METADATA), "description": doc("metadata")},
                "spec": {"$ref": reference(kind.spec), "description": kind.spec.doc},
            },
        }));
    }
    object(&METADATA, &mut definitions);
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Ambit policy",
        "description": "One document of an Ambit policy.",
        "oneOf": kinds,
        "definitions": definitions,
    });
    let mut text = format!("{schema:#}");
    text.push('\n');
    text
}

fn doc(name: &str) -> &'static str {
    DOCUMENT.iter().find(|field| field.name == name).map_or("", |field| field.doc)
}

fn reference(object: &Object) -> String {
    format!("#/definitions/{}", object.name)
}

/// Adds an object, and those that it holds, to the definitions.
fn object(object: &'static Object, definitions: &mut Map<String, Value>) {
    if definitions.contains_key(object.name) {
        return;
    }
    definitions.insert(object.name.to_owned(), Value::Null);
    let mut properties = Map::new();
    for field in object.fields {
        properties.insert(field.name.to_owned(), property(field, definitions));
    }
    let required: Vec<&str> =
        object.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let definition = json!({
        "description": object.doc,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    });
    definitions.insert(object.name.to_owned(), definition);
}

fn property(field: &Field, definitions: &mut Map<String, Value>) -> Value {
    let mut value = shape(field.shape, definitions);
    if let Value::Object(map) = &mut value {
        map.insert(String::from("description"), json!(field.doc));
    }
    value
}

fn shape(shape: Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Text { pattern: None } => json!({"type": "string", "minLength": 1}),
        Shape::Text { pattern: Some(pattern) } => json!({"type": "string", "pattern": pattern}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Choice(choices) => {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let meanings: Vec<&str> = choices.iter().map(|(_, meaning)| *meaning).collect();
            json!({"enum": words, "enumDescriptions": meanings})
        }
        Shape::List { item, may_be_empty } => {
            let mut list = json!({"type": "array", "items": self::shape(*item, definitions)});
            if let (false, Value::Object(map)) = (may_be_empty, &mut list) {
                map.insert(String::from("minItems"), json!(1));
            }
            list
        }
        Shape::Object(inner) => {
            object(inner, definitions);
            json!({"$ref": reference(inner)})
        }
        Shape::TextOr(inner) => {
            object(inner, definitions);
            json!({"anyOf": [self::shape(TEXT, definitions), {"$ref": reference(inner)}]})
        }
        Shape::Labels => json!({"type": "object", "additionalProperties": {"type": "string"}}),
    }
}
