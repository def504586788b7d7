//! The root context: one configuration of the filter on one worker. It owns the policy, so that streams which began
//! under one policy end under it while an update is under way.

use core::cell::Cell;
use std::rc::Rc;

use ambit_bytecode::Code;

use crate::call::OutboundCall;
use crate::connection::Connection;
use crate::contexts::Stream;
use crate::host::{self, Level};
use crate::http::Http;
use crate::in_force::{self, Superseded};
use crate::live;
use crate::settings::{Identity, Role, Settings};
use crate::telemetry;

/// How often counters are flushed and the clock is read.
const TICK_MS: u32 = 1_000;

/// A configuration, which its streams share.
pub(crate) struct Configured {
    pub(crate) settings: Settings,
    /// Whether the policy is for the workload whose proxy this is, once that is known.
    is_ours: Cell<Option<bool>>,
}

impl Configured {
    const fn new(settings: Settings) -> Self {
        Self { settings, is_ours: Cell::new(None) }
    }

    /// Why the policy is not to be judged by: it may be another workload's. That is asked of a signed policy only, and of
    /// the first connection that shows a certificate of ours: the configuration comes before there is any.
    pub(crate) fn misplaced(&self) -> Option<Code> {
        let Settings { policy: Some(policy), trust: Some(_), identity: Identity::Connection, .. } =
            &self.settings
        else {
            return None;
        };
        if self.is_ours.get().is_none() {
            // A host that fails to say which certificate it is has not said that there is none.
            let Ok(san) = host::own_san() else { return Some(Code::InternalFault) };
            if let Some(san) = san {
                let is_ours = policy.is_for(&san);
                self.is_ours.set(Some(is_ours));
                if !is_ours {
                    host::log(
                        Level::Error,
                        &format!(
                            "ambit: the policy is for another workload: code={} ours={}",
                            Code::PolicyForAnotherWorkload.word(),
                            san.escape_ascii()
                        ),
                    );
                }
            }
        }
        (self.is_ours.get() == Some(false)).then_some(Code::PolicyForAnotherWorkload)
    }
}

pub(crate) struct Root {
    configured: Option<Rc<Configured>>,
}

impl Root {
    pub(crate) const fn new() -> Self {
        Self { configured: None }
    }

    /// Takes up a configuration of this size; whether it does.
    ///
    /// What is refused here is refused for what the configuration says, never for the state of the host: were a worker
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
                self.configured = Some(match in_force::admit(Rc::new(Configured::new(settings))) {
                    Ok(fresh) => {
                        host::log(Level::Info, &summary(&fresh.settings));
                        warn_of_invalid(&fresh.settings);
                        fresh
                    }
                    Err(Superseded { generation, by }) => {
                        let in_force = by.settings.generation();
                        host::log(
                            Level::Error,
                            &format!(
                                "ambit: configuration superseded: code=policy-rolled-back generation={generation} in-force={in_force}"
                            ),
                        );
                        by
                    }
                });
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
            Role::Network => Stream::Network(Connection::new(configured)),
        }
    }
}

/// A policy out of its time is taken all the same, and denies: clocks of VMs differ, and they must agree on what they
/// take. Whoever delivered it should not have to wait for the first request to learn of it.
fn warn_of_invalid(settings: &Settings) {
    let policy = settings.policy.as_ref();
    if let Some(code) = policy.and_then(|policy| policy.program().invalid_at(live::now_s())) {
        host::log(Level::Warn, &format!("ambit: the policy denies everything: code={}", code.word()));
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
        (None, Role::Inbound | Role::Network) => {
            String::from("ambit: no policy is configured: everything is denied")
        }
    }
}
