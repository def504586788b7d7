//! What is measured: sites, and requests to them.

use std::any::Any;
use std::path::{Path, PathBuf};

use crate::client::Request;
use crate::envoy::config::{Direction, Filter};
use crate::mesh::WorkloadSpec;
use crate::outside::Outgoing;
use crate::upstream::Reply;

use super::bootstrap;
use super::options::Options;

/// The SPIFFE id of every site: what is measured does not depend on it.
const SITE: &str = "spiffe://cluster.local/ns/data/sa/orders-db";

/// Headers that a request carries beside what decides: a Python client's, and a mesh's.
const USUAL_HEADERS: [(&str, &str); 6] = [
    ("user-agent", "python-httpx/0.28.1"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("x-forwarded-proto", "https"),
    ("tracestate", "rojo=00f067aa0ba902b7"),
    ("x-b3-sampled", "1"),
];

/// Everything that is measured in one run.
pub(super) struct Plan {
    filter: PathBuf,
    against: Option<PathBuf>,
    /// What the names of variants must contain.
    only: Option<String>,
    /// Workers of each site.
    workers: u32,
    sites: Vec<(String, WorkloadSpec)>,
    variants: Vec<Variant>,
    skipped: Vec<String>,
    /// What must live as long as the plan, such as a service that Envoys ask.
    kept: Vec<Box<dyn Any>>,
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    /// Its name: lower case, unique.
    pub(super) name: String,
    /// What it is, in a few words.
    pub(super) about: String,
    /// The site that is asked.
    pub(super) site: String,
    pub(super) way: Way,
    pub(super) request: Request,
    /// The status that it must be answered with.
    pub(super) status: u16,
    /// The variant that it is compared with, which comes before it.
    pub(super) over: Option<String>,
    /// It is asked once for so many requests of the others, since it takes so much longer.
    pub(super) one_of: usize,
    /// A process besides the sidecar that takes part in each request, to be accounted for apart.
    pub(super) helper: Option<u32>,
}

/// How a request reaches its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// At the inbound listener, from a peer with the certificate of this principal.
    Inbound(String),
    /// At the outbound listener, from the application of the site, to the workload of this name.
    Outbound(String),
    /// At a listener of connections, by a new connection each time.
    Connection(Connecting),
}

/// A connection that the application of a site opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connecting {
    /// Where to.
    pub(super) outgoing: Outgoing,
    /// The server name that it asks for.
    pub(super) server_name: String,
}

impl Plan {
    pub(super) fn new(filter: PathBuf, options: &Options) -> Self {
        Self {
            filter,
            against: options.against.clone(),
            only: options.only.clone(),
            workers: u32::try_from(options.workers).unwrap_or(u32::MAX),
            sites: Vec::new(),
            variants: Vec::new(),
            skipped: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// The filter that is measured.
    pub(super) fn filter(&self) -> &Path {
        &self.filter
    }

    /// Another build of it.
    pub(super) fn against(&self) -> Option<&Path> {
        self.against.as_deref()
    }

    /// Adds a site with an application that answers at once, the workers that are asked for, and no access log.
    pub(super) fn site(&mut self, name: &str, make: impl FnOnce(WorkloadSpec) -> WorkloadSpec) {
        let spec = WorkloadSpec::new(name, SITE).fixed_app(Reply::new(200, "{}")).workers(self.workers);
        self.sites.push((name.to_owned(), make(spec.amend(bootstrap::without_access_log))));
    }

    /// Adds a variant.
    pub(super) fn variant(&mut self, variant: Variant) {
        self.variants.push(variant);
    }

    /// Keeps something alive until the end.
    pub(super) fn keep(&mut self, what: impl Any) {
        self.kept.push(Box::new(what));
    }

    /// Says of variants that they cannot be measured here.
    pub(super) fn skip(&mut self, what: &str, why: &str) {
        eprintln!("SKIPPED: {what}: {why}");
        self.skipped.push(format!("{what}: {why}"));
    }

    /// Whether a variant of this name is asked for.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|part| name.contains(part))
    }

    /// Leaves out variants that are not asked for, and sites that nothing asks then.
    pub(super) fn drop_unasked(&mut self) -> Result<(), String> {
        let Some(part) = self.only.clone() else { return Ok(()) };
        let mut names: Vec<String> = Vec::new();
        // From the end, since what a variant is compared with comes before it.
        for variant in self.variants.iter().rev() {
            if self.wants(&variant.name) || names.contains(&variant.name) {
                names.push(variant.name.clone());
                names.extend(variant.over.clone());
            }
        }
        if names.is_empty() {
            return Err(format!("no variant has `{part}` in its name"));
        }
        self.variants.retain(|variant| names.contains(&variant.name));
        let is_asked = |site: &String| {
            self.variants.iter().any(|variant| {
                variant.site == *site || matches!(&variant.way, Way::Outbound(to) if to == site)
            })
        };
        self.sites.retain(|(site, _)| is_asked(site));
        Ok(())
    }

    pub(super) fn take_sites(&mut self) -> impl Iterator<Item = WorkloadSpec> {
        std::mem::take(&mut self.sites).into_iter().map(|(_, spec)| spec)
    }

    pub(super) fn variants(&self) -> &[Variant] {
        &self.variants
    }

    pub(super) fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

impl Variant {
    /// A request to a site's inbound listener that is answered with 200.
    pub(super) fn inbound(name: &str, site: &str, caller: &str, request: Request) -> Self {
        Self {
            name: name.to_owned(),
            about: String::new(),
            site: site.to_owned(),
            way: Way::Inbound(caller.to_owned()),
            request: usual(request),
            status: 200,
            over: None,
            one_of: 1,
            helper: None,
        }
    }

    /// A call of a site's application to another workload that is answered with 200.
    pub(super) fn outbound(name: &str, site: &str, to: &str, request: Request) -> Self {
        Self { way: Way::Outbound(to.to_owned()), ..Self::inbound(name, site, "", request) }
    }

    /// A connection of a site's application that is answered.
    pub(super) fn connection(name: &str, site: &str, connecting: Connecting) -> Self {
        Self { way: Way::Connection(connecting), ..Self::inbound(name, site, "", Request::get("/")) }
    }

    /// What it is.
    pub(super) fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    /// The status that it must be answered with.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// How many requests of the others one of it stands for.
    pub(super) fn one_of(mut self, others: usize) -> Self {
        self.one_of = others;
        self
    }

    /// What it is compared with.
    pub(super) fn over(mut self, other: &str) -> Self {
        self.over = Some(other.to_owned());
        self
    }

    /// A process that takes part in each request.
    pub(super) fn helper(mut self, process: u32) -> Self {
        self.helper = Some(process);
        self
    }
}

/// A module as an inbound filter.
pub(super) fn inbound(module: &Path, config: Option<String>) -> impl FnOnce(WorkloadSpec) -> WorkloadSpec {
    let filter = Filter { module: module.to_path_buf(), root_id: "ambit-inbound".to_owned(), config };
    move |spec| spec.filter(Direction::Inbound, filter)
}

fn usual(mut request: Request) -> Request {
    for (name, value) in USUAL_HEADERS {
        request = request.header(name, value);
    }
    request
}
