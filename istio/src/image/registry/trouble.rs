//! What can go wrong with a registry, in words that say what to do.

use std::error::Error;
use std::fmt;
use std::io;

use oci_client::errors::{OciDistributionError, OciErrorCode};

use super::{Digest, NotAccepted, Reference};
use crate::image::limits::MAX_SHOWN_BYTES;

/// What goes wrong with a registry: a fragment in lower case.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody answers.
    Unreachable {
        /// Host of the registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// It answers without TLS, or its certificate is not trusted.
    Tls {
        /// Host of the registry.
        registry: String,
        /// What is wrong with the handshake.
        reason: String,
        /// Whether it does not speak TLS at all.
        plaintext: bool,
    },
    /// It wants other credentials, or none will do.
    Unauthorized {
        /// The repository.
        repository: String,
        /// Host of the registry.
        registry: String,
        /// As whom it was asked.
        user: Option<String>,
    },
    /// It has no such image.
    Unknown {
        /// The image.
        reference: String,
    },
    /// It says something else.
    Refused {
        /// Host of the registry.
        registry: String,
        /// Its words, cut to [`MAX_SHOWN_BYTES`].
        said: String,
    },
    /// The image is another than the one that was meant.
    OtherDigest {
        /// The digest that was meant.
        wanted: Digest,
        /// The one that there is.
        actual: Digest,
    },
    /// istio-agent would not take the image.
    NotAccepted(NotAccepted),
}

impl Trouble {
    pub(super) fn of(error: OciDistributionError, reference: &Reference, user: Option<&str>) -> Self {
        let registry = reference.registry().to_owned();
        let unauthorized = || Self::Unauthorized {
            repository: reference.repository().to_owned(),
            registry: registry.clone(),
            user: user.map(str::to_owned),
        };
        let unknown = || Self::Unknown { reference: reference.to_string() };
        let by_status = |code: u16, said: &str| match code {
            401 | 403 => unauthorized(),
            404 => unknown(),
            code => Self::Refused { registry: registry.clone(), said: format!("{code} {}", shown(said)) },
        };
        match error {
            OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_) => unauthorized(),
            OciDistributionError::ImageManifestNotFoundError(_) => unknown(),
            OciDistributionError::ServerError { code, message, .. } => by_status(code, &message),
            OciDistributionError::RegistryError { envelope, .. } => {
                match envelope.errors.first().map(|error| &error.code) {
                    Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => unauthorized(),
                    Some(
                        OciErrorCode::ManifestUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::NotFound
                        | OciErrorCode::BlobUnknown
                        | OciErrorCode::ManifestBlobUnknown,
                    ) => unknown(),
                    _ => {
                        let said: Vec<&str> =
                            envelope.errors.iter().map(|error| error.message.as_str()).collect();
                        Self::Refused { registry, said: shown(&said.join("; ")) }
                    }
                }
            }
            OciDistributionError::RequestError(error) => match error.status() {
                Some(status) => by_status(status.as_u16(), ""),
                None => Self::of_request(&error, registry),
            },
            other => Self::Refused { registry, said: shown(&other.to_string()) },
        }
    }

    /// Of a request that no answer came to.
    fn of_request(error: &(dyn Error + 'static), registry: String) -> Self {
        let mut reason = error.to_string();
        let mut cause = Some(error);
        while let Some(error) = cause {
            reason = error.to_string();
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                let plaintext = matches!(error, rustls::Error::InvalidMessage(_));
                return Self::Tls { registry, reason: shown(&reason), plaintext };
            }
            // An error of the operating system's kind hides what it was made of from `source`.
            cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        let reason = reason.split(" (os error").next().unwrap_or_default();
        Self::Unreachable { registry, reason: shown(reason) }
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Unreachable { registry, .. } => {
                Some(format!("is the registry running, and is `{registry}` its host and port?"))
            }
            Self::Tls { plaintext: true, .. } => {
                Some("for a registry on this machine that speaks plain HTTP, say `--plain-http`".to_owned())
            }
            Self::Unauthorized { registry, user: None, .. } => Some(format!(
                "no credentials for `{registry}` were found: `docker login {registry}`, or whatever writes docker's \
                 `config.json`"
            )),
            Self::Unauthorized { registry, user: Some(user), .. } => {
                Some(format!("it was asked as `{user}`: `docker login {registry}` changes that"))
            }
            _ => None,
        }
    }
}

/// The beginning of what a stranger says, on one line, without control characters.
fn shown(said: &str) -> String {
    let mut text = String::new();
    for word in said.split_whitespace() {
        let word: String = word.chars().filter(|character| !character.is_control()).collect();
        if text.len().saturating_add(word.len()) > MAX_SHOWN_BYTES {
            text.push('…');
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&word);
    }
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

impl From<NotAccepted> for Trouble {
    fn from(error: NotAccepted) -> Self {
        Self::NotAccepted(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { registry, reason } => {
                write!(formatter, "cannot reach the registry `{registry}`: {reason}")
            }
            Self::Tls { registry, plaintext: true, .. } => {
                write!(formatter, "the registry `{registry}` does not speak TLS")
            }
            Self::Tls { registry, reason, plaintext: false } => {
                write!(formatter, "no TLS with the registry `{registry}`: {reason}")
            }
            Self::Unauthorized { repository, registry, .. } => {
                write!(
                    formatter,
                    "the registry `{registry}` does not let us at `{repository}`: not authorized"
                )
            }
            Self::Unknown { reference } => write!(formatter, "there is no image `{reference}`"),
            Self::Refused { registry, said } => write!(formatter, "the registry `{registry}` says: {said}"),
            Self::OtherDigest { wanted, actual } => {
                write!(formatter, "the image is `{actual}`, not `{wanted}`")
            }
            Self::NotAccepted(error) => error.fmt(formatter),
        }
    }
}

impl Error for Trouble {}
