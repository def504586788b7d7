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
    ],
};
