//! The callbacks that the host knows, with the number of their parameters and whether they return a value. A module
//! exports those it wants called.

/// Name, parameters, results.
pub(super) type Callback = (&'static str, usize, usize);

pub(super) const CONTEXT_CREATE: Callback = ("proxy_on_context_create", 2, 0);
pub(super) const VM_START: Callback = ("proxy_on_vm_start", 2, 1);
pub(super) const CONFIGURE: Callback = ("proxy_on_configure", 2, 1);
pub(super) const TICK: Callback = ("proxy_on_tick", 1, 0);
pub(super) const QUEUE_READY: Callback = ("proxy_on_queue_ready", 2, 0);
pub(super) const REQUEST_HEADERS: Callback = ("proxy_on_request_headers", 3, 1);
pub(super) const REQUEST_BODY: Callback = ("proxy_on_request_body", 3, 1);
pub(super) const REQUEST_TRAILERS: Callback = ("proxy_on_request_trailers", 2, 1);
pub(super) const RESPONSE_HEADERS: Callback = ("proxy_on_response_headers", 3, 1);
pub(super) const RESPONSE_BODY: Callback = ("proxy_on_response_body", 3, 1);
pub(super) const RESPONSE_TRAILERS: Callback = ("proxy_on_response_trailers", 2, 1);
pub(super) const NEW_CONNECTION: Callback = ("proxy_on_new_connection", 1, 1);
pub(super) const DOWNSTREAM_DATA: Callback = ("proxy_on_downstream_data", 3, 1);
pub(super) const UPSTREAM_DATA: Callback = ("proxy_on_upstream_data", 3, 1);
pub(super) const DOWNSTREAM_CLOSE: Callback = ("proxy_on_downstream_connection_close", 2, 0);
pub(super) const UPSTREAM_CLOSE: Callback = ("proxy_on_upstream_connection_close", 2, 0);
pub(super) const DONE: Callback = ("proxy_on_done", 1, 1);
pub(super) const LOG: Callback = ("proxy_on_log", 1, 0);
pub(super) const DELETE: Callback = ("proxy_on_delete", 1, 0);
pub(super) const INITIALIZE: Callback = ("_initialize", 0, 0);
pub(super) const START: Callback = ("_start", 0, 0);

pub(super) const ALL: [Callback; 21] = [
    CONTEXT_CREATE,
    VM_START,
    CONFIGURE,
    TICK,
    QUEUE_READY,
    REQUEST_HEADERS,
    REQUEST_BODY,
    REQUEST_TRAILERS,
    RESPONSE_HEADERS,
    RESPONSE_BODY,
    RESPONSE_TRAILERS,
    NEW_CONNECTION,
    DOWNSTREAM_DATA,
    UPSTREAM_DATA,
    DOWNSTREAM_CLOSE,
    UPSTREAM_CLOSE,
    DONE,
    LOG,
    DELETE,
    INITIALIZE,
    START,
];
