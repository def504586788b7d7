//! Magic, version, length, checksum, directory.

use ambit_bytecode::blob::BlobErrorKind::{
    self, Checksum, Directory, Length, Magic, Reserved, Truncated, Version,
};
use ambit_bytecode::blob::{ENTRY_BYTES, HEADER_BYTES, SIGNATURE, SIGNATURE_BYTES};

use super::{Case, Change, VerifyErrorKind, check};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub const FIRST: BlobErrorKind = Truncated;

pub fn next(kind: BlobErrorKind) -> Option<BlobErrorKind> {
    match kind {
        Truncated => Some(Magic),
        Magic => Some(Version),
        Version => Some(Length),
        Length => Some(Checksum),
        Checksum => Some(Reserved),
        Reserved => Some(Directory),
        Directory => None,
    }
}

const fn case(change: Change, kind: BlobErrorKind, at: usize) -> Case {
    Case { change, kind: VerifyErrorKind::Framing(kind), section: None, at }
}

const SECOND: usize = HEADER_BYTES + ENTRY_BYTES;
const LAST: usize = HEADER_BYTES + 17 * ENTRY_BYTES;

/// Moves all that follows the directory to make room for one more entry, with this kind and length, at the end.
fn extra_entry(blob: &mut Vec<u8>, kind: u16, length: u32, count: usize) {
    let start = u32::try_from(blob.len() + count * ENTRY_BYTES).unwrap();
    for entry in 0..18 {
        let at = HEADER_BYTES + entry * ENTRY_BYTES + 4;
        let moved = word(blob, at) + u32::try_from(count * ENTRY_BYTES).unwrap();
        put(blob, at, &moved.to_le_bytes());
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.extend(kind.to_le_bytes());
        entries.extend([0; 2]);
        entries.extend(start.to_le_bytes());
        entries.extend(length.to_le_bytes());
    }
    blob.splice(LAST + ENTRY_BYTES..LAST + ENTRY_BYTES, entries);
    blob.extend(vec![0; length as usize]);
    let total = u32::try_from(blob.len()).unwrap();
    put(blob, 8, &total.to_le_bytes());
    put(blob, 6, &u16::try_from(18 + count).unwrap().to_le_bytes());
}

fn word(blob: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(blob[at..at + 4].try_into().unwrap())
}

fn put(blob: &mut [u8], at: usize, bytes: &[u8]) {
    blob[at..at + bytes.len()].copy_from_slice(bytes);
}

fn add(blob: &mut [u8], at: usize, difference: i32) {
    let sum = word(blob, at).wrapping_add_signed(difference);
    put(blob, at, &sum.to_le_bytes());
}

fn shortened(blob: &mut Vec<u8>) {
    blob.truncate(79);
    put(blob, 8, &79_u32.to_le_bytes());
}

const SIGNED: u32 = SIGNATURE_BYTES as u32;

pub const CASES: &[Case] = &[
    case(Change::Raw(|blob| blob.clear()), Truncated, 0),
    case(Change::Raw(|blob| blob.truncate(3)), Truncated, 0),
    case(Change::Raw(|blob| blob.truncate(5)), Truncated, 4),
    case(Change::Raw(|blob| blob.truncate(79)), Truncated, 79),
    // A header that says of itself that it is all there is.
    case(Change::Bytes(shortened), Truncated, 48),
    case(Change::Raw(|blob| put(blob, 3, b"t")), Magic, 0),
    case(Change::Raw(|blob| put(blob, 4, &[0, 0])), Version, 4),
    case(Change::Raw(|blob| put(blob, 4, &[3, 0])), Version, 4),
    case(Change::Raw(|blob| put(blob, 4, &[1, 1])), Version, 4),
    case(Change::Raw(|blob| blob.push(0)), Length, 8),
    case(Change::Raw(|blob| put(blob, 8, &((1_u32 << 20) + 1).to_le_bytes())), Length, 8),
    case(Change::Raw(|blob| blob[16] ^= 1), Checksum, 16),
    case(Change::Raw(|blob| blob[24] ^= 1), Checksum, 16),
    case(Change::Raw(|blob| blob[50] ^= 1), Checksum, 16),
    case(Change::Bytes(|blob| put(blob, HEADER_BYTES + 2, &[1])), Reserved, HEADER_BYTES),
    case(Change::Bytes(|blob| put(blob, SECOND + 3, &[1])), Reserved, SECOND),
    case(Change::Bytes(|blob| put(blob, 6, &[17, 0])), Directory, 6),
    case(Change::Bytes(|blob| put(blob, 6, &[20, 0])), Directory, 6),
    case(Change::Bytes(|blob| put(blob, 6, &[255, 255])), Directory, 6),
    // Not the first kind, the second kind twice, a gap, an overlap, one that ends beyond the blob, or before its end.
    case(Change::Bytes(|blob| put(blob, HEADER_BYTES, &[2])), Directory, HEADER_BYTES),
    case(Change::Bytes(|blob| put(blob, SECOND, &[1])), Directory, SECOND),
    case(Change::Bytes(|blob| add(blob, SECOND + 4, 1)), Directory, SECOND),
    case(Change::Bytes(|blob| add(blob, SECOND + 4, -1)), Directory, SECOND),
    case(Change::Bytes(|blob| put(blob, LAST + 8, &[255; 4])), Directory, HEADER_BYTES),
    case(Change::Bytes(|blob| add(blob, LAST + 8, -1)), Directory, HEADER_BYTES),
    // A section more that is no signature, one too short for it, and two.
    case(Change::Bytes(|blob| extra_entry(blob, 19, SIGNED, 1)), Directory, LAST + ENTRY_BYTES),
    case(Change::Bytes(|blob| extra_entry(blob, SIGNATURE, SIGNED - 1, 1)), Directory, LAST + ENTRY_BYTES),
    case(Change::Bytes(|blob| extra_entry(blob, SIGNATURE, SIGNED, 2)), Directory, 6),
];

#[test]
fn framing_is_checked() {
    check(CASES);
}

#[test]
fn a_signature_is_carried() {
    let (sections, header) = super::world(super::CONDITION).sections();
    let mut covered = Vec::new();
    let blob = sections.frame_signed(&header, [3; 8], |bytes| {
        covered = bytes.to_vec();
        [9; 64]
    });
    let blob = blob.unwrap();
    let found = ambit_bytecode::Blob::parse(&blob).unwrap().signature();
    assert_eq!(found.map(|found| (found.key_id, found.bytes)), Some(([3; 8], [9; 64])));
    // What was signed is what lies before the signature, with the checksum taken as 0.
    let mut expected = blob[..blob.len() - SIGNATURE_BYTES].to_vec();
    expected[16..24].fill(0);
    assert_eq!(covered, expected);
    assert!(super::Program::verify(&blob).is_ok());
    let unsigned = sections.frame(&header).unwrap();
    assert!(ambit_bytecode::Blob::parse(&unsigned).unwrap().signature().is_none());
}
