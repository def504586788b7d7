//! Describing and starting a mesh.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::port::Port;
use super::workload::{Door, FilterSource, Parts, Workload};
use super::{Mesh, directory, takes_tls};
use crate::client::Endpoint;
use crate::envoy::binary;
use crate::envoy::config::{self, Destination, Direction, Filter, Lane, Sidecar, Tls};
use crate::envoy::process::{Envoy, Launch};
use crate::pki::Authority;
use crate::upstream::{App, Call, Handler, Reply};

/// Worker threads of an Envoy unless told otherwise: two, since what is right with one may be wrong with two.
const DEFAULT_WORKERS: u32 = 2;

/// A mesh to be started.
pub struct MeshBuilder {
    name: String,
    envoy: Option<PathBuf>,
    authority: Option<Arc<Authority>>,
    workloads: Vec<WorkloadSpec>,
}

/// A change to a bootstrap.
type Amendment = Box<dyn Fn(&mut Value)>;

/// A workload to be started.
pub struct WorkloadSpec {
    name: String,
    spiffe: String,
    handler: Handler,
    external_app: Option<SocketAddr>,
    inbound: Option<Filter>,
    outbound: Option<Filter>,
    rbac: Option<Value>,
    tls: Tls,
    workers: u32,
    log: String,
    may_refuse: bool,
    amendments: Vec<Amendment>,
}

/// What is made of a workload before any Envoy starts, since each must know the others' ports.
struct Prepared {
    spec: WorkloadSpec,
    doors: BTreeMap<Lane, Door>,
}

impl WorkloadSpec {
    /// A workload called `name` (a host label) with the SPIFFE id `spiffe`. Its application answers 200 to all,
    /// its Envoy has no filter, two workers, and takes mTLS only.
    #[must_use]
    pub fn new(name: &str, spiffe: &str) -> Self {
        Self {
            name: name.to_owned(),
            spiffe: spiffe.to_owned(),
            handler: Handler::Blocking(Arc::new(|_| Reply::new(200, "ok"))),
            external_app: None,
            inbound: None,
            outbound: None,
            rbac: None,
            tls: Tls::default(),
            workers: DEFAULT_WORKERS,
            log: "wasm:info".to_owned(),
            may_refuse: false,
            amendments: Vec::new(),
        }
    }

    /// Changes the bootstrap of the Envoy by hand, after all else is in it.
    #[must_use]
    pub fn amend(mut self, amendment: impl Fn(&mut Value) + 'static) -> Self {
        self.amendments.push(Box::new(amendment));
        self
    }

    /// The application. It may block, and call onward with [`Call::forward`].
    #[must_use]
    pub fn app(mut self, handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        self.handler = Handler::Blocking(Arc::new(handler));
        self
    }

    /// An application that always gives the same answer, and keeps no record: the cheapest, for benches.
    #[must_use]
    pub fn fixed_app(mut self, reply: Reply) -> Self {
        self.handler = Handler::Fixed(reply);
        self
    }

    /// An application that runs elsewhere, at this address. What it receives is not recorded.
    #[must_use]
    pub fn external_app(mut self, address: SocketAddr) -> Self {
        self.external_app = Some(address);
        self
    }

    /// The filter of one direction.
    #[must_use]
    pub fn filter(mut self, direction: Direction, filter: Filter) -> Self {
        match direction {
            Direction::Inbound => self.inbound = Some(filter),
            Direction::Outbound => self.outbound = Some(filter),
        }
        self
    }

    /// A second lane through the same Envoy, with the same application code behind it: guarded by Envoy's RBAC filter
    /// in this configuration, and without any other filter.
    #[must_use]
    pub fn rbac(mut self, configuration: Value) -> Self {
        self.rbac = Some(configuration);
        self
    }

    /// What the inbound listener takes.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Worker threads of the Envoy.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Lets the mesh start even though a filter refuses its first configuration. Envoy then answers 500 with the
    /// flag `NFCF` to whatever that filter should judge, until an update is accepted.
    #[must_use]
    pub fn may_refuse(mut self) -> Self {
        self.may_refuse = true;
        self
    }

    /// Log levels of Envoy's components, such as `wasm:debug,http:debug`.
    #[must_use]
    pub fn log(mut self, levels: &str) -> Self {
        self.log = levels.to_owned();
        self
    }
}

impl MeshBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), envoy: None, authority: None, workloads: Vec::new() }
    }

    /// The Envoy to run, where it is not to be looked for.
    #[must_use]
    pub fn envoy(mut self, binary: PathBuf) -> Self {
        self.envoy = Some(binary);
        self
    }

    /// The authority of all certificates, where others have some of it, too.
    #[must_use]
    pub fn authority(mut self, authority: Arc<Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Adds a workload.
    #[must_use]
    pub fn workload(mut self, workload: WorkloadSpec) -> Self {
        self.workloads.push(workload);
        self
    }

    /// Starts all workloads and waits until every Envoy takes connections and has its filters.
    ///
    /// # Errors
    ///
    /// When there is no Envoy, or one does not get ready: a filter that refuses its configuration is such a
    /// reason, unless [`WorkloadSpec::may_refuse`]. The end of that Envoy's log is in the message.
    pub fn start(self) -> io::Result<Mesh> {
        let binary = match self.envoy {
            Some(binary) => binary,
            None => binary::locate(&|line| eprintln!("{line}"))?,
        };
        let directory = directory::create(&self.name)?;
        let authority = self.authority.unwrap_or_else(|| Arc::new(Authority::new(&self.name)));
        let authority_file = directory.join("ca.pem");
        fs::write(&authority_file, authority.pem())?;
        let prepared: Vec<Prepared> = self.workloads.into_iter().map(prepare).collect::<io::Result<_>>()?;
        let destinations = [Lane::Wasm, Lane::Rbac].map(|lane| {
            (lane, prepared.iter().filter_map(|workload| workload.destination(lane)).collect::<Vec<_>>())
        });
        let destinations = BTreeMap::from(destinations);
        let began = Instant::now();
        // All processes start before the first is waited for: most of a start is the compilation of the module.
        let mut workloads = BTreeMap::new();
        for workload in prepared {
            let name = workload.spec.name.clone();
            let site = Site {
                binary: &binary,
                directory: directory.join(&name),
                authority: &authority,
                authority_file: &authority_file,
                destinations: &destinations,
            };
            workloads.insert(name, workload.launch(&site)?);
        }
        for workload in workloads.values_mut() {
            workload.wait_ready()?;
        }
        Ok(Mesh { authority, directory, workloads, startup: began.elapsed() })
    }
}

/// Where a workload starts.
struct Site<'a> {
    binary: &'a Path,
    directory: PathBuf,
    authority: &'a Authority,
    authority_file: &'a Path,
    destinations: &'a BTreeMap<Lane, Vec<Destination>>,
}

fn prepare(mut spec: WorkloadSpec) -> io::Result<Prepared> {
    let handler = std::mem::replace(&mut spec.handler, Handler::Fixed(Reply::new(500, "")));
    let mut doors = BTreeMap::new();
    if spec.rbac.is_some() {
        doors.insert(Lane::Rbac, door(handler.again())?);
    }
    doors.insert(Lane::Wasm, door(handler)?);
    Ok(Prepared { spec, doors })
}

fn door(handler: Handler) -> io::Result<Door> {
    let app = App::start_with(handler)?;
    let outbound = Port::reserve()?;
    app.set_outbound(Endpoint::plain(outbound.address(), "nowhere.local"));
    Ok(Door { app, inbound: Port::reserve()?, outbound })
}

impl Prepared {
    fn destination(&self, lane: Lane) -> Option<Destination> {
        Some(Destination {
            name: self.spec.name.clone(),
            address: self.doors.get(&lane)?.inbound.address(),
            spiffe: takes_tls(self.spec.tls).then(|| self.spec.spiffe.clone()),
        })
    }

    fn launch(self, site: &Site<'_>) -> io::Result<Workload> {
        let Self { spec, doors } = self;
        fs::create_dir_all(&site.directory)?;
        let identity = site.authority.issue(&[&spec.spiffe]);
        let identity_files = identity.write(&site.directory)?;
        let mut filters = BTreeMap::new();
        for (direction, filter) in [(Direction::Inbound, spec.inbound), (Direction::Outbound, spec.outbound)]
        {
            if let Some(filter) = filter {
                filters.insert(direction, FilterSource::create(&site.directory, direction, filter)?);
            }
        }
        let filter = |lane, direction| match lane {
            Lane::Wasm => filters.get(&direction).map(FilterSource::path),
            Lane::Rbac => None,
        };
        let access_log = site.directory.join("access.log");
        let lane = |(&lane, door): (&Lane, &Door)| Sidecar {
            lane,
            tls: spec.tls,
            inbound: door.inbound.address(),
            outbound: door.outbound.address(),
            app: spec.external_app.unwrap_or_else(|| door.app.address()),
            inbound_filter: filter(lane, Direction::Inbound),
            outbound_filter: filter(lane, Direction::Outbound),
            rbac: spec.rbac.as_ref().filter(|_| lane == Lane::Rbac),
            access_log: &access_log,
            authority: site.authority_file,
            identity: &identity_files,
            destinations: site.destinations.get(&lane).map_or(&[], Vec::as_slice),
        };
        let lanes: Vec<Sidecar<'_>> = doors.iter().map(lane).collect();
        let mut bootstrap: Value = config::bootstrap(&spec.name, &lanes);
        spec.amendments.iter().for_each(|amend| amend(&mut bootstrap));
        let bootstrap_file = site.directory.join("bootstrap.json");
        fs::write(&bootstrap_file, format!("{bootstrap:#}"))?;
        let envoy = Envoy::start(&Launch {
            binary: site.binary,
            bootstrap: &bootstrap_file,
            directory: &site.directory,
            workers: spec.workers,
            log: &spec.log,
        })?;
        Ok(Workload::new(Parts {
            envoy,
            doors,
            identity,
            spiffe: spec.spiffe,
            filters,
            access_log,
            may_refuse: spec.may_refuse,
        }))
    }
}
