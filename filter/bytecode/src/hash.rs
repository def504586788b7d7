//! The hash of the format: of index keys, and of a whole blob as its checksum. `FORMAT.md` defines it.
//!
//! It is fast and seeded, and no defence against an attacker: an index has one candidate for a key, which is then
//! compared, so what an attacker can make collide costs one probe like anything else.

/// The hash of `bytes` under `seed`.
#[must_use]
pub fn hash(seed: u32, bytes: &[u8]) -> u64 {
    let mut state = start(seed);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        state = mix(state, tail(bytes, rest));
    }
    finish(state, bytes.len())
}

/// The hash of `prefix` followed by `bytes`, as if they were one string; `prefix` is the trust domain of an identity.
#[must_use]
pub fn hash_prefixed(seed: u32, prefix: [u8; 2], bytes: &[u8]) -> u64 {
    let [first, second] = prefix;
    let (word, rest) = match bytes.split_first_chunk::<6>() {
        Some(([a, b, c, d, e, f], rest)) => ([first, second, *a, *b, *c, *d, *e, *f], rest),
        None => {
            let mut word = [first, second, 0, 0, 0, 0, 0, 0];
            for (slot, byte) in word.iter_mut().skip(2).zip(bytes) {
                *slot = *byte;
            }
            (word, &[][..])
        }
    };
    let mut state = mix(start(seed), u64::from_le_bytes(word));
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        state = mix(state, tail(bytes, rest));
    }
    finish(state, bytes.len().saturating_add(prefix.len()))
}

/// Where the candidate for a hash lies: first which displacement, then, given it, which slot. `None` for an empty index.
#[must_use]
pub fn displacement_of(hash: u64, displacements: u32) -> Option<u32> {
    low(hash).checked_rem(displacements)
}

/// The slot of a hash under its displacement. `None` for an empty index.
#[must_use]
pub fn slot_of(hash: u64, displacement: u16, slots: u32) -> Option<u32> {
    let step = u32::from(displacement).wrapping_mul(low(hash) | 1);
    high(hash).wrapping_add(step).checked_rem(slots)
}

fn start(seed: u32) -> u64 {
    u64::from(seed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state.rotate_left(29) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25);
    mixed ^ (mixed >> 32)
}

fn finish(state: u64, length: usize) -> u64 {
    mix(state, u64::try_from(length).unwrap_or(u64::MAX))
}

/// The last word: `rest`, which ends `bytes`, padded with zeros.
fn tail(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        let before = rest.len().saturating_mul(8).wrapping_neg();
        return u64::from_le_bytes(*last).wrapping_shr(u32::try_from(before & 63).unwrap_or(0));
    }
    let mut word = [0; 8];
    for (slot, byte) in word.iter_mut().zip(rest) {
        *slot = *byte;
    }
    u64::from_le_bytes(word)
}

fn low(hash: u64) -> u32 {
    let [a, b, c, d, ..] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn high(hash: u64) -> u32 {
    let [.., a, b, c, d] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
