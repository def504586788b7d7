//! One running workload: what a test asks of it, and the policy it is given while it runs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::port::Port;
use crate::envoy::admin::Admin;
use crate::envoy::config::{self, Direction, Filter, Lane};
use crate::envoy::process::{Envoy, wait_for};
use crate::pki::Identity;
use crate::upstream::{App, Received};

/// A workload of a running mesh.
pub struct Workload {
    parts: Parts,
}

/// How an update of a filter's configuration went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// It is in force for every request from now on.
    Accepted,
    /// What was in force stays in force.
    Rejected {
        /// What Envoy and the filter logged about it.
        log: Vec<String>,
    },
}

pub(super) struct Parts {
    // The Envoy comes first, so that it ends first.
    pub(super) envoy: Envoy,
    pub(super) doors: BTreeMap<Lane, Door>,
    pub(super) identity: Identity,
    pub(super) spiffe: String,
    pub(super) filters: BTreeMap<Direction, FilterSource>,
    pub(super) access_log: PathBuf,
    pub(super) may_refuse: bool,
}

/// One lane of a workload: an application, where callers reach it, and where it reaches the mesh.
pub(super) struct Door {
    pub(super) app: App,
    pub(super) inbound: Port,
    pub(super) outbound: Port,
}

/// The file through which a filter reaches Envoy. Envoy watches its directory for files moved in.
pub(super) struct FilterSource {
    direction: Direction,
    path: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    /// What is in force; the first filter, when none was accepted yet.
    in_force: Filter,
    /// What the file says, and what came of it.
    published: Filter,
    outcome: Update,
    version: u64,
}

/// Counters of one direction's filter updates.
struct Outcomes {
    accepted: u64,
    rejected: u64,
}

impl FilterSource {
    pub(super) fn create(directory: &Path, direction: Direction, filter: Filter) -> io::Result<Self> {
        let watched = directory.join(direction.filter_name());
        fs::create_dir(&watched)?;
        let source = Self {
            direction,
            path: watched.join("extension.json"),
            current: Mutex::new(Current {
                in_force: filter.clone(),
                published: filter.clone(),
                outcome: Update::Accepted,
                version: 0,
            }),
        };
        source.publish(&filter, 0)?;
        Ok(source)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file in one step. The draft lies outside the watched directory, so that Envoy sees one event.
    fn publish(&self, filter: &Filter, version: u64) -> io::Result<()> {
        let draft = self.path.parent().unwrap_or(&self.path).with_extension("draft");
        fs::write(&draft, config::extension(self.direction, filter, version).to_string())?;
        fs::rename(draft, &self.path)
    }

    fn outcomes(&self, admin: &Admin) -> io::Result<Outcomes> {
        let prefix = self.direction.update_counters();
        let stats = admin.stats(&prefix)?;
        let count = |name: &str| stats.get(&format!("{prefix}{name}")).copied().unwrap_or_default();
        // A configuration that the filter refuses is counted as `config_reload` too, so that one tells nothing.
        Ok(Outcomes {
            accepted: count("update_success"),
            rejected: count("update_rejected").saturating_add(count("update_failure")),
        })
    }
}

impl Workload {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub(super) fn wait_ready(&mut self) -> io::Result<()> {
        let Parts { envoy, filters, may_refuse, .. } = &mut self.parts;
        // Envoy gets ready whether or not a filter takes its first configuration.
        envoy.wait_ready()?;
        let admin = envoy.admin()?;
        for source in filters.values() {
            if source.outcomes(&admin)?.rejected == 0 {
                continue;
            }
            if !*may_refuse {
                let name = source.direction.filter_name();
                return Err(envoy.failure(&format!("the filter `{name}` refuses its configuration")));
            }
            let mut current = source.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.outcome = Update::Rejected { log: envoy.log_lines()? };
        }
        Ok(())
    }

    /// Where callers with mTLS reach the workload.
    #[must_use]
    pub fn inbound(&self) -> SocketAddr {
        self.inbound_on(Lane::Wasm)
    }

    /// Where callers with mTLS reach one lane of the workload.
    ///
    /// # Panics
    ///
    /// When the workload does not have that lane.
    #[must_use]
    pub fn inbound_on(&self, lane: Lane) -> SocketAddr {
        self.door(lane).inbound.address()
    }

    /// Where the workload's own application reaches the mesh.
    #[must_use]
    pub fn outbound(&self) -> SocketAddr {
        self.outbound_on(Lane::Wasm)
    }

    /// Where the application of one lane reaches that lane of the mesh.
    ///
    /// # Panics
    ///
    /// When the workload does not have that lane.
    #[must_use]
    pub fn outbound_on(&self, lane: Lane) -> SocketAddr {
        self.door(lane).outbound.address()
    }

    fn door(&self, lane: Lane) -> &Door {
        self.parts.doors.get(&lane).unwrap_or_else(|| panic!("this workload has no lane {lane:?}"))
    }

    /// The workload's SPIFFE id.
    #[must_use]
    pub fn spiffe(&self) -> &str {
        &self.parts.spiffe
    }

    /// The workload's certificate and key.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.parts.identity
    }

    /// The Envoy, for its counters and its log.
    #[must_use]
    pub fn envoy(&self) -> &Envoy {
        &self.parts.envoy
    }

    /// What reached the application, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received_on(Lane::Wasm)
    }

    /// How many requests that reached the application are such, without a copy of any.
    #[must_use]
    pub fn count_received(&self, such: impl Fn(&Received) -> bool) -> usize {
        self.door(Lane::Wasm).app.count_received(such)
    }

    /// What reached the application of one lane, in order of arrival.
    ///
    /// # Panics
    ///
    /// When the workload does not have that lane.
    #[must_use]
    pub fn received_on(&self, lane: Lane) -> Vec<Received> {
        self.door(lane).app.received()
    }

    /// Gives the inbound filter another configuration, as a changed `WasmPlugin` does, and waits until Envoy has
    /// taken or refused it. Nothing restarts and no connection is closed.
    ///
    /// # Errors
    ///
    /// When the workload has no inbound filter, or Envoy does not answer.
    pub fn update_policy(&self, config: &str) -> io::Result<Update> {
        self.update(Direction::Inbound, |filter| filter.config = Some(config.to_owned()))
    }

    /// Changes the filter of one direction: its configuration, or even its module.
    ///
    /// # Errors
    ///
    /// When that direction has no filter, or Envoy does not answer.
    pub fn update(&self, direction: Direction, change: impl FnOnce(&mut Filter)) -> io::Result<Update> {
        let source = self.parts.filters.get(&direction).ok_or_else(|| {
            io::Error::other(format!("this workload has no filter `{}` to update", direction.filter_name()))
        })?;
        let admin = self.parts.envoy.admin()?;
        let mut current = source.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut filter = current.in_force.clone();
        change(&mut filter);
        if filter == current.published {
            // Envoy takes a configuration that it has just seen for no news: it would report success and do
            // nothing, even where it had refused it.
            return Ok(current.outcome.clone());
        }
        let before = source.outcomes(&admin)?;
        let logged = self.parts.envoy.log_lines()?.len();
        current.version += 1;
        source.publish(&filter, current.version)?;
        let rejected = wait_for("Envoy to take a filter's configuration", || {
            let now = source.outcomes(&admin)?;
            Ok(if now.rejected > before.rejected {
                Some(true)
            } else if now.accepted > before.accepted {
                Some(false)
            } else {
                None
            })
        })?;
        current.outcome = if rejected {
            Update::Rejected { log: self.parts.envoy.log_lines()?.split_off(logged) }
        } else {
            current.in_force = filter.clone();
            Update::Accepted
        };
        current.published = filter;
        Ok(current.outcome.clone())
    }

    /// The access log so far: one object for each request that ended, of both directions.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn access_log(&self) -> io::Result<Vec<Value>> {
        let log = fs::read(&self.parts.access_log)?;
        // A line is written as one portion, but the last may still be on its way.
        let lines = log.split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// Waits for the first entry of the access log that `matches`.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn wait_access_log(&self, matches: impl Fn(&Value) -> bool) -> io::Result<Value> {
        wait_for("an entry of the access log", || {
            Ok(self.access_log()?.into_iter().find(|entry| matches(entry)))
        })
    }
}
