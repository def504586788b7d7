//! `kind: Mission`.

use super::{Field, Object, Shape, TEXT, agent, budget, egress, rule};

/// `spec` of a mission.
pub(super) const SPEC: Object = Object {
    name: "MissionSpec",
    doc: "A named, bounded purpose.",
    fields: &[
        Field::optional(
            "purpose",
            TEXT,
            "What it is for, in words. Means nothing here.",
            "Refund one order.",
        )
        .mistaken(&["description"]),
        Field::required(
            "grants",
            Shape::List { item: &Shape::Object(&rule::PLAIN), may_be_empty: false },
            "What may be done under it. It grants nothing to anyone by itself.",
            "[{actions: [orders-db/row.read]}]",
        )
        .mistaken(&["actions", "allow"]),
        Field::optional(
            "denies",
            Shape::List { item: &Shape::Object(&rule::PLAIN), may_be_empty: true },
            "What must not be done under it.",
            "[{actions: [\"*/table.drop\"]}]",
        )
        .mistaken(&["deny"]),
        Field::optional(
            "effects",
            Shape::Object(&agent::CEILING),
            "The effects that are allowed under it. Default: all.",
            "{ceiling: [read, money]}",
        ),
        Field::optional(
            "notAfter",
            TEXT,
            "From this time on it grants nothing. RFC 3339, UTC.",
            "\"2027-01-31T00:00:00Z\"",
        )
        .mistaken(&["expires", "expiry", "until"]),
        Field::optional(
            "budget",
            Shape::Object(&budget::BUDGET),
            "How many calls each agent may make under it. Default: any number.",
            "{perRoot: 20}",
        )
        .mistaken(&["budgets", "limits", "quota"]),
        Field::optional(
            "egress",
            Shape::Object(&egress::OF_MISSION),
            "Where calls outside may go under it. Default: anywhere.",
            "{allow: [api.example.com]}",
        )
        .mistaken(&["destinations", "hosts", "allowlist"]),
    ],
};
