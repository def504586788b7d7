//! From a checked policy to the Istio objects that put it in force.
//!
//! Each workload gets, as far as it needs them and in this order: strict mTLS ([`mesh`]), the baseline behind the filter,
//! the plugin of its calls and the plugin of requests to it ([`plugin`]). What egress adds will be one more maker beside
//! those. The same policy, delivery and options give the same bytes; a workload whose part of the policy has not changed
//! keeps the blob that it has, so that a change shows, and is pushed, only where it matters.

mod delivery;
mod delivery_schema;
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

use std::collections::BTreeMap;

use ambit_bytecode::Blob;
use ambit_compiler::compile::{self, CompileError, Compiled, compile};
use ambit_compiler::model::{Policy, Workload};

use self::object::Scope;

pub use self::delivery::{Delivery, Entry, Labels, Lineage, Waypoint, check_label_key};
pub use self::delivery_schema::schema as delivery_schema;
pub use self::former::blobs;
pub use self::image_reference::ImageReference;
pub use self::kustomize::kustomization;
pub use self::object::{Component, DOMAIN, Object};
pub use self::plan::{Attachment, Baseline, Governed};
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
    pub former: BTreeMap<Workload, Vec<u8>>,
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
    /// The lineage secret of its proxies, or the placeholder of one.
    pub secret: Option<String>,
}

/// What judges requests to a workload.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The blob, and what its numbers stand for.
    pub compiled: Compiled,
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
pub fn render(
    policy: &Policy,
    delivery: &Delivery,
    options: &Options,
) -> Result<(Vec<Rendered>, Vec<Note>), Vec<Refusal>> {
    let mut notes = Vec::new();
    let governed = plan::plan(policy, delivery, &mut notes)?;
    let mut rendered = Vec::with_capacity(governed.len());
    let mut refusals = Vec::new();
    for one in governed {
        match workload(policy, one, options) {
            Ok(one) => {
                refusals.extend(
                    one.objects
                        .iter()
                        .filter(|object| !object.fits())
                        .map(|object| Refusal::TooLarge { object: object.title(), bytes: object.bytes() }),
                );
                notes.extend(
                    one.objects
                        .iter()
                        .filter(|object| object.needs_server_side_apply())
                        .map(|object| Note::ServerSide { object: object.title(), bytes: object.bytes() }),
                );
                rendered.push(one);
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok((rendered, notes)) } else { Err(refusals) }
}

fn workload(policy: &Policy, governed: Governed, options: &Options) -> Result<Rendered, Refusal> {
    if governed.hold_headers && options.image_pull_secret.is_some() {
        return Err(Refusal::PullSecret { workload: governed.workload });
    }
    let delivered = if governed.serves { Some(deliver(policy, &governed.workload, options)?) } else { None };
    let scope = Scope { workload: &governed.workload, attachment: &governed.attachment };
    let secret = governed.lineage.as_ref().map(|_| options.secrets.of(&governed.workload));
    let mut objects = Vec::new();
    objects.extend(mesh::peer_authentication(&governed, &scope));
    objects.extend(mesh::baseline(&governed, &scope));
    // Calls are stamped before anyone asks for the stamp.
    if let Some((lineage, secret)) = governed.lineage.as_ref().zip(secret.as_deref()) {
        let config = plugin::outbound_config(lineage, secret);
        objects.push(plugin::object(options, &scope, Component::Outbound, &config, None));
    }
    if let Some(delivered) = &delivered {
        let said = plugin::Policy {
            blob: &delivered.compiled.blob,
            generation: delivered.generation,
            digest: &delivered.digest,
        };
        let config = plugin::inbound_config(options, &governed, &said, secret.as_deref());
        objects.push(if governed.hold_headers {
            plugin::envoy_filter(options, &scope, &config, &said)
        } else {
            plugin::object(options, &scope, Component::Inbound, &config, Some(&said))
        });
    }
    for object in &mut objects {
        object.mark_if_large();
    }
    Ok(Rendered { objects, policy: delivered, secret, governed })
}

/// Compiles, and keeps the blob that is delivered now if nothing but its number and the digest of its source would change.
fn deliver(policy: &Policy, workload: &Workload, options: &Options) -> Result<Delivered, Refusal> {
    let refuse = |error| Refusal::Compile { workload: workload.clone(), error };
    let former = options.former.get(workload);
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
            return Ok(Delivered { compiled, generation: header.generation, digest: header.source_digest });
        }
        // A number that was given is an order; one from the clock must at least grow.
        wanted.generation = wanted.generation.max(header.generation.saturating_add(1));
    }
    let compiled = compile(policy, workload, &wanted).map_err(refuse)?;
    Ok(Delivered { compiled, generation: wanted.generation, digest: wanted.source_digest })
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
