//! Credentials for a registry, from where `docker login` and its like keep them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::limits::MAX_CREDENTIALS_BYTES;
use super::reference::Reference;

/// Who asks a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password, or with the token that a registry takes in its place.
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
}

/// Why credentials cannot be had although some are configured: a fragment in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCredentials(String);

impl Credentials {
    /// Looks in `files`, in that order, each of the form of docker's `config.json`; a file that is not there says
    /// nothing. Where a file names a credential helper, the helper is run.
    ///
    /// # Errors
    ///
    /// When a file is malformed or a helper fails: to go on as nobody would hide that.
    pub fn find(reference: &Reference, files: &[PathBuf]) -> Result<Self, NoCredentials> {
        for path in files {
            let file = match File::open(path) {
                Ok(file) => file.take(MAX_CREDENTIALS_BYTES),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(NoCredentials(format!("cannot read `{}`: {error}", path.display())));
                }
            };
            let found = docker_credential::get_credential_from_reader(file, reference.credentials_key());
            match found {
                Ok(DockerCredential::UsernamePassword(user, password)) => {
                    return Ok(Self::Password { user, password });
                }
                Ok(DockerCredential::IdentityToken(_)) => {
                    return Err(NoCredentials(format!(
                        "`{}` has an identity token for `{}`, where only a user name with a password or an access \
                         token will do",
                        path.display(),
                        reference.registry()
                    )));
                }
                Err(error) if is_silence(&error) => {}
                Err(CredentialRetrievalError::ConfigReadError) => {
                    return Err(NoCredentials(format!(
                        "`{}` is not JSON of the form of docker's configuration",
                        path.display()
                    )));
                }
                Err(error) => {
                    return Err(NoCredentials(format!(
                        "`{}` says where credentials for `{}` are, but they cannot be had: {}",
                        path.display(),
                        reference.registry(),
                        reason(&error)
                    )));
                }
            }
        }
        Ok(Self::Anonymous)
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Password { user, .. } => Some(user),
        }
    }
}

/// Whether it only means that there is nothing for this registry. A helper says so in words.
fn is_silence(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        CredentialRetrievalError::HelperFailure { stdout, .. } => stdout.contains("credentials not found"),
        _ => false,
    }
}

/// Without what a helper printed: that may be a secret.
fn reason(error: &CredentialRetrievalError) -> String {
    match error {
        CredentialRetrievalError::CredentialDecodingError => {
            "the entry `auth` is not `user:password` in base64".to_owned()
        }
        CredentialRetrievalError::HelperFailure { helper, .. } => {
            format!("the credential helper `{helper}` fails")
        }
        CredentialRetrievalError::HelperCommunicationError => {
            "the credential helper cannot be run".to_owned()
        }
        other => other.to_string().to_lowercase(),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("Anonymous"),
            Self::Password { user, .. } => write!(formatter, "Password of {user:?}"),
        }
    }
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for NoCredentials {}
