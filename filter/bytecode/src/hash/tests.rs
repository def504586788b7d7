use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The same, word for word as `FORMAT.md` has it.
fn by_the_document(seed: u32, bytes: &[u8]) -> u64 {
    let mut words: Vec<u64> = Vec::new();
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        words.push(u64::from_le_bytes(word));
    }
    words.push(bytes.len() as u64);
    words.into_iter().fold(u64::from(seed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15), |h, word| {
        let h = (h.rotate_left(29) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25);
        h ^ (h >> 32)
    })
}

/// Blobs out there were written with this hash: it never changes.
#[test]
fn hashes_are_pinned() {
    for (seed, bytes, expected) in [
        (0, &b""[..], 0xdc8b_cb57_1c42_b0a4),
        (0, b"\0", 0x573a_6a4f_8168_ab38),
        (0, b"a", 0x7538_e476_d4b4_84e9),
        (1, b"a", 0x5072_f640_3b3a_04ad),
        (u32::MAX, b"a", 0x54cf_a886_f5f7_9c11),
        (0, b"12345678", 0x6897_3d13_cec6_5095),
        (0, b"123456789", 0x9b85_4671_5da0_9e65),
        (7, b"/ns/default/sa/support-agent", 0x8cd7_88ac_a6c8_ca65),
        (7, b"\xff\xff/ns/default/sa/support-agent", 0x79f0_fc07_8310_c46b),
    ] {
        assert_eq!(hash(seed, bytes), expected, "{seed} {bytes:?}");
    }
}

/// What lies where for a hash is as pinned as the hash.
#[test]
fn candidates_are_pinned() {
    let hash = 0x8000_0005_0000_0007;
    assert_eq!(
        (displacement_of(hash, 4), displacement_of(hash, 1), displacement_of(hash, 0)),
        (Some(3), Some(0), None)
    );
    assert_eq!(slot_of(hash, 0, 10), Some(0x8000_0005 % 10));
    assert_eq!(slot_of(hash, 3, 10), Some((0x8000_0005 + 3 * 7) % 10));
    // The low half counts as odd, so that a displacement always moves the candidate.
    assert_eq!(slot_of(hash - 1, 3, 10), Some((0x8000_0005 + 3 * 7) % 10));
    assert_eq!(slot_of(u64::MAX, 2, 1_000), Some((u32::MAX - 2) % 1_000), "arithmetic is modulo 2^32");
    assert_eq!(slot_of(hash, 3, 0), None);
}

#[test]
fn seeds_and_padding_matter() {
    assert_ne!(hash(0, b"a"), hash(1, b"a"));
    assert_ne!(hash(0, b""), hash(0, b"\0"));
    assert_ne!(hash(0, b"a"), hash(0, b"a\0"));
}

proptest! {
    #[test]
    fn hash_is_the_documents(seed: u32, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(hash(seed, &bytes), by_the_document(seed, &bytes));
    }

    #[test]
    fn prefix_is_as_if_written_before(seed: u32, prefix: [u8; 2], bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let whole = [&prefix[..], &bytes].concat();
        prop_assert_eq!(hash_prefixed(seed, prefix, &bytes), hash(seed, &whole));
    }

    #[test]
    fn candidates_are_within(hash: u64, displacement: u16, count in 1..=u32::MAX) {
        prop_assert!(displacement_of(hash, count).is_some_and(|place| place < count));
        prop_assert!(slot_of(hash, displacement, count).is_some_and(|place| place < count));
    }
}
