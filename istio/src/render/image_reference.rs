//! Which image: a repository and the digest of a manifest in it.

/// Which image: a repository and the digest of a manifest in it. A tag alone is not enough, since what it names changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// `registry.example/team/ambit`, perhaps with a tag, which means nothing beside a digest.
    pub repository: String,
    /// SHA-256 of the manifest: 64 lower-case hexadecimal digits.
    pub digest: String,
}

impl ImageReference {
    /// Reads `[oci://]REPOSITORY[:TAG]@sha256:DIGEST`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let reference = text.strip_prefix("oci://").unwrap_or(text);
        let Some((repository, digest)) = reference.split_once("@sha256:") else {
            return Err(format!("`{text}` has no digest: what a tag names can change"));
        };
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digest.len() != 64 || !digest.bytes().all(is_hex) {
            return Err(format!("`{digest}` is no SHA-256: 64 lower-case hexadecimal digits"));
        }
        let is_plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | '[' | ']');
        if repository.is_empty() || !repository.chars().all(is_plain) || !repository.contains('/') {
            return Err(format!("`{repository}` is no repository, such as `registry.example/ambit`"));
        }
        Ok(Self { repository: repository.to_owned(), digest: digest.to_owned() })
    }

    /// As plugin objects have it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("oci://{}@sha256:{}", self.repository, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::ImageReference;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_digest_is_needed() {
        for (text, expected) in [
            (
                format!("r.example/ambit@sha256:{DIGEST}"),
                Ok(format!("oci://r.example/ambit@sha256:{DIGEST}")),
            ),
            (
                format!("oci://[::1]:5000/a:v1@sha256:{DIGEST}"),
                Ok(format!("oci://[::1]:5000/a:v1@sha256:{DIGEST}")),
            ),
            (String::from("r.example/ambit:v1"), Err("no digest")),
            (format!("r.example/ambit@sha256:{}", &DIGEST[1..]), Err("no SHA-256")),
            (format!("r.example/ambit@sha256:{}", DIGEST.to_uppercase()), Err("no SHA-256")),
            (format!("@sha256:{DIGEST}"), Err("no repository")),
            (format!("ambit@sha256:{DIGEST}"), Err("no repository")),
            (format!("r.example/a b@sha256:{DIGEST}"), Err("no repository")),
            (format!("https://r.example/a?b@sha256:{DIGEST}"), Err("no repository")),
        ] {
            match (ImageReference::parse(&text), expected) {
                (Ok(reference), Ok(url)) => assert_eq!(reference.url(), url),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
                (actual, expected) => panic!("{text}: {actual:?}, expected {expected:?}"),
            }
        }
    }
}
