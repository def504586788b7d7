//! `kind: Toolset`.

use super::{Field, Object, Shape, TEXT, rule};

/// `spec` of a toolset.
pub(super) const SPEC: Object = Object {
    name: "ToolsetSpec",
    doc: "Named grants to share.",
    fields: &[
        Field::optional("purpose", TEXT, "What it is for, in words. Means nothing here.", "Look at orders.")
            .mistaken(&["description"]),
        Field::required(
            "grants",
            Shape::List { item: &Shape::Object(&rule::BARE), may_be_empty: false },
            "The grants.",
            "[{actions: [orders-db/row.read]}]",
        )
        .mistaken(&["actions", "tools"]),
    ],
};
