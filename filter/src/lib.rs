//! The Proxy-Wasm filter: callbacks to facts, verdict to action.
