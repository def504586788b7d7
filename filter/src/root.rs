//! The root context: one configuration of the filter on one worker. It owns the policy, so that streams which began
//! under one policy end under it while an update is under way.

use std::rc::Rc;

use crate::call::OutboundCall;
use crate::contexts::Stream;
use crate::host::{self, Level};
use crate::http::Http;
use crate::live;
use crate::settings::{Role, Settings};
use crate::telemetry;

/// How often counters are flushed and the clock is read.
const TICK_MS: u32 = 1_000;

/// A configuration, which its streams share.
pub(crate) struct Configured {
    pub(crate) settings: Settings,
}

pub(crate) struct Root {
    configured: Option<Rc<Configured>>,
}

impl Root {
    pub(crate) const fn new() -> Self {
        Self { configured: None }
    }

    /// Takes up a configuration of this size; whether it does. What is refused here is refused for what the configuration says, never for the state of the host: were a worker
    /// to refuse what the first VM has accepted, Envoy would leave the filter out on it, and let everything pass. When
    /// in doubt it accepts, and denies.
    pub(crate) fn configure(&mut self, size: usize) -> bool {
        let bytes = if size == 0 {
            Vec::new()
        } else {
            host::plugin_configuration(size).unwrap_or_else(|| {
                host::log(
                    Level::Error,
                    "ambit: the configuration cannot be read: code=configuration-unreadable",
                );
                Vec::new()
            })
        };
        match Settings::parse(&bytes) {
            Ok(settings) => {
                live::read_clock();
                if let Some(Err(refused)) = settings.live.as_ref().map(live::configure) {
                    // Every request is then denied, since the calls it causes could not be tied to it.
                    host::log(
                        Level::Error,
                        &format!("ambit: lineage cannot be kept: code={}", refused.word()),
                    );
                }
                host::log(Level::Info, &summary(&settings));
                self.configured = Some(Rc::new(Configured { settings }));
                host::set_tick_ms(TICK_MS);
                true
            }
            Err(error) => {
                host::log(Level::Error, &format!("ambit: configuration refused: {error}"));
                false
            }
        }
    }

    /// The tick that was asked for.
    pub(crate) fn tick(&mut self) {
        live::read_clock();
        live::tick();
        telemetry::flush();
    }

    /// A stream under this configuration.
    pub(crate) fn stream(&self) -> Stream {
        let configured = self.configured.clone();
        let role = configured.as_ref().map_or(Role::Inbound, |configured| configured.settings.role);
        match role {
            Role::Inbound => Stream::Inbound(Http::new(configured)),
            Role::Outbound => Stream::Outbound(OutboundCall::new(configured)),
        }
    }
}

/// What a configuration comes to, for the log.
fn summary(settings: &Settings) -> String {
    match (&settings.policy, settings.role) {
        (Some(policy), _) => {
            let program = policy.program();
            format!(
                "ambit: policy loaded: generation={} agents={}",
                program.header().generation,
                program.agents()
            )
        }
        (None, Role::Outbound) => String::from("ambit: calls are stamped with their lineage"),
        (None, Role::Inbound) => String::from("ambit: no policy is configured: everything is denied"),
    }
}
