//! The root context: one configuration of the filter on one worker. It owns the policy, so that streams which began
//! under one policy end under it while an update is under way.

use core::cell::Cell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::host::{self, Level};
use crate::http::Http;
use crate::settings::Settings;
use crate::telemetry;

/// How often counters are flushed and the clock is read.
const TICK_MS: u32 = 1_000;

/// A configuration, and what its streams share.
pub(crate) struct Configured {
    pub(crate) settings: Settings,
    /// Unix seconds as of the last tick. Validity and times of day do not need it finer, and a host call for every
    /// request would be dear.
    pub(crate) now: Cell<u64>,
    /// Streams so far, for decision ids.
    pub(crate) streams: Cell<u64>,
}

pub(crate) struct Root {
    configured: Option<Rc<Configured>>,
}

impl Root {
    pub(crate) const fn new() -> Self {
        Self { configured: None }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, plugin_configuration_size: usize) -> bool {
        let bytes = if plugin_configuration_size == 0 {
            Vec::new()
        } else if let Some(bytes) = host::plugin_configuration(plugin_configuration_size) {
            bytes
        } else {
            host::log(Level::Error, "ambit: configuration refused: code=configuration-unreadable");
            return false;
        };
        match Settings::parse(&bytes) {
            Ok(settings) => {
                let line = settings.policy.as_ref().map_or_else(
                    || String::from("ambit: no policy is configured: everything is denied"),
                    |policy| {
                        let generation = policy.program().header().generation;
                        format!(
                            "ambit: policy loaded: generation={generation} agents={}",
                            policy.program().agents()
                        )
                    },
                );
                host::log(Level::Info, &line);
                let now = Cell::new(seconds(host::now_ns()));
                self.configured = Some(Rc::new(Configured { settings, now, streams: Cell::new(0) }));
                host::set_tick_ms(TICK_MS);
                true
            }
            Err(error) => {
                host::log(Level::Error, &format!("ambit: configuration refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(configured) = &self.configured {
            configured.now.set(seconds(host::now_ns()));
        }
        telemetry::flush();
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http::new(self.configured.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.checked_div(1_000_000_000).unwrap_or(0)
}
