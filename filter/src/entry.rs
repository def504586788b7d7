//! The entry point that the host calls once a VM.

use crate::root::Root;

proxy_wasm::main! {{
    // The SDK's panic hook writes a panic to the proxy's log before the VM traps.
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root::new()));
}}
