//! `kind: Mesh`.

use super::{Field, MODE, NAMES, Object, Shape, TEXT, egress};

/// `spec` of a mesh.
pub(super) const SPEC: Object = Object {
    name: "MeshSpec",
    doc: "Settings of the whole mesh.",
    fields: &[
        Field::optional(
            "trustDomains",
            Shape::List { item: &TEXT, may_be_empty: false },
            "Trust domains whose identities count. Those after the first are aliases of the same mesh. Default: `[cluster.local]`.",
            "[cluster.local]",
        )
        .mistaken(&["trustDomain", "trustDomainAliases"]),
        Field::optional(
            "maxDepth",
            Shape::Integer { min: 1, max: 17 },
            "The most members a lineage may have, the caller included. Default: 8.",
            "8",
        ),
        Field::optional(
            "cycles",
            Shape::Choice(&[
                ("refuse", "An agent that appears twice in one lineage denies."),
                ("tolerate", "An agent that appears twice is judged once."),
            ]),
            "Whether an agent may appear twice in one lineage. Default: `tolerate`.",
            "tolerate",
        ),
        Field::optional("mode", MODE, "What agents and services do that say nothing themselves. Default: `enforce`.", "shadow"),
        Field::optional("revoked", NAMES, "Agents that are revoked: every chain through them is denied.", "[planner]"),
        Field::optional(
            "egress",
            Shape::Object(&egress::OF_MESH),
            "What it says of calls outside.",
            "{internal: [10.0.0.0/8]}",
        ),
        Field::optional(
            "records",
            Shape::Object(&RECORDS),
            "What decision records show.",
            "{loggable: [args.amount]}",
        )
        .mistaken(&["logging", "log", "audit"]),
    ],
};

const RECORDS: Object = Object {
    name: "MeshRecords",
    doc: "What decision records show.",
    fields: &[
        Field::optional(
            "loggable",
            Shape::List { item: &TEXT, may_be_empty: true },
            "Fields that records show as they are, with all that is in them, as conditions name them; `*` is all. Of the others they have a digest. Default: none.",
            "[args.amount, request.headers.x-tenant]",
        )
        .mistaken(&["fields", "show", "plain"]),
        Field::optional(
            "allows",
            Shape::Integer { min: 0, max: 1_000_000 },
            "One in this many allows is recorded; 0 is none. Denies are recorded always. Default: 0.",
            "1000",
        )
        .mistaken(&["sample", "sampling", "allowed"]),
    ],
};
