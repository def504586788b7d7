//! The JSON Schema of the delivery document, from which editors complete and check.
//!
//! It says what can be said of one field after the other. What is about several of them, such as a workload that is
//! listed twice, only `Delivery::parse` says.

use serde_json::{Value, json};

use super::delivery::{API_VERSION, MAX_WINDOW_MS};
use crate::limits::{MAX_LABEL_BYTES, MAX_NAME_BYTES, MAX_SELECTOR_LABELS};

/// Letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends, and [`MAX_LABEL_BYTES`] long at most.
const LABEL_WORD: &str = "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?";

/// Names of objects: words of small letters, digits and `-`, with dots between.
const DNS_NAME: &str = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*";

/// The schema, as text that ends in a line break: JSON Schema, draft 7.
#[must_use]
pub fn schema() -> String {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "How the policy of Ambit reaches the proxies of its workloads",
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": "Delivery"},
            "metadata": {"description": "Allowed, as in policy, and means nothing here."},
            "spec": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "selectorLabel": {
                        "description": "Where a workload has no `pods`: its pods carry this label, with the name of their service account.",
                        "allOf": [{"$ref": "#/definitions/LabelKey"}],
                    },
                    "lineage": {"$ref": "#/definitions/Lineage"},
                    "egress": {"$ref": "#/definitions/Egress"},
                    "accessLogs": {"$ref": "#/definitions/AccessLogs"},
                    "workloads": {
                        "description": "What is said of single workloads.",
                        "type": "array",
                        "items": {"$ref": "#/definitions/Workload"},
                    },
                },
            },
        },
        "definitions": {
            "LabelKey": {
                "type": "string",
                "pattern": format!("^({DNS_NAME}/)?{LABEL_WORD}$"),
            },
            "ObjectName": {"type": "string", "maxLength": MAX_NAME_BYTES, "pattern": format!("^{DNS_NAME}$")},
            "Workload": workload(),
            "Waypoint": {
                "description": "The waypoint that the workload's traffic goes through, in ambient mode.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "required": ["gateway"],
                "properties": {
                    "gateway": {
                        "description": "The `Gateway`. Its proxies run as the service account of that name.",
                        "allOf": [{"$ref": "#/definitions/ObjectName"}],
                    },
                    "service": {
                        "description": "The `Service` behind it. Without one, all that goes through the gateway is meant.",
                        "anyOf": [{"$ref": "#/definitions/ObjectName"}, {"type": "null"}],
                    },
                },
            },
            "Lineage": lineage(),
            "Labels": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"$ref": "#/definitions/LabelKey"},
                "additionalProperties": {
                    "type": "string",
                    "maxLength": MAX_LABEL_BYTES,
                    "pattern": format!("^({LABEL_WORD})?$"),
                },
            },
            "Egress": egress(),
            "Dns": dns(),
            "Gateway": gateway(),
            "AccessLogs": {
                "description": "Turns on access logs that say what was decided. Without it, they stay as they are.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "providers": {
                        "description": "Providers of Istio's mesh configuration, in the place of those that proxies log to otherwise. Default: `[ambit-access-log]`.",
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "minLength": 1},
                    },
                },
            },
        },
    });
    format!("{schema:#}\n")
}

fn workload() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["namespace", "serviceAccount"],
        "properties": {
            "namespace": {"description": "The namespace of its identity.", "type": "string"},
            "serviceAccount": {"description": "The service account of its identity.", "type": "string"},
            "pods": {
                "description": "The labels of its pods; `{}` is every pod of the namespace.",
                "type": ["object", "null"],
                "maxProperties": MAX_SELECTOR_LABELS,
                "propertyNames": {"$ref": "#/definitions/LabelKey"},
                "additionalProperties": {
                    "type": "string",
                    "maxLength": MAX_LABEL_BYTES,
                    "pattern": format!("^({LABEL_WORD})?$"),
                },
            },
            "ports": {
                "description": "The ports that are governed; all others are closed. Without it, every port that speaks HTTP is open.",
                "type": ["array", "null"],
                "minItems": 1,
                "items": {"type": "integer", "minimum": 1, "maximum": u16::MAX},
            },
            "waypoint": {"$ref": "#/definitions/Waypoint"},
            "holdHeaders": {
                "description": "Whether the headers of a request wait for its body where policy needs the body.",
                "type": "boolean",
            },
            "skip": {"description": "Whether it is delivered by other means.", "type": "boolean"},
            "lineage": {"$ref": "#/definitions/Lineage"},
        },
        // A waypoint has no way to hold the headers of one service only.
        "not": {
            "required": ["waypoint", "holdHeaders"],
            "properties": {"waypoint": {"type": "object"}, "holdHeaders": {"const": true}},
        },
    })
}

fn egress() -> Value {
    json!({
        "description": "What has to stay open for agents whose calls outside are bounded, and how these calls are made.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "controlPlane": {
                "description": "The namespace of the control plane. Default: `istio-system`.",
                "allOf": [{"$ref": "#/definitions/ObjectName"}],
            },
            "dns": {"$ref": "#/definitions/Dns"},
            "namespaces": {
                "description": "Namespaces whose services agents may call, besides those of the policy's services.",
                "type": "array",
                "items": {"$ref": "#/definitions/ObjectName"},
            },
            "plaintext": {
                "description": "Hosts to which HTTP goes as it is, without TLS.",
                "type": "array",
                "items": {"type": "string", "pattern": format!(r"^(\*\.)?{DNS_NAME}$")},
            },
            "gateway": {"$ref": "#/definitions/Gateway"},
        },
    })
}

fn dns() -> Value {
    json!({
        "description": "Where names are resolved.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "namespace": {
                "description": "The namespace of the servers. Default: `kube-system`.",
                "allOf": [{"$ref": "#/definitions/ObjectName"}],
            },
            "pods": {
                "description": "The labels of their pods. Default: `{k8s-app: kube-dns}`.",
                "allOf": [{"$ref": "#/definitions/Labels"}],
            },
            "addresses": {
                "description": "Addresses of others, such as a cache on each node.",
                "type": "array",
                "items": {"type": "string", "pattern": r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$"},
            },
        },
    })
}

fn gateway() -> Value {
    json!({
        "description": "The gateway by which calls to hosts leave the mesh.",
        "type": ["object", "null"],
        "additionalProperties": false,
        "required": ["namespace", "service"],
        "properties": {
            "namespace": {
                "description": "Its namespace.",
                "allOf": [{"$ref": "#/definitions/ObjectName"}],
            },
            "service": {
                "description": "Its `Service`.",
                "allOf": [{"$ref": "#/definitions/ObjectName"}],
            },
            "pods": {
                "description": "The labels of its pods. Default: `{istio: egressgateway}`.",
                "allOf": [{"$ref": "#/definitions/Labels"}],
            },
        },
    })
}

fn lineage() -> Value {
    json!({
        "description": "How lineage is kept; what is absent is as the filter has it.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "windowMs": {
                "description": "How long a request limits what its agent does after its response, in milliseconds.",
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": MAX_WINDOW_MS,
            },
            "strict": {
                "description": "Never to trust the application's choice of correlation id.",
                "type": ["boolean", "null"],
            },
            "mesh": {
                "description": "Suffixes of names that are of the mesh.",
                "type": ["array", "null"],
                "items": {"type": "string"},
            },
            "hide": {
                "description": "To keep the lineage from the application.",
                "type": ["boolean", "null"],
            },
        },
    })
}
