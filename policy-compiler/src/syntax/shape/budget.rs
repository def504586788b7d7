//! `budget` of an agent or mission.

use super::{Field, Object, Shape};
use crate::syntax::limits::MAX_BUDGET;

/// How many calls may be made.
pub(super) const BUDGET: Object = Object {
    name: "Budget",
    doc: "How many calls may be made. Each proxy counts for itself.",
    fields: &[
        Field::optional(
            "perRoot",
            CALLS,
            "The most calls that an agent makes for one root: for one piece of work that someone began.",
            "20",
        )
        .mistaken(&["perTask", "perRequest", "fanOut", "max"]),
        Field::optional(
            "perWindow",
            CALLS,
            "The most calls that an agent makes in any window of time.",
            "200",
        )
        .mistaken(&["perMinute", "rate", "calls", "limit"]),
        Field::optional("window", DURATION, "The window of `perWindow`, `1s` to `1h`. Default: `1m`.", "1m")
            .mistaken(&["per", "period", "interval"]),
    ],
};

/// A length of time.
pub(super) const DURATION: Shape = Shape::Text { pattern: Some("^[0-9]{1,9}(ms|s|m|h)$") };

const CALLS: Shape = Shape::Integer { min: 0, max: MAX_BUDGET };
