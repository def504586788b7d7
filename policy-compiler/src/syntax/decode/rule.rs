//! Grants and denies.

use super::object::Object;
use crate::syntax::ast::{ConditionText, InlineHttp, Rule};
use crate::syntax::node::Meaning;

/// The rules in the list `key`.
pub(super) fn rules(spec: &Object<'_>, key: &str) -> Vec<Rule> {
    spec.objects(key).map(|entry| rule(&entry)).collect()
}

fn rule(entry: &Object<'_>) -> Rule {
    Rule {
        span: entry.span(),
        says_actions: ["actions", "http", "toolset"].into_iter().any(|key| entry.has(key)),
        actions: entry.texts("actions"),
        http: entry.object("http").map(|http| InlineHttp {
            span: http.span(),
            service: http.text("service"),
            methods: http.texts("methods"),
            paths: http.texts("paths"),
            effects: http.texts("effects"),
        }),
        toolset: entry.text("toolset"),
        // `when: true` is a condition too, if an odd one; the check of shapes has asked for quotes.
        when: entry.scalar("when").filter(|when| when.value.meaning() == Meaning::Text).map(|when| {
            ConditionText { text: when.value.text.clone(), span: when.span, style: when.value.style }
        }),
        through: entry.has("through").then(|| entry.texts("through")),
        direct: entry.bool("direct"),
    }
}
