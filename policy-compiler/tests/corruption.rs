//! Blobs that were cut or changed are refused, or harmless: whatever verifies judges within its step bound, and a
//! judgement never meets what verification rules out.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

#[path = "differential/facts.rs"]
mod facts;

use ambit_bytecode::blob::{CHECKED_FROM, CHECKSUM_AT};
use ambit_bytecode::hash::hash;
use ambit_compiler::compile::{Options, SigningKey, compile};
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::reference::{Case, Code};
use ambit_eval::Program;

const POLICIES: u64 = 10;
const CASES: usize = 4;

/// Blobs of generated policies, each with requests to its workload. Every second one is signed.
fn blobs() -> impl Iterator<Item = (Vec<u8>, Vec<Case>)> {
    (0..POLICIES).filter_map(|seed| {
        let mut choices = Choices::from_seed(seed);
        let policy = generate::policy(&mut choices);
        let workload = policy.services[0].workload.clone();
        let cases = std::iter::repeat_with(|| generate::case(&mut choices, &policy));
        let cases = cases.filter(|(to, _)| *to == workload).map(|(_, case)| case).take(CASES).collect();
        let signing_key = (seed % 2 == 0).then(|| SigningKey::from_seed([7; 32]).unwrap());
        let compiled = compile(&policy, &workload, &Options { signing_key, ..Options::default() }).ok()?;
        Some((compiled.blob, cases))
    })
}

fn with_checksum(mut blob: Vec<u8>) -> Vec<u8> {
    let checksum = hash(0, &blob[CHECKED_FROM..]);
    blob[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
    blob
}

#[test]
fn every_truncation_is_refused() {
    for (blob, _) in blobs() {
        for length in 0..blob.len() {
            assert!(Program::verify(&blob[..length]).is_err(), "{length} of {}", blob.len());
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for (blob, _) in blobs() {
        for place in 0..blob.len() {
            let mut changed = blob.clone();
            changed[place] ^= 1 << (place % 8);
            // The checksum covers all but what stands before it, and of that no bit is free.
            assert!(Program::verify(changed).is_err(), "byte {place} of {}", blob.len());
        }
    }
}

#[test]
fn a_changed_byte_under_a_right_checksum_is_refused_or_harmless() {
    let (mut refused, mut harmless) = (0_u32, 0_u32);
    for (blob, cases) in blobs() {
        for place in CHECKED_FROM..blob.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = blob.clone();
                changed[place] ^= change;
                let Ok(program) = Program::verify(with_checksum(changed)) else {
                    refused += 1;
                    continue;
                };
                harmless += 1;
                for case in &cases {
                    let verdict = facts::decide(&program, case);
                    assert!(verdict.steps <= program.step_bound(), "byte {place}: {verdict:?}");
                    assert_ne!(verdict.code, Code::InternalFault, "byte {place}");
                }
            }
        }
    }
    assert!(refused > 1_000 && harmless > 1_000, "{refused} refused, {harmless} harmless");
}
