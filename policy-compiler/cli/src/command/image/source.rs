//! Where a registry is, who asks it, and how.

use std::path::PathBuf;

use ambit_istio::image::{Credentials, NoReference, Reference, Registry, Transport, Trouble};
use clap::Args;

use crate::failure::{Failure, Problem};

/// How a registry is spoken to.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// Speak HTTP without TLS, as registries on this machine do
    #[arg(long)]
    plain_http: bool,
}

impl Connection {
    /// Prepares to talk to the registry of `reference`.
    pub(super) fn to(&self, reference: Reference) -> Result<Registry, Problem> {
        let credentials = Credentials::find(&reference, &credentials_files())
            .map_err(|error| Problem::new(error.to_string()))?;
        let transport = if self.plain_http { Transport::Plaintext } else { Transport::Tls };
        Registry::new(reference, transport, credentials)
            .map_err(|error| Problem::new(format!("cannot open connections: {error}")))
    }
}

/// What a reference refers to.
pub(super) fn parse(text: &str) -> Result<Reference, Problem> {
    text.parse().map_err(|error: NoReference| {
        Problem::new(format!("`{text}` refers to no image: {error}"))
            .maybe_help(error.advice().map(str::to_owned))
    })
}

/// Where docker keeps credentials, then where podman and skopeo do.
fn credentials_files() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    let podman = variable("REGISTRY_AUTH_FILE")
        .or_else(|| Some(variable("XDG_RUNTIME_DIR")?.join("containers").join("auth.json")));
    docker.map(|directory| directory.join("config.json")).into_iter().chain(podman).collect()
}

/// What a registry says against it.
pub(super) fn failure(trouble: &Trouble) -> Failure {
    Problem::new(trouble.to_string()).maybe_help(trouble.advice()).into()
}
