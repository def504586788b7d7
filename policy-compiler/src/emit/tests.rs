use ambit_bytecode::Blob;
use ed25519_compact::{PublicKey, Signature};

use super::*;
use crate::compile::compile;
use crate::generate::large::{Size, large, workload};

const SIZE: Size = Size { agents: 8, grants: 2, services: 1, actions: 4, conditions: 0 };

fn compiled(options: &Options) -> Compiled {
    compile(&large(SIZE), &workload(0), options).unwrap()
}

#[test]
fn the_header_says_what_was_asked() {
    let options =
        Options { generation: 7, not_before: 8, not_after: 9, source_digest: [3; 32], ..Options::default() };
    let compiled = compiled(&options);
    let header = *Blob::parse(&compiled.blob).unwrap().header();
    assert_eq!((header.generation, header.not_before, header.not_after), (7, 8, 9));
    assert_eq!(header.source_digest, [3; 32]);
    assert_eq!(header.step_bound, compiled.stats.step_bound);
}

#[test]
fn a_signature_covers_all_before_it() {
    let key = SigningKey::from_seed([9; 32]).unwrap();
    let signed = compiled(&Options { signing_key: Some(key.clone()), ..Options::default() }).blob;
    let found = Blob::parse(&signed).unwrap().signature().unwrap();
    assert_eq!((found.key_id, found.offset), (key.id(), signed.len() - 72));
    let mut covered = signed[..signed.len() - 72].to_vec();
    covered[16..24].fill(0);
    assert_eq!(found.covered.concat(), covered);
    let (public, signature) = (PublicKey::new(key.public()), Signature::new(found.bytes));
    assert!(public.verify(&covered, &signature).is_ok());
    covered[30] ^= 1;
    assert!(public.verify(&covered, &signature).is_err());
    assert!(Blob::parse(&compiled(&Options::default()).blob).unwrap().signature().is_none());
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn keys_are_those_of_the_standard() {
    let seed: Vec<u8> = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public: Vec<u8> = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let key = SigningKey::from_seed(seed.try_into().unwrap()).unwrap();
    assert_eq!(key.public().to_vec(), public);
    assert!(!format!("{key:?}").contains("157, 97"));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_same_policy_makes_the_same_blob() {
    assert_eq!(compiled(&Options::default()), compiled(&Options::default()));
}

#[test]
fn rules_are_numbered_by_owner() {
    let compiled = compiled(&Options::default());
    let of_first: Vec<u32> = compiled.rules.iter().take(2).map(|origin| origin.rule.0).collect();
    assert_eq!(of_first, [0, 1]);
    assert_eq!(compiled.rules.len(), 16);
    let actions: usize = compiled.columns.iter().map(Vec::len).sum();
    assert_eq!(actions, 4);
}

#[test]
fn a_workload_that_serves_nothing_has_no_blob() {
    let error = compile(&large(SIZE), &workload(99), &Options::default()).unwrap_err();
    assert_eq!(error.kind, CompileErrorKind::NoService);
}

#[test]
fn a_blob_beyond_the_limit_is_refused() {
    let mut policy = large(SIZE);
    policy.agents[0].name = "x".repeat(1 << 20);
    let error = compile(&policy, &workload(0), &Options::default()).unwrap_err();
    assert!(matches!(error.kind, CompileErrorKind::BlobTooLarge { bytes, .. } if bytes > 1 << 20), "{error}");
}
