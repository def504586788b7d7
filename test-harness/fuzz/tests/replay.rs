//! The corpora, whole, cut everywhere and damaged from a fixed seed.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use std::collections::BTreeSet;

use ambit_fuzz::damage::Random;
use ambit_fuzz::{TARGETS, Target, corpus};

/// Damaged inputs of each target.
const DAMAGED: usize = 1_500;
/// Of a longer input only so many beginnings are tried.
const CUTS: usize = 200;

fn replay(name: &str) {
    let target: &Target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(name).unwrap();
    assert!(!corpus.is_empty());
    for (_, input) in &corpus {
        (target.run)(input);
        for cut in (0..input.len()).step_by(input.len() / CUTS + 1) {
            (target.run)(&input[..cut]);
        }
    }
    let mut random = Random::new(1);
    for _ in 0..DAMAGED {
        (target.run)(&random.damaged(&corpus));
    }
}

macro_rules! replayed {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        #[test]
        fn every_target_is_replayed() {
            let replayed = BTreeSet::from([$(stringify!($name)),+]);
            assert_eq!(replayed, TARGETS.iter().map(|target| target.name).collect());
        }
    };
}

replayed! { blob repaired_blob request reply lineage names settings policy format callbacks }
