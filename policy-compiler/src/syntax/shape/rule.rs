//! Grants and denies.

use super::{EFFECTS, Field, METHODS, NAME, NAMES, Object, Shape, TEXT};

const ACTIONS: Field = Field::optional(
    "actions",
    Shape::List { item: &TEXT, may_be_empty: false },
    "Actions, as `service/action`; `*` stands for any run of characters but `/`.",
    "[orders-db/row.read]",
)
.mistaken(&["action", "tools", "allow"]);

const HTTP: Field = Field::optional(
    "http",
    Shape::Object(&INLINE),
    "Methods and paths of an HTTP service that need no catalog entry.",
    "{service: orders-db, methods: [GET], paths: [\"/rows/*\"]}",
);

const TOOLSET: Field = Field::optional(
    "toolset",
    NAME,
    "The grants of a toolset, instead of `actions` and `http`.",
    "order-reading",
)
.mistaken(&["toolsets"]);

const WHEN: Field = Field::optional("when", TEXT, "A condition, in CEL.", "args.amount <= 50").mistaken(&[
    "if",
    "condition",
    "conditions",
    "cel",
]);

const THROUGH: Field = Field::optional(
    "through",
    NAMES,
    "The grant counts only where the owner causes the action through these agents, not for the owner itself as caller.",
    "[billing]",
)
.mistaken(&["via"]);

const DIRECT: Field = Field::optional(
    "direct",
    Shape::Bool,
    "`true`: the owner may be the caller itself (alone: only so). `false`: it may not.",
    "true",
);

/// A grant of an agent.
pub(super) const GRANT: Object = Object {
    name: "Grant",
    doc: "What an agent may do. One of `actions`, `http` and `toolset` says which actions.",
    fields: &[ACTIONS, HTTP, TOOLSET, WHEN, THROUGH, DIRECT],
};

/// A deny, and a grant of a mission or toolset.
pub(super) const PLAIN: Object = Object {
    name: "Rule",
    doc: "A deny, or a grant of a mission or toolset. One of `actions`, `http` and `toolset` says which actions.",
    fields: &[ACTIONS, HTTP, TOOLSET, WHEN],
};

/// A grant of a toolset.
pub(super) const BARE: Object =
    Object { name: "ToolsetGrant", doc: "A grant of a toolset.", fields: &[ACTIONS, HTTP, WHEN] };

const INLINE: Object = Object {
    name: "InlineHttp",
    doc: "Methods and paths of an HTTP service.",
    fields: &[
        Field::required("service", NAME, "The service.", "orders-db"),
        Field::optional("methods", METHODS, "The methods. Default: any.", "[GET]")
            .mistaken(&["method", "verbs"]),
        Field::required(
            "paths",
            Shape::List { item: &TEXT, may_be_empty: false },
            "Path patterns.",
            "[\"/rows/{id}\"]",
        )
        .mistaken(&["path"]),
        Field::optional(
            "effects",
            EFFECTS,
            "Effects of these requests, beside those of the catalog.",
            "[read]",
        ),
    ],
};
