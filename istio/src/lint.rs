//! What in a cluster's objects makes enforcement hollow: ways around the filter, and filters that do not hold.
//!
//! It judges by what it is given and knows nothing else: an object that is not given counts as absent. It does not
//! know what applications listen on, nor which proxies have taken what; those are questions to a running cluster.
//!
//! A workload is *governed* if one of our plugins selects its pods, or says by its annotation that it is meant to, or
//! if it is in the policy that was given.

mod capture;
mod codes;
mod coverage;
mod egress;
mod logs;
mod mtls;
mod object;
mod plugin;
mod ports;
mod version;

use ambit_compiler::agents::Agents;
use ambit_compiler::diagnostics::{self, Diagnostics};
use ambit_compiler::model::Policy;
use ambit_compiler::source::Sources;
use ambit_compiler::syntax::yaml;

use self::object::{Cluster, Objects};

pub use self::codes::Code;

/// One thing that was found.
pub type Finding = diagnostics::Diagnostic<Code>;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Lint {
    /// What was found, in order of file and place.
    pub findings: Diagnostics<Code>,
    /// What could not be read. Nothing is said of what is in there.
    pub unread: Diagnostics,
    /// How many workloads are governed. None means that nothing was looked at.
    pub governed: usize,
}

/// Settings of a mesh that its objects do not tell.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The namespace whose policies without a selector are the mesh's.
    pub root_namespace: &'a str,
    /// The policy that is meant to be in force, if it is at hand.
    pub policy: Option<&'a Policy>,
}

/// Looks at the objects of a cluster.
#[must_use]
pub fn lint(sources: &Sources, settings: &Settings<'_>) -> Lint {
    let mut unread = Diagnostics::new();
    let documents: Vec<_> =
        sources.iter().flat_map(|(id, file)| yaml::parse(id, file, &mut unread)).collect();
    let objects = Objects::read(&documents);
    let agents = settings.policy.map(Agents::new);
    let cluster = Cluster::new(&objects, settings, agents.as_ref());
    let mut findings = Diagnostics::new();
    plugin::check(&cluster, &mut findings);
    coverage::check(&cluster, &mut findings);
    for pods in cluster.governed() {
        mtls::check(&cluster, pods, &mut findings);
        ports::check(&cluster, pods, &mut findings);
        capture::check(&cluster, pods, &mut findings);
        egress::check(&cluster, pods, &mut findings);
        logs::check(&cluster, pods, &mut findings);
    }
    version::check(&cluster, &mut findings);
    findings.sort();
    Lint { findings, unread, governed: cluster.governed().count() }
}
