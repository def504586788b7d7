//! How an image is referred to: `registry/repository:tag`, `registry/repository@sha256:...`, or both.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;
use super::limits::{MAX_REFERENCE_BYTES, MAX_REPOSITORY_BYTES, MAX_TAG_BYTES};

/// The hub of Docker, whose registry has another host than its name says.
const HUB: &str = "docker.io";

/// A reference to an image. The registry is always written out, and no tag is ever supplied: a `latest` that nobody
/// wrote is how the wrong image gets into a mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text refers to no image: a fragment in lower case, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReference {
    what: String,
    help: Option<String>,
}

impl Reference {
    /// Host of the registry, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one is written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository, by digest alone. This is what a `WasmPlugin` should refer to.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The same without its digest.
    #[must_use]
    pub fn tagged(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }

    /// The key under which docker's configuration has credentials for the registry.
    #[must_use]
    pub fn credentials_key(&self) -> &str {
        if self.registry == HUB { "https://index.docker.io/v1/" } else { &self.registry }
    }
}

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let no = |what: &str| NoReference { what: what.to_owned(), help: None };
        // As a `WasmPlugin` writes it.
        let written = text.strip_prefix("oci://").unwrap_or(text);
        if let Some((scheme, rest)) = written.split_once("://") {
            return Err(no(&format!("`{scheme}://` is no part of a reference to an image"))
                .help(format!("write `{rest}`")));
        }
        if written.len() > MAX_REFERENCE_BYTES {
            return Err(no(&format!("longer than {MAX_REFERENCE_BYTES} bytes")));
        }
        let (named, digest) = match written.split_once('@') {
            None => (written, None),
            Some((named, digest)) => {
                let digest = digest.parse().map_err(|_| {
                    no(&format!("`{digest}` is no digest"))
                        .help("a digest is `sha256:` and 64 hexadecimal digits in lower case")
                })?;
                (named, Some(digest))
            }
        };
        let Some((registry, path)) = named.split_once('/').filter(|(host, _)| is_host(host)) else {
            let name = named.split([':', '@']).next().unwrap_or_default();
            return Err(no("no registry").help(if name.is_empty() {
                "a reference is `registry/repository:tag`".to_owned()
            } else {
                format!("write the host of a registry in front, as in `registry.example.com/{name}:TAG`")
            }));
        };
        let (repository, tag) = match path.split_once(':') {
            None => (path, None),
            Some((repository, tag)) => (repository, Some(tag)),
        };
        check_repository(repository)?;
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(no(&format!("`{tag}` is no tag")).help(format!(
                "a tag has letters, digits, `_`, `.` and `-`, does not start with `.` or `-`, and is at most \
                 {MAX_TAG_BYTES} bytes long"
            )));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

/// Whether the first part of a reference is a host, by the rule that every tool has: it has a dot or a port, or is
/// `localhost`.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port)),
    };
    let characters = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.[]:".contains(&byte))
    };
    let has_port = port.is_some_and(|port| port.parse::<u16>().is_ok());
    characters(host)
        && (port.is_none() || has_port)
        && (host.contains('.') || has_port || host == "localhost")
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= MAX_TAG_BYTES
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Parts of small letters and digits, with single separators between them (`.`, `_`, `__`, or any number of `-`).
fn check_repository(repository: &str) -> Result<(), NoReference> {
    let no = |what: String| NoReference { what, help: None };
    if repository.is_empty() || repository.len() > MAX_REPOSITORY_BYTES {
        return Err(no(format!("the repository has to be 1 to {MAX_REPOSITORY_BYTES} bytes long")));
    }
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(no(format!("the repository `{repository}` has capital letters"))
            .help(format!("write `{}`", repository.to_ascii_lowercase())));
    }
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    for part in repository.split('/') {
        let ends = part.bytes().next().is_some_and(letter) && part.bytes().last().is_some_and(letter);
        let separators = part
            .split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
            .all(|separator| {
                matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
            });
        if !ends || !separators {
            return Err(no(format!("`{part}` is no part of a repository"))
                .help("one has small letters and digits, with `.`, `_`, `__` or `-` between them"));
        }
    }
    Ok(())
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl NoReference {
    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What was probably meant.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for NoReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for NoReference {}
