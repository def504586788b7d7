//! The lineage secret of a workload: 16 bytes that both roles of its proxies share, and no other plugin knows.
//!
//! It is what keeps other plugins of the same proxy from reading and altering the table of live requests. It is no
//! credential: nobody outside the proxy can do anything with it. All the same it does not belong into Git, so that a
//! manifest carries a placeholder unless whoever renders holds the key that secrets are derived from.
//!
//! Derived secrets are stable: a proxy refuses a second secret for as long as it runs, whatever else changes. They
//! differ by workload, so that one proxy's is of no use in another.

use ambit_compiler::model::Workload;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::limits::MIN_KEY_BYTES;

/// What is derived, and from which version of the derivation. It ends in a byte that no name holds.
const CONTEXT: &[u8] = b"ambit lineage secret v1\0";
/// The length of a secret.
const SECRET_BYTES: usize = 16;
/// What names of placeholders begin with.
const PREFIX: &str = "AMBIT_LINEAGE_SECRET_";

/// Where lineage secrets come from.
#[derive(Clone, Debug, Default)]
pub enum Secrets {
    /// `${NAME}`, for whoever deploys to replace. Not replaced, the filter refuses the configuration.
    #[default]
    Placeholders,
    /// Derived from a key.
    Derived(Key),
}

/// What secrets are derived from.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key of the given bytes. `None` if they are too few.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < MIN_KEY_BYTES {
            return None;
        }
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// The secret of a workload, in standard base64.
    #[must_use]
    pub fn secret(&self, workload: &Workload) -> String {
        let mut mac = self.0.clone();
        mac.update(CONTEXT);
        mac.update(workload.namespace.as_bytes());
        mac.update(b"\0");
        mac.update(workload.service_account.as_bytes());
        let tag = mac.finalize().into_bytes();
        STANDARD.encode(tag.get(..SECRET_BYTES).unwrap_or_default())
    }
}

impl core::fmt::Debug for Key {
    /// Nothing of the key.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key")
    }
}

impl Secrets {
    /// What a manifest says.
    #[must_use]
    pub fn of(&self, workload: &Workload) -> String {
        match self {
            Self::Placeholders => format!("${{{}}}", placeholder(workload)),
            Self::Derived(key) => key.secret(workload),
        }
    }
}

/// The name of a workload's placeholder: one that shells, `envsubst` and Flux take. Names of workloads have no capital
/// letters, so that no two share one.
#[must_use]
pub fn placeholder(workload: &Workload) -> String {
    let word = |name: &str| name.replace('-', "_").replace('.', "_DOT_");
    format!("{PREFIX}{}_SA_{}", word(&workload.namespace), word(&workload.service_account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(namespace: &str, service_account: &str) -> Workload {
        Workload { namespace: namespace.to_owned(), service_account: service_account.to_owned() }
    }

    #[test]
    fn a_secret_is_stable_and_the_workloads_own() {
        let key = Key::new(&[7; 32]).unwrap();
        let one = key.secret(&workload("data", "orders-db"));
        // Known for ever: a proxy refuses a second secret for as long as it runs.
        assert_eq!(one, "lfGHzdLweG4T/Z888lLcyw==");
        for (namespace, account) in [("data", "orders"), ("dat", "aorders-db"), ("orders-db", "data")] {
            assert_ne!(one, key.secret(&workload(namespace, account)));
        }
        assert_ne!(one, Key::new(&[8; 32]).unwrap().secret(&workload("data", "orders-db")));
        assert!(Key::new(&[7; MIN_KEY_BYTES - 1]).is_none());
    }

    #[test]
    fn placeholders_are_names_and_differ() {
        let names =
            [("a", "b-c"), ("a", "b.c"), ("a-b", "c"), ("a", "b--c"), ("a", "b-dot-c"), ("a-sa-b", "c")];
        let mut seen = std::collections::BTreeSet::new();
        for (namespace, account) in names {
            let name = placeholder(&workload(namespace, account));
            assert!(name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()), "{name}");
            assert!(seen.insert(name), "{namespace}/{account}");
        }
    }
}
