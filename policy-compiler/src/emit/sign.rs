//! Ed25519 signatures of blobs.

use core::fmt;

use ed25519_compact::{KeyPair, Seed};
use sha2::{Digest, Sha256};

/// A key that signs blobs.
#[derive(Clone)]
pub struct SigningKey {
    pair: KeyPair,
}

impl SigningKey {
    /// The key of a seed: the 32 bytes of an Ed25519 private key (RFC 8032, section 5.1.5). `None` if all are zero, which
    /// no one has drawn at random.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Option<Self> {
        KeyPair::try_from_seed(Seed::new(seed)).ok().map(|pair| Self { pair })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        *self.pair.pk
    }

    /// What names the key in a blob: the first 8 bytes of the SHA-256 of the public key.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        let digest = Sha256::digest(self.public());
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// The signature of `bytes`. Deterministic.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        *self.pair.sk.sign(bytes, None)
    }
}

/// The public half only.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.id()).finish()
    }
}
