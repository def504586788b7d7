//! From a checked policy to the Istio objects that put it in force.
//!
//! Each workload gets, as far as it needs them and in this order: strict mTLS ([`mesh`]), the baseline behind the filter,
//! the plugins of its calls and the plugin of requests to it ([`plugin`]), what closes every other way to the outside
//! ([`egress`]), and what has access logs say what was decided, if that is asked for ([`access_log`]). Each namespace gets
//! what is known there of the outside. The same policy, delivery and options give the same bytes; a workload whose part of
//! the policy has not changed keeps the blobs that it has, so that a change shows, and is pushed, only where it matters.

pub mod access_log;
mod delivery;
mod delivery_schema;
mod egress;
mod former;
mod image_reference;
mod kustomize;
mod mesh;
mod object;
mod plan;
mod plugin;
pub mod secret;
mod values;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use ambit_bytecode::Blob;
use ambit_compiler::compile::{self, CompileError, Compiled, compile};
use ambit_compiler::egress::policy as egress_policy;
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::records;

use self::egress::confine::Bounds;
use self::object::Scope;

pub use self::access_log::AccessLogs;
pub use self::delivery::{Delivery, Dns, Egress, Entry, Gateway, Labels, Lineage, Waypoint, check_label_key};
pub use self::delivery_schema::schema as delivery_schema;
pub use self::egress::registry::Outside;
pub use self::egress::{Known, Network, Reach, Speech, Target};
pub use self::former::{Blobs, Way, blobs};
pub use self::image_reference::ImageReference;
pub use self::kustomize::kustomization;
pub use self::object::{Component, DOMAIN, Object};
pub use self::plan::{Attachment, Baseline, Bounded, Governed};
pub use self::secret::Secrets;
pub use self::values::values;

/// Which objects carry the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// `WasmPlugin`, which every supported Istio knows.
    #[default]
    WasmPlugin,
    /// `TrafficExtension`, from Istio 1.30 on.
    TrafficExtension,
}

/// How to render.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filter's image.
    pub image: ImageReference,
    /// Which objects carry it.
    pub api: Api,
    /// The name of a `Secret` with credentials for the registry, in the namespace of each workload.
    pub image_pull_secret: Option<String>,
    /// Where lineage secrets come from.
    pub secrets: Secrets,
    /// Public keys, in base64, by one of which a policy must be signed that a filter takes. None takes any.
    pub trusted_keys: Vec<String>,
    /// What blobs say besides the policy.
    pub compile: compile::Options,
    /// The blobs that are delivered now, as [`blobs`] finds them.
    pub former: Blobs,
}

/// Everything that is rendered.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// What workloads get, in order of namespace and service account.
    pub workloads: Vec<Rendered>,
    /// What namespaces get, in order; to be applied before what their workloads get.
    pub outside: Vec<Outside>,
    /// Where access logs go, if that is said.
    pub access_logs: Option<AccessLogs>,
    /// What to know about it.
    pub notes: Vec<Note>,
}

/// What one workload gets.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Who gets it, and why.
    pub governed: Governed,
    /// Its objects, in the order in which they are to be applied.
    pub objects: Vec<Object>,
    /// What judges requests to it.
    pub policy: Option<Delivered>,
    /// What judges its calls to the outside.
    pub egress: Option<Delivered>,
    /// The lineage secret of its proxies, or the placeholder of one.
    pub secret: Option<String>,
}

/// A blob, as it is delivered.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The blob, and what its numbers stand for.
    pub compiled: Compiled,
    /// The policy that it was made of, if that is not the whole: see [`ambit_compiler::egress`].
    pub part: Option<Box<Policy>>,
    /// The number of the policy in it.
    pub generation: u64,
    /// The digest of the source in it: of an older one, if the workload's part has not changed since.
    pub digest: [u8; 32],
}

/// Why nothing is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing says which pods a workload is.
    NoPods {
        /// Which.
        workload: Workload,
    },
    /// The delivery lists a workload that policy does not know.
    NobodysWorkload {
        /// Which.
        workload: Workload,
    },
    /// The name of a service account is no value of a label.
    Label {
        /// Of which workload.
        workload: Workload,
        /// Why.
        problem: String,
    },
    /// Two workloads may be the same pods.
    SamePods {
        /// One.
        first: Workload,
        /// The other.
        second: Workload,
    },
    /// A policy that is right has no blob.
    Compile {
        /// For which workload.
        workload: Workload,
        /// Why.
        error: CompileError,
    },
    /// An object is more than the API server takes.
    TooLarge {
        /// Which object.
        object: String,
        /// How large it is.
        bytes: usize,
    },
    /// A host that policy allows and Istio does not take.
    Host {
        /// For which workload.
        workload: Workload,
        /// Which.
        host: String,
    },
    /// A port outside is to be HTTP for one destination, and something else for another.
    PortOfTwoKinds {
        /// For which workload.
        workload: Workload,
        /// Which.
        port: u16,
    },
    /// A host outside is to be called at any address, and at some only.
    HostTwice {
        /// For which workload.
        workload: Workload,
        /// Which.
        host: String,
    },
    /// Workloads of one namespace are to speak differently to one destination.
    TwoKinds {
        /// Which namespace.
        namespace: String,
        /// Which destination.
        host: String,
        /// At which port.
        port: u16,
    },
    /// A registry needs credentials, and the object cannot carry them.
    PullSecret {
        /// For which workload.
        workload: Workload,
    },
}

/// What to know about what was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// No workload of a stamping agent is known, so that nothing stamps its calls.
    Unstamped {
        /// Which agent.
        agent: String,
    },
    /// What is asked of an agent is not judged: no service is on its workload.
    ServesNothing {
        /// Which workload.
        workload: Workload,
    },
    /// Calls of an agent behind a waypoint cannot be stamped.
    Waypoint {
        /// Which workload.
        workload: Workload,
    },
    /// Nothing judges an agent's calls outside: its workload has no sidecar that stamps them.
    Unheld {
        /// Which workload.
        workload: Workload,
    },
    /// An agent without a list calls for others who have one.
    Unlisted {
        /// Which workload.
        workload: Workload,
    },
    /// An agent's calls outside are only watched.
    EgressInShadow {
        /// Which workload.
        workload: Workload,
    },
    /// A wildcard lets the client choose the name.
    Wildcard {
        /// For which workload.
        workload: Workload,
        /// Which.
        host: String,
    },
    /// Without a gateway, what goes around the sidecar reaches any address.
    NoGateway,
    /// Client-side `kubectl apply` cannot take an object.
    ServerSide {
        /// Which object.
        object: String,
        /// How large it is.
        bytes: usize,
    },
}

/// Renders everything, in order of namespace and service account.
///
/// # Errors
/// Everything that stands against it; nothing is rendered then.
pub fn render(policy: &Policy, delivery: &Delivery, options: &Options) -> Result<Rendering, Vec<Refusal>> {
    let mut notes = Vec::new();
    let governed = plan::plan(policy, delivery, &mut notes)?;
    let mut refusals = Vec::new();
    let outside = outside(&governed, delivery, &mut refusals);
    let mut workloads = Vec::with_capacity(governed.len());
    for one in governed {
        match workload(policy, delivery, one, options) {
            Ok(one) => workloads.push(one),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if delivery.egress.gateway.is_none() && workloads.iter().any(calls_hosts) {
        notes.push(Note::NoGateway);
    }
    let objects = || {
        let of_namespaces = outside.iter().flat_map(|one| &one.objects);
        of_namespaces.chain(workloads.iter().flat_map(|one| &one.objects))
    };
    let too_large = objects().filter(|object| !object.fits());
    refusals
        .extend(too_large.map(|object| Refusal::TooLarge { object: object.title(), bytes: object.bytes() }));
    let large = objects().filter(|object| object.needs_server_side_apply());
    notes.extend(large.map(|object| Note::ServerSide { object: object.title(), bytes: object.bytes() }));
    if refusals.is_empty() {
        Ok(Rendering { workloads, outside, access_logs: delivery.access_logs.clone(), notes })
    } else {
        Err(refusals)
    }
}

/// Whether a workload is held to a list with names on it.
fn calls_hosts(one: &Rendered) -> bool {
    let egress = one.governed.egress.as_ref().filter(|egress| egress.is_held);
    egress.is_some_and(|egress| egress.reach.0.keys().any(|target| matches!(target, Target::Host(_))))
}

/// What each namespace is to know of the outside.
fn outside(governed: &[Governed], delivery: &Delivery, refusals: &mut Vec<Refusal>) -> Vec<Outside> {
    let mut namespaces: BTreeMap<&str, Outside> = BTreeMap::new();
    for one in governed {
        let Some(egress) = &one.egress else { continue };
        let namespace = one.workload.namespace.as_str();
        let outside = namespaces.entry(namespace).or_default();
        outside.namespace = namespace.to_owned();
        refusals.extend(outside.reach.merge(&egress.reach, &one.workload).err());
        if egress.is_held {
            outside.held.extend(egress.reach.0.keys().cloned());
        }
    }
    let mut namespaces: Vec<Outside> = namespaces.into_values().collect();
    namespaces.iter_mut().for_each(|outside| outside.make(&delivery.egress));
    namespaces.retain(|outside| !outside.objects.is_empty());
    namespaces
}

fn workload(
    policy: &Policy,
    delivery: &Delivery,
    governed: Governed,
    options: &Options,
) -> Result<Rendered, Refusal> {
    if governed.hold_headers && options.image_pull_secret.is_some() {
        return Err(Refusal::PullSecret { workload: governed.workload });
    }
    let workload = &governed.workload;
    let delivered =
        if governed.serves { Some(deliver(policy, None, workload, Way::Inbound, options)?) } else { None };
    let outside = governed.egress.as_ref().and_then(|_| egress_policy(policy, workload));
    let outside = outside
        .map(|part| deliver(policy, Some(Box::new(part)), workload, Way::Egress, options))
        .transpose()?;
    let scope = Scope { workload, attachment: &governed.attachment };
    let secret = governed.lineage.as_ref().map(|_| options.secrets.of(workload));
    let mut objects = Vec::new();
    objects.extend(mesh::peer_authentication(&governed, &scope));
    objects.extend(mesh::baseline(&governed, &scope));
    // Calls are stamped before anyone asks for the stamp.
    if let Some((lineage, secret)) = governed.lineage.as_ref().zip(secret.as_deref()) {
        objects.extend(of_calls(options, &scope, &governed, lineage, secret, outside.as_ref()));
    }
    if let Some(delivered) = &delivered {
        let records = records::settings(policy, &governed.workload);
        let said = plugin::Policy { records, ..said(delivered) };
        let config = plugin::inbound_config(options, &governed, &said, secret.as_deref());
        objects.push(if governed.hold_headers {
            plugin::envoy_filter(options, &scope, &config, &said)
        } else {
            plugin::object(options, &scope, Component::Inbound, &config, Some(&said), &BTreeSet::new())
        });
    }
    // The other ways are closed when this one is open.
    if let Some(bounded) = governed.egress.as_ref().filter(|bounded| bounded.is_held) {
        let mesh = governed.lineage.as_ref().and_then(|lineage| lineage.mesh.as_deref()).unwrap_or_default();
        let bounds = Bounds { policy, settings: &delivery.egress, reach: &bounded.reach, mesh };
        objects.push(egress::confine::sidecar(&scope, &bounds));
        objects.push(egress::confine::network_policy(&scope, &bounds));
    }
    objects.extend(delivery.access_logs.as_ref().map(|logs| logs.telemetry(&scope)));
    for object in &mut objects {
        object.mark_if_large();
    }
    Ok(Rendered { objects, policy: delivered, egress: outside, secret, governed })
}

/// The plugins of a workload's calls: of requests, and of connections where the list leads to some.
fn of_calls(
    options: &Options,
    scope: &Scope<'_>,
    governed: &Governed,
    lineage: &Lineage,
    secret: &str,
    outside: Option<&Delivered>,
) -> Vec<Object> {
    let bounded = governed.egress.as_ref().zip(outside).map(|(bounded, delivered)| {
        let outside = plugin::Outside {
            policy: said(delivered),
            principal: &bounded.principal,
            internal: &bounded.internal,
        };
        (outside, bounded.reach.connection_ports())
    });
    let everywhere = BTreeSet::new();
    let outside = bounded.as_ref().map(|(outside, _)| outside);
    let stated = outside.map(|outside| &outside.policy);
    let config = plugin::outbound_config(options, lineage, secret, outside);
    let mut calls = plugin::object(options, scope, Component::Outbound, &config, stated, &everywhere);
    if let Some(bounded) = governed.egress.as_ref().filter(|_| outside.is_some()) {
        calls = calls.annotate(&format!("{DOMAIN}/egress"), bounded.mode());
    }
    let mut objects = vec![calls];
    // On other ports it would run before HTTP, which has no name of a server.
    if let Some((outside, ports)) = bounded.as_ref().filter(|(_, ports)| !ports.is_empty()) {
        let config = plugin::network_config(options, lineage, secret, outside);
        objects.push(plugin::object(options, scope, Component::Network, &config, stated, ports));
    }
    objects
}

/// What is said of a blob.
fn said(delivered: &Delivered) -> plugin::Policy<'_> {
    plugin::Policy {
        blob: &delivered.compiled.blob,
        generation: delivered.generation,
        digest: &delivered.digest,
        records: None,
    }
}

/// Compiles, and keeps the blob that is delivered now if nothing but its number and the digest of its source would change.
fn deliver(
    whole: &Policy,
    part: Option<Box<Policy>>,
    workload: &Workload,
    way: Way,
    options: &Options,
) -> Result<Delivered, Refusal> {
    let refuse = |error| Refusal::Compile { workload: workload.clone(), error };
    let policy = part.as_deref().unwrap_or(whole);
    let former = options.former.get(&(workload.clone(), way));
    let header = former.and_then(|blob| Some(*Blob::parse(blob).ok()?.header()));
    let mut wanted = options.compile.clone();
    if let Some((blob, header)) = former.zip(header) {
        let as_before = compile::Options {
            generation: header.generation,
            source_digest: header.source_digest,
            ..options.compile.clone()
        };
        let compiled = compile(policy, workload, &as_before).map_err(refuse)?;
        if compiled.blob == *blob {
            let (generation, digest) = (header.generation, header.source_digest);
            return Ok(Delivered { compiled, part, generation, digest });
        }
        // A number that was given is an order; one from the clock must at least grow.
        wanted.generation = wanted.generation.max(header.generation.saturating_add(1));
    }
    let compiled = compile(policy, workload, &wanted).map_err(refuse)?;
    Ok(Delivered { compiled, part, generation: wanted.generation, digest: wanted.source_digest })
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoPods { workload } => write!(f, "nothing says which pods run as `{}`", written(workload)),
            Self::NobodysWorkload { workload } => {
                write!(f, "`{}` is the workload of no service, and no agent", written(workload))
            }
            Self::Label { workload, problem } => {
                write!(f, "pods of `{}` cannot be found by label: {problem}", written(workload))
            }
            Self::SamePods { first, second } => write!(
                f,
                "the labels of `{}` and `{}` find the same pods, which would be judged by both policies",
                written(first),
                written(second)
            ),
            Self::Compile { workload, error } => write!(f, "`{}` has no blob: {error}", written(workload)),
            Self::TooLarge { object, bytes } => write!(
                f,
                "{object} takes {bytes} bytes, and the API server takes {}",
                crate::limits::MAX_OBJECT_BYTES
            ),
            Self::Host { workload, host } => write!(
                f,
                "`{}` may call `{host}`, which is no name for Istio: labels are letters, digits and `-`",
                written(workload)
            ),
            Self::PortOfTwoKinds { workload, port } => write!(
                f,
                "`{}` is to speak plain HTTP to one destination on port {port}, so that its requests are seen, and something \
                 else to another: the filter of connections would deny the former",
                written(workload)
            ),
            Self::HostTwice { workload, host } => {
                write!(
                    f,
                    "`{}` may call `{host}` at any address, and at some addresses, or another of its namespace may",
                    written(workload)
                )
            }
            Self::TwoKinds { namespace, host, port } => write!(
                f,
                "workloads of `{namespace}` are to speak plain HTTP and something else to `{host}` on port {port}, and what \
                 is known there of a destination is known to all of them"
            ),
            Self::PullSecret { workload } => write!(
                f,
                "headers of `{}` are to wait for bodies, and an `EnvoyFilter` cannot carry an image pull secret",
                written(workload)
            ),
        }
    }
}

impl Refusal {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoPods { .. } => Some(
                "list its labels under `workloads` of a delivery document, or say `--selector-label KEY` if pods carry \
                 a label with the name of their service account",
            ),
            Self::NobodysWorkload { .. } => {
                Some("correct its name, or remove it: a plugin without policy would deny everything")
            }
            Self::Label { .. } => Some("list its labels under `workloads` of a delivery document"),
            Self::SamePods { .. } => Some("give each a label that the other's pods do not carry"),
            Self::Compile { .. } => None,
            Self::TooLarge { .. } => Some(
                "give the service fewer agents that hold grants of their own, or split it over workloads",
            ),
            Self::Host { .. } => None,
            Self::PortOfTwoKinds { .. } | Self::TwoKinds { .. } => Some(
                "leave `ports` out where `methods` or `pathPrefix` are given: the application speaks HTTP on port 80, and \
                 the sidecar HTTPS to port 443",
            ),
            Self::HostTwice { .. } => Some("leave one of the entries out"),
            Self::PullSecret { .. } => Some(
                "leave the image pull secret out and give the proxies credentials by `DOCKER_CONFIG`, or mirror the \
                 image to a registry that needs none",
            ),
        }
    }
}

impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unstamped { agent } => write!(
                f,
                "nothing stamps the calls of `{agent}`: list its workloads in the delivery, or say `stamping: false` \
                 in its `Agent`"
            ),
            Self::ServesNothing { workload } => write!(
                f,
                "`{}` has no `Service`, so that no agent may call it, and what others ask of it is not judged",
                written(workload)
            ),
            Self::Waypoint { workload } => write!(
                f,
                "calls of `{}` pass no sidecar, so that nothing stamps them: say `stamping: false` in its `Agent`",
                written(workload)
            ),
            Self::Unheld { workload } => write!(
                f,
                "nothing holds `{}` to its `egress`: its calls pass no sidecar of ours",
                written(workload)
            ),
            Self::Unlisted { workload } => write!(
                f,
                "`{}` has no `egress` of its own: what it calls outside for agents that have one is denied where it is HTTP, \
                 and not seen elsewhere",
                written(workload)
            ),
            Self::EgressInShadow { workload } => write!(
                f,
                "`{}` is in shadow, so that nothing closes other ways to the outside: calls to what is not listed are \
                 recorded only where they are HTTP",
                written(workload)
            ),
            Self::Wildcard { workload, host } => write!(
                f,
                "`{}` may call `{host}`: a client chooses the name it asks for in TLS (SNI), so that it reaches whoever \
                 has a name there, and whatever else that server serves; it needs Istio 1.30",
                written(workload)
            ),
            Self::NoGateway => f.write_str(
                "without an egress gateway a `NetworkPolicy` cannot tell hosts apart: what goes around its sidecar reaches \
                 any address at the ports of the list (`--egress-gateway` closes that)",
            ),
            Self::ServerSide { object, bytes } => write!(
                f,
                "{object} takes {bytes} bytes, too many for client-side `kubectl apply`: use `kubectl apply \
                 --server-side` (Flux does by itself, and Argo CD where the object asks for it, as this one does)"
            ),
        }
    }
}

/// `NAMESPACE/SERVICE_ACCOUNT`
pub(crate) fn written(workload: &Workload) -> String {
    format!("{}/{}", workload.namespace, workload.service_account)
}
