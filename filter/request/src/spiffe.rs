//! The identity in a peer certificate, read strictly.
//!
//! The input is a URI SAN as the proxy hands it over, after it verified the certificate. The proxy
//! does not check its spelling (a NUL inside a SAN is CVE-2026-47778), and policy compares spellings,
//! so everything that the SPIFFE-ID standard does not allow is refused here.

use core::fmt;

use crate::limits::{MAX_SPIFFE_BYTES, MAX_TRUST_DOMAIN_BYTES};

#[cfg(test)]
mod tests;

const SCHEME: &[u8] = b"spiffe://";

/// The SPIFFE id of a workload: `spiffe://` trust domain, path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId<'a> {
    id: &'a str,
    trust_domain: &'a str,
    path: &'a str,
}

/// Why a SAN is not the SPIFFE id of a workload (SPIFFE-ID section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpiffeError {
    /// Longer than [`MAX_SPIFFE_BYTES`].
    TooLong,
    /// Does not start with `spiffe://` in lower case.
    Scheme,
    /// The trust domain is empty.
    EmptyTrustDomain,
    /// The trust domain is longer than [`MAX_TRUST_DOMAIN_BYTES`].
    LongTrustDomain,
    /// The trust domain has a character outside `a-z 0-9 . _ -`.
    TrustDomainCharacter,
    /// There is no path, so the id names a trust domain and not a workload.
    NoPath,
    /// Two slashes in a row, or a slash at the end.
    EmptySegment,
    /// A segment is `.` or `..`.
    DotSegment,
    /// The path has a character outside `A-Z a-z 0-9 . _ -` and `/`.
    PathCharacter,
}

impl<'a> SpiffeId<'a> {
    /// Reads the SPIFFE id of a workload.
    ///
    /// # Errors
    /// A [`SpiffeError`] naming the first rule that `san` breaks.
    pub fn parse(san: &'a [u8]) -> Result<Self, SpiffeError> {
        if san.len() > MAX_SPIFFE_BYTES {
            return Err(SpiffeError::TooLong);
        }
        let rest = san.strip_prefix(SCHEME).ok_or(SpiffeError::Scheme)?;
        let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
        let (trust_domain, path) = rest.split_at_checked(slash).unwrap_or((rest, &[]));
        check_trust_domain(trust_domain)?;
        check_path(path)?;
        // Only ASCII is left, so none of this can fail.
        let parts = core::str::from_utf8(san).ok().and_then(|id| {
            let (trust_domain, path) = id.get(SCHEME.len()..)?.split_at_checked(slash)?;
            Some(Self { id, trust_domain, path })
        });
        parts.ok_or(SpiffeError::PathCharacter)
    }

    /// The whole id, as policy and logs write it.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.id
    }

    /// The trust domain, such as `cluster.local`.
    #[must_use]
    pub const fn trust_domain(&self) -> &'a str {
        self.trust_domain
    }

    /// The path, from its leading `/`; never empty.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The Kubernetes namespace, if the path is exactly `/ns/<namespace>/sa/<service account>`.
    #[must_use]
    pub fn namespace(&self) -> Option<&'a str> {
        self.kubernetes().map(|(namespace, _)| namespace)
    }

    /// The Kubernetes service account, if the path is exactly `/ns/<namespace>/sa/<service account>`.
    #[must_use]
    pub fn service_account(&self) -> Option<&'a str> {
        self.kubernetes().map(|(_, service_account)| service_account)
    }

    fn kubernetes(&self) -> Option<(&'a str, &'a str)> {
        let (namespace, account) = self.path.strip_prefix("/ns/")?.split_once('/')?;
        let account = account.strip_prefix("sa/")?;
        (!account.contains('/')).then_some((namespace, account))
    }
}

impl SpiffeError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "spiffe-too-long",
            Self::Scheme => "spiffe-scheme",
            Self::EmptyTrustDomain => "spiffe-empty-trust-domain",
            Self::LongTrustDomain => "spiffe-long-trust-domain",
            Self::TrustDomainCharacter => "spiffe-trust-domain-character",
            Self::NoPath => "spiffe-no-path",
            Self::EmptySegment => "spiffe-empty-segment",
            Self::DotSegment => "spiffe-dot-segment",
            Self::PathCharacter => "spiffe-path-character",
        }
    }
}

impl fmt::Display for SpiffeId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl fmt::Display for SpiffeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for SpiffeError {}

fn check_trust_domain(trust_domain: &[u8]) -> Result<(), SpiffeError> {
    if trust_domain.is_empty() {
        return Err(SpiffeError::EmptyTrustDomain);
    }
    if trust_domain.len() > MAX_TRUST_DOMAIN_BYTES {
        return Err(SpiffeError::LongTrustDomain);
    }
    if !trust_domain.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
        return Err(SpiffeError::TrustDomainCharacter);
    }
    Ok(())
}

/// Checks a path that is empty or starts with `/`.
fn check_path(path: &[u8]) -> Result<(), SpiffeError> {
    let Some((_, segments)) = path.split_first() else { return Err(SpiffeError::NoPath) };
    let mut segment = Segment::default();
    for byte in segments {
        match byte {
            b'/' => {
                segment.check()?;
                segment = Segment::default();
            }
            b'.' => segment.length = segment.length.saturating_add(1),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {
                segment.length = segment.length.saturating_add(1);
                segment.has_name = true;
            }
            _ => return Err(SpiffeError::PathCharacter),
        }
    }
    segment.check()
}

/// What came of a segment.
#[derive(Default)]
struct Segment {
    length: usize,
    /// It has something else than dots.
    has_name: bool,
}

impl Segment {
    const fn check(&self) -> Result<(), SpiffeError> {
        match (self.length, self.has_name) {
            (0, _) => Err(SpiffeError::EmptySegment),
            (1 | 2, false) => Err(SpiffeError::DotSegment),
            _ => Ok(()),
        }
    }
}
