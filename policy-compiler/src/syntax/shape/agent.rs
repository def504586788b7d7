//! `kind: Agent`.

use super::{EFFECTS, Field, MODE, NAME, NAMES, Object, Shape, TEXT, budget, egress, rule};

/// `spec` of an agent.
pub(super) const SPEC: Object = Object {
    name: "AgentSpec",
    doc: "A workload that acts.",
    fields: &[
        Field::required(
            "identity",
            Shape::List { item: &Shape::Object(&IDENTITY), may_be_empty: false },
            "The principals that are this agent.",
            "[{namespace: support, serviceAccount: support-agent}]",
        )
        .mistaken(&["identities", "principals", "principal", "workload"]),
        Field::optional(
            "purpose",
            TEXT,
            "What it is for, in words. Means nothing here.",
            "Answer customers.",
        )
        .mistaken(&["description"]),
        Field::optional("originates", Shape::Bool, "May start work of its own. Default: `false`.", "true")
            .mistaken(&["originate", "origin"]),
        Field::optional(
            "stamping",
            Shape::Bool,
            "Its sidecar stamps the lineage, so that what it asserts is believed. Default: `true`.",
            "false",
        ),
        Field::optional(
            "revoked",
            Shape::Bool,
            "Every chain through it is denied. Default: `false`.",
            "true",
        ),
        Field::optional(
            "missions",
            Shape::Object(&MISSIONS),
            "The missions that it may act under.",
            "{oneOf: [refund-order], required: true}",
        )
        .mistaken(&["mission"]),
        Field::optional(
            "grants",
            Shape::List { item: &Shape::Object(&rule::GRANT), may_be_empty: true },
            "What it may do.",
            "[{actions: [orders-db/row.read]}]",
        )
        .mistaken(&["allow", "rules", "permissions", "allows"]),
        Field::optional(
            "denies",
            Shape::List { item: &Shape::Object(&rule::PLAIN), may_be_empty: true },
            "What must not be done by it or in its name, whatever is granted.",
            "[{actions: [\"*/table.drop\"]}]",
        )
        .mistaken(&["deny", "forbid"]),
        Field::optional(
            "delegates",
            Shape::Object(&DELEGATES),
            "Whom it may hand work to. Default: no one.",
            "{to: [planner]}",
        )
        .mistaken(&["delegate", "delegatesTo"]),
        Field::optional(
            "effects",
            Shape::Object(&CEILING),
            "The effects that it may cause, itself or through others. Default: all.",
            "{ceiling: [read]}",
        ),
        Field::optional(
            "budget",
            Shape::Object(&budget::BUDGET),
            "How many calls it may make. Default: any number.",
            "{perRoot: 20, perWindow: 200, window: 1m}",
        )
        .mistaken(&["budgets", "limits", "rateLimit", "quota"]),
        Field::optional(
            "lineage",
            Shape::Object(&LINEAGE),
            "How its sidecar ties its calls to the requests that caused them.",
            "{strict: true}",
        ),
        Field::optional("mode", MODE, "Overrides the mesh's.", "shadow"),
        Field::optional(
            "egress",
            Shape::Object(&egress::OF_AGENT),
            "Where calls outside may go that it makes, or that are made on its behalf. Default: anywhere.",
            "{allow: [api.example.com]}",
        )
        .mistaken(&["destinations", "outbound", "allowlist"]),
    ],
};

/// `effects` of an agent or mission.
pub(super) const CEILING: Object = Object {
    name: "Effects",
    doc: "A bound on effects.",
    fields: &[Field::required("ceiling", EFFECTS, "The effects that are allowed.", "[read]")
        .mistaken(&["max", "allow"])],
};

const IDENTITY: Object = Object {
    name: "Identity",
    doc: "A principal, or a set of them.",
    fields: &[
        Field::optional(
            "namespace",
            TEXT,
            "Kubernetes namespace; alone, all of its service accounts.",
            "support",
        ),
        Field::optional(
            "serviceAccount",
            TEXT,
            "Kubernetes service account in the namespace.",
            "support-agent",
        )
        .mistaken(&["sa", "serviceAccountName"]),
        Field::optional("spiffe", TEXT, "One SPIFFE id.", "\"spiffe://cluster.local/ns/a/sa/b\"")
            .mistaken(&["spiffeId", "id", "principal"]),
        Field::optional(
            "spiffePattern",
            TEXT,
            "A SPIFFE path in any trust domain of the mesh; `*` stands for any run of characters within a segment.",
            "\"/ns/*/sa/build-agent\"",
        ),
    ],
};

const MISSIONS: Object = Object {
    name: "AgentMissions",
    doc: "The missions that an agent may act under.",
    fields: &[
        Field::optional("oneOf", NAMES, "These. Default: any.", "[refund-order]")
            .mistaken(&["anyOf", "allowed"]),
        Field::optional("required", Shape::Bool, "It acts only under a mission. Default: `false`.", "true"),
        Field::optional(
            "default",
            NAME,
            "The mission of work that it begins itself, unless its application declares one.",
            "refund-order",
        ),
    ],
};

const LINEAGE: Object = Object {
    name: "AgentLineage",
    doc: "How calls are tied to the requests that caused them.",
    fields: &[
        Field::optional(
            "strict",
            Shape::Bool,
            "Never to trust the application's choice of correlation id: each call is limited by all that is live in \
             the pod. Default: `false`.",
            "true",
        ),
        Field::optional(
            "window",
            budget::DURATION,
            "How long a request limits after its response, up to `10m`. Default: `30s`.",
            "30s",
        ),
    ],
};

const DELEGATES: Object = Object {
    name: "Delegates",
    doc: "Whom an agent may hand work to.",
    fields: &[
        Field::required(
            "to",
            Shape::List { item: &TEXT, may_be_empty: true },
            "Agents by name, or `\"*\"` for any.",
            "[planner]",
        ),
        Field::optional(
            "maxDepth",
            Shape::Integer { min: 0, max: 16 },
            "The most members that may follow it in a lineage. Default: as many as the mesh allows.",
            "2",
        ),
    ],
};
