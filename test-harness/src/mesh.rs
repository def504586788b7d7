//! A small mesh on loopback: each workload is an application in this process and a real Envoy beside it.
//!
//! An application calls `name.local` on its own outbound listener; its Envoy brings the call, under the
//! workload's own certificate, to the inbound listener of `name`, whose Envoy runs the filter and passes what
//! is allowed to the application. Nothing is captured as `iptables` does it: a test may go around any part.

mod builder;
mod directory;
mod port;
mod workload;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use builder::{MeshBuilder, WorkloadSpec};
pub use port::Port;
pub use workload::{Update, Workload};

use crate::client::{Endpoint, tls};
use crate::envoy::config::{Lane, Tls};
use crate::pki::{Authority, Identity};

/// A running mesh. Everything ends when it is dropped; the logs stay until the next mesh of that name.
pub struct Mesh {
    authority: Arc<Authority>,
    directory: PathBuf,
    workloads: BTreeMap<String, Workload>,
    startup: Duration,
}

impl Mesh {
    /// A mesh to be described; `name` names the directory of its logs under `target/mesh`.
    #[must_use]
    pub fn builder(name: &str) -> MeshBuilder {
        MeshBuilder::new(name)
    }

    /// The workload called `name`.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn workload(&self, name: &str) -> &Workload {
        self.workloads.get(name).unwrap_or_else(|| panic!("no workload `{name}` in this mesh"))
    }

    /// All workloads, by name.
    pub fn workloads(&self) -> impl Iterator<Item = (&str, &Workload)> {
        self.workloads.iter().map(|(name, workload)| (name.as_str(), workload))
    }

    /// The authority whose certificates the mesh trusts.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where bootstraps, logs and access logs are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// From the first process started to the last one ready.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.startup
    }

    /// The inbound listener of `destination`, for a caller who shows the certificate of `identity` and has no
    /// sidecar of its own, so that whatever it sends arrives as it is.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be used at all.
    pub fn direct(&self, identity: &Identity, destination: &str) -> io::Result<Endpoint> {
        self.direct_on(Lane::Wasm, identity, destination)
    }

    /// [`Mesh::direct`] on a lane of the caller's choice.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be used at all.
    pub fn direct_on(&self, lane: Lane, identity: &Identity, destination: &str) -> io::Result<Endpoint> {
        let mut endpoint = self.plain_on(lane, destination);
        endpoint.tls = Some(tls::client_config(&self.authority, Some(identity))?);
        Ok(endpoint)
    }

    /// The inbound listener of `destination`, for a caller with TLS who shows no certificate.
    ///
    /// # Errors
    ///
    /// Never in practice: when the authority's own certificate does not parse.
    pub fn anonymous(&self, destination: &str) -> io::Result<Endpoint> {
        let mut endpoint = self.plain(destination);
        endpoint.tls = Some(tls::client_config(&self.authority, None)?);
        Ok(endpoint)
    }

    /// The inbound listener of `destination`, for a caller without TLS.
    #[must_use]
    pub fn plain(&self, destination: &str) -> Endpoint {
        self.plain_on(Lane::Wasm, destination)
    }

    /// [`Mesh::plain`] on a lane of the caller's choice.
    #[must_use]
    pub fn plain_on(&self, lane: Lane, destination: &str) -> Endpoint {
        Endpoint::plain(self.workload(destination).inbound_on(lane), &format!("{destination}.local"))
    }

    /// A call from workload `from` itself to workload `to`: by its own outbound listener.
    #[must_use]
    pub fn between(&self, from: &str, to: &str) -> Endpoint {
        self.between_on(Lane::Wasm, from, to)
    }

    /// [`Mesh::between`] on a lane of the caller's choice, in which the call then stays.
    #[must_use]
    pub fn between_on(&self, lane: Lane, from: &str, to: &str) -> Endpoint {
        Endpoint::plain(self.workload(from).outbound_on(lane), &format!("{to}.local"))
    }

    /// The inbound listener of `destination` under the certificate of workload `caller`, as an attacker who
    /// owns the application of `caller` could reach it around its sidecar, if it had the key.
    ///
    /// # Errors
    ///
    /// As for [`Mesh::direct`].
    pub fn impersonate(&self, caller: &str, destination: &str) -> io::Result<Endpoint> {
        self.direct(self.workload(caller).identity(), destination)
    }
}

/// Whether callers of a workload must use TLS.
fn takes_tls(tls: Tls) -> bool {
    match tls {
        Tls::Strict | Tls::Permissive => true,
        Tls::Plaintext => false,
    }
}
