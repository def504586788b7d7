//! Perfect hash tables for few keys: seeds are tried until no two meet.

use ambit_bytecode::hash::{displacement_of, hash, slot_of};

pub struct Placed {
    pub seed: u32,
    pub displacements: Vec<u16>,
    /// The key of each slot; one that none leads to holds the first.
    pub slots: Vec<usize>,
}

impl Placed {
    pub fn of<K: AsRef<[u8]>>(keys: &[K]) -> Self {
        if keys.is_empty() {
            return Self { seed: 0, displacements: Vec::new(), slots: Vec::new() };
        }
        // Displacements that differ, so that a reader that takes the wrong one fails.
        let displacements: Vec<u16> =
            (0..keys.len()).map(|place| u16::try_from(place * 3).unwrap()).collect();
        let count = u32::try_from(keys.len()).unwrap();
        (0..u32::MAX)
            .find_map(|seed| {
                let mut slots = vec![None; keys.len() + keys.len() / 2 + 1];
                for (place, key) in keys.iter().enumerate() {
                    let hash = hash(seed, key.as_ref());
                    let displacement = displacements[displacement_of(hash, count).unwrap() as usize];
                    let slot = slot_of(hash, displacement, u32::try_from(slots.len()).unwrap()).unwrap();
                    if slots[slot as usize].replace(place).is_some() {
                        return None;
                    }
                }
                let slots = slots.into_iter().map(Option::unwrap_or_default).collect();
                Some(Self { seed, displacements: displacements.clone(), slots })
            })
            .unwrap()
    }
}
