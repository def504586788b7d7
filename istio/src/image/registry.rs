//! Images in a registry: pushed, and pulled to be checked.
//!
//! The protocol is `oci-client`'s. What is added is that nothing is believed: a manifest is pushed as the bytes that
//! were digested, its digest is asked for afterwards, and whatever is pulled is bounded and held to its digest.

mod trouble;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};
use tokio::io::AsyncWrite;
use tokio::runtime::Runtime;

pub use trouble::Trouble;

use super::limits::{MAX_LAYER_BYTES, MAX_MANIFEST_BYTES};
use super::manifest::{DOCKER_MANIFEST, OCI_MANIFEST};
use super::{Accepted, Blob, Credentials, Descriptor, Digest, Image, NotAccepted, Reference, accept};

/// How long a registry may take to answer the telephone, and then to say the next word.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS, by the certificates that the machine trusts.
    Tls,
    /// HTTP without TLS: for a registry on this machine.
    Plaintext,
}

/// A connection to one repository of a registry, as somebody.
pub struct Registry {
    runtime: Runtime,
    client: Client,
    credentials: Credentials,
    reference: Reference,
}

impl Registry {
    /// Prepares to talk to the registry of `reference`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the operating system gives no means to.
    pub fn new(reference: Reference, transport: Transport, credentials: Credentials) -> io::Result<Self> {
        // An error means that the process has chosen a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::try_from(ClientConfig {
            protocol: match transport {
                Transport::Tls => ClientProtocol::Https,
                Transport::Plaintext => ClientProtocol::Http,
            },
            // An index is refused, not resolved for whatever platform this machine happens to be.
            platform_resolver: None,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!("ambit/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        })
        .map_err(io::Error::other)?;
        Ok(Self { runtime, client, credentials, reference })
    }

    /// Pushes an image under the tag of the reference, or by its digest alone where no tag is written, and asks the
    /// registry which digest it has then. Blobs that are there already are not sent again.
    ///
    /// # Errors
    ///
    /// When the reference has a digest and it is not the image's, or what the registry says against it.
    pub fn push(&self, image: &Image) -> Result<Reference, Trouble> {
        let pinned = self.reference.pinned(image.digest());
        if let Some(wanted) = self.reference.digest()
            && wanted != image.digest()
        {
            return Err(Trouble::OtherDigest { wanted, actual: image.digest() });
        }
        // The digest beside a tag has been compared: what is written is the tag.
        let target = match self.reference.tag() {
            Some(_) => oci(&self.reference.tagged()),
            None => oci(&pinned),
        };
        self.runtime.block_on(async {
            self.authenticate(RegistryOperation::Push).await?;
            for blob in [&image.config, &image.layer] {
                self.push_blob(blob).await?;
            }
            let content_type = image.manifest.media_type.parse().map_err(|_| self.malformed())?;
            let manifest = image.manifest.bytes.clone();
            self.client
                .push_manifest_raw(&target, manifest, content_type)
                .await
                .map_err(|error| self.trouble(error))?;
            let stored = self.client.fetch_manifest_digest(&target, &self.auth()).await;
            let stored = stored.map_err(|error| self.trouble(error))?;
            match stored.parse::<Digest>() {
                Ok(digest) if digest == image.digest() => Ok(pinned),
                Ok(actual) => Err(Trouble::OtherDigest { wanted: image.digest(), actual }),
                Err(_) => Err(self.malformed()),
            }
        })
    }

    /// Pulls the image of the reference and looks at it as istio-agent does.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or istio-agent would not take it.
    pub fn accept(&self) -> Result<Accepted, Trouble> {
        let reference = oci(&self.reference);
        self.runtime.block_on(self.authenticate(RegistryOperation::Pull))?;
        // Without an index among what is asked for, a registry that has one may say that it has nothing.
        let media_types = [OCI_MANIFEST, DOCKER_MANIFEST, "application/vnd.oci.image.index.v1+json"];
        let auth = self.auth();
        let pulled = self.client.pull_manifest_raw(&reference, &auth, &media_types);
        let (manifest, _) = self.runtime.block_on(pulled).map_err(|error| self.trouble(error))?;
        if u64::try_from(manifest.len()).map_or(true, |length| length > MAX_MANIFEST_BYTES) {
            return Err(NotAccepted::TooLong { descriptor: self.reference.to_string() }.into());
        }
        accept(&manifest, |layer| self.runtime.block_on(self.pull_blob(layer)))
    }

    async fn authenticate(&self, operation: RegistryOperation) -> Result<(), Trouble> {
        let reference = oci(&self.reference);
        let done = self.client.auth(&reference, &self.auth(), operation).await;
        done.map(drop).map_err(|error| self.trouble(error))
    }

    async fn push_blob(&self, blob: &Blob) -> Result<(), Trouble> {
        let reference = oci(&self.reference);
        let digest = blob.digest.to_string();
        let exists = self.client.blob_exists(&reference, &digest).await;
        if exists.map_err(|error| self.trouble(error))? {
            return Ok(());
        }
        let pushed = self.client.push_blob(&reference, blob.bytes.clone(), &digest).await;
        pushed.map(drop).map_err(|error| self.trouble(error))
    }

    async fn pull_blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Bounded { bytes: Vec::new(), limit: MAX_LAYER_BYTES };
        let descriptor = oci_client::manifest::OciDescriptor {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.clone(),
            ..Default::default()
        };
        let pulled = self.client.pull_blob(&oci(&self.reference), &descriptor, &mut bytes).await;
        pulled.map_err(|error| self.trouble(error))?;
        Ok(bytes.bytes)
    }

    fn auth(&self) -> RegistryAuth {
        match &self.credentials {
            Credentials::Anonymous => RegistryAuth::Anonymous,
            Credentials::Password { user, password } => RegistryAuth::Basic(user.clone(), password.clone()),
        }
    }

    fn trouble(&self, error: OciDistributionError) -> Trouble {
        Trouble::of(error, &self.reference, self.credentials.user())
    }

    fn malformed(&self) -> Trouble {
        Trouble::Refused {
            registry: self.reference.registry().to_owned(),
            said: "an answer that no registry gives".to_owned(),
        }
    }
}

/// As `oci-client` has it.
fn oci(reference: &Reference) -> oci_client::Reference {
    let (registry, repository) = (reference.registry().to_owned(), reference.repository().to_owned());
    match (reference.tag(), reference.digest()) {
        // Pulled by digest whatever the tag says: the digest is what was tested.
        (_, Some(digest)) => oci_client::Reference::with_digest(registry, repository, digest.to_string()),
        (Some(tag), None) => oci_client::Reference::with_tag(registry, repository, tag.to_owned()),
        // Only its repository is looked at then.
        (None, None) => oci_client::Reference::with_tag(registry, repository, String::new()),
    }
}

/// Memory that takes so much and no more.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        let length = self.bytes.len().saturating_add(more.len());
        if u64::try_from(length).map_or(true, |length| length > self.limit) {
            return Poll::Ready(Err(io::Error::other(format!("longer than {} bytes", self.limit))));
        }
        self.bytes.extend_from_slice(more);
        Poll::Ready(Ok(more.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
