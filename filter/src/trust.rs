//! Who may sign policy.
//!
//! A configuration that names trusted keys takes no policy but one that the holder of one of them has signed. Whoever can
//! bring blobs to the proxy but holds no key can then take the policy away, which denies; send that of another workload,
//! which denies; or send an older one, which has no effect as long as the newer one is in force.

use ambit_bytecode::blob::{Blob, BlobError};
use ambit_eval::VerifyError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{PublicKey, Signature};

use crate::policy::PolicyError;

/// The most keys that a configuration may name: one in use, one to come, and some to spare. Each takes as long to try
/// as the rest of loading a policy.
pub const MAX_KEYS: usize = 4;

/// The keys that a configuration trusts.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Vec<PublicKey>);

/// Trusted keys, and which of them the policy is signed by.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: TrustedKeys,
    signer: PublicKey,
}

/// Why a policy is not trusted.
#[derive(Debug)]
pub enum TrustError {
    /// There is no key, or there are more than [`MAX_KEYS`].
    Count,
    /// The key at this place, counted from 0, is not 32 bytes in standard base64, or no key that anyone could hold.
    Key(usize),
    /// The policy is no blob.
    Blob(BlobError),
    /// The policy is not signed.
    Unsigned,
    /// The signature is by none of the keys, or not of this policy.
    Signature {
        /// Where it lies in the blob.
        offset: usize,
        /// Which key it says it is by. Anyone can write there what he likes.
        key_id: [u8; 8],
    },
}

impl TrustedKeys {
    /// Reads keys.
    ///
    /// # Errors
    /// [`TrustError::Count`] and [`TrustError::Key`].
    pub fn read(texts: &[String]) -> Result<Self, TrustError> {
        if texts.is_empty() || texts.len() > MAX_KEYS {
            return Err(TrustError::Count);
        }
        let mut keys = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let bytes = STANDARD
                .decode(text)
                .ok()
                .and_then(|bytes| bytes.first_chunk().copied().filter(|_| bytes.len() == 32));
            let key = bytes.map(PublicKey::new).filter(|key| key.validate().is_ok());
            keys.push(key.ok_or(TrustError::Key(place))?);
        }
        Ok(Self(keys))
    }

    /// Checks the signature of a policy.
    ///
    /// # Errors
    /// The other [`TrustError`]s.
    pub fn check(self, blob: &[u8]) -> Result<Trust, TrustError> {
        let blob = Blob::parse(blob).map_err(TrustError::Blob)?;
        let signature = blob.signature().ok_or(TrustError::Unsigned)?;
        let has_signed = |key: &&PublicKey| {
            let Ok(mut state) = key.verify_incremental(&Signature::new(signature.bytes)) else {
                return false;
            };
            signature.covered.iter().for_each(|piece| state.absorb(piece));
            state.verify().is_ok()
        };
        match self.0.iter().find(has_signed).copied() {
            Some(signer) => Ok(Trust { keys: self, signer }),
            None => Err(TrustError::Signature { offset: signature.offset, key_id: signature.key_id }),
        }
    }
}

impl Trust {
    /// Whether the policy that `other` stands for is trusted by these keys, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.keys.0.contains(&other.signer)
    }
}

impl core::fmt::Display for TrustError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Count => write!(formatter, "code=keys-none-or-too-many"),
            Self::Key(place) => write!(formatter, "code=key-not-32-bytes-in-base64 key={place}"),
            Self::Blob(error) => write!(formatter, "{}", PolicyError::Verify(VerifyError::from(*error))),
            // Where the blob says how many sections it has.
            Self::Unsigned => write!(formatter, "code=policy-unsigned section=framing offset=6"),
            Self::Signature { offset, key_id } => {
                let key_id = u64::from_be_bytes(*key_id);
                write!(
                    formatter,
                    "code=policy-signature-untrusted section=signature offset={offset} key-id={key_id:016x}"
                )
            }
        }
    }
}
