//! What a bench changes in a sidecar's bootstrap.

use serde_json::Value;

/// Writing an access log costs as much as a filter, and is not what is measured.
pub(super) fn without_access_log(bootstrap: &mut Value) {
    for listener in ["0", "1"] {
        let manager =
            format!("/static_resources/listeners/{listener}/filter_chains/0/filters/0/typed_config");
        if let Some(manager) = bootstrap.pointer_mut(&manager).and_then(Value::as_object_mut) {
            manager.remove("access_log");
        }
    }
}

/// Puts an HTTP filter of Envoy's own in front of the others of the inbound listener.
pub(super) fn with_inbound_filter(bootstrap: &mut Value, filter: &Value) {
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = bootstrap.pointer_mut(filters).and_then(Value::as_array_mut);
    filters.expect("the inbound listener has filters").insert(0, filter.clone());
}
