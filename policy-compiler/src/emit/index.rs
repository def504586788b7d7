//! Perfect hash tables: one probe for any key. `FORMAT.md`, section identities.

use ambit_bytecode::hash::{displacement_of, hash, slot_of};

use crate::compile::CompileError;

use super::write;

/// Keys that share a displacement, on average.
const KEYS_A_DISPLACEMENT: usize = 3;

/// How many seeds are tried before the table is given a few more slots.
const SEEDS_A_SIZE: u32 = 4;

/// Where each key went.
struct Placed {
    seed: u32,
    displacements: Vec<u16>,
    /// For each slot, the place of a key.
    slots: Vec<usize>,
}

/// Writes an index over distinct `keys`; `record` is what the slot of the key at a place holds.
pub(super) fn write(
    out: &mut Vec<u8>,
    keys: &[Vec<u8>],
    record: impl Fn(usize) -> Vec<u8>,
) -> Result<(), CompileError> {
    let Placed { seed, displacements, slots } = place(keys);
    write::u32(out, seed);
    write::count32(out, displacements.len(), "displacements")?;
    write::count32(out, slots.len(), "slots")?;
    for displacement in displacements {
        write::u16(out, displacement);
    }
    for key in slots {
        out.extend(record(key));
    }
    Ok(())
}

/// Tries seeds, and larger tables, until every key has a slot of its own. Few tries are ever needed.
fn place(keys: &[Vec<u8>]) -> Placed {
    if keys.is_empty() {
        return Placed { seed: 0, displacements: Vec::new(), slots: Vec::new() };
    }
    let mut seed = 0_u32;
    let mut slots = keys.len();
    loop {
        if let Some(placed) = try_seed(keys, seed, slots) {
            return placed;
        }
        seed = seed.wrapping_add(1);
        if seed.checked_rem(SEEDS_A_SIZE) == Some(0) {
            slots = slots.saturating_add(slots.checked_div(32).unwrap_or(0)).saturating_add(1);
        }
    }
}

fn try_seed(keys: &[Vec<u8>], seed: u32, slot_count: usize) -> Option<Placed> {
    let hashes: Vec<u64> = keys.iter().map(|key| hash(seed, key)).collect();
    let slot_total = u32::try_from(slot_count).ok()?;
    let bucket_total = u32::try_from(keys.len().div_ceil(KEYS_A_DISPLACEMENT)).ok()?;
    let mut buckets: Vec<Vec<usize>> = vec![Vec::new(); usize::try_from(bucket_total).ok()?];
    for (key, hash) in hashes.iter().enumerate() {
        let bucket = usize::try_from(displacement_of(*hash, bucket_total)?).ok()?;
        buckets.get_mut(bucket)?.push(key);
    }
    // The fullest first, while there is room.
    let mut order: Vec<usize> = (0..buckets.len()).collect();
    order.sort_by_key(|bucket| core::cmp::Reverse(buckets.get(*bucket).map_or(0, Vec::len)));
    let mut slots: Vec<Option<usize>> = vec![None; slot_count];
    let mut displacements = vec![0_u16; buckets.len()];
    for bucket in order {
        let members = buckets.get(bucket)?;
        let (displacement, taken) = (0..=u16::MAX).find_map(|displacement| {
            let places = free(members, &hashes, displacement, slot_total, &slots)?;
            Some((displacement, places))
        })?;
        *displacements.get_mut(bucket)? = displacement;
        for (slot, key) in taken.into_iter().zip(members) {
            *slots.get_mut(slot)? = Some(*key);
        }
    }
    // A slot that no key leads to holds some key's record: it is compared, and never matches.
    Some(Placed { seed, displacements, slots: slots.into_iter().map(Option::unwrap_or_default).collect() })
}

/// The slots of a bucket's keys under a displacement, if they are free and distinct.
fn free(
    members: &[usize],
    hashes: &[u64],
    displacement: u16,
    slot_total: u32,
    slots: &[Option<usize>],
) -> Option<Vec<usize>> {
    let mut taken = Vec::with_capacity(members.len());
    for key in members {
        let slot = usize::try_from(slot_of(*hashes.get(*key)?, displacement, slot_total)?).ok()?;
        if slots.get(slot)?.is_some() || taken.contains(&slot) {
            return None;
        }
        taken.push(slot);
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_slot_of_its_own() {
        for count in [1, 2, 3, 10, 100, 1_000, 20_000] {
            let keys: Vec<Vec<u8>> =
                (0..count).map(|key: u32| format!("/ns/a/sa/{key}").into_bytes()).collect();
            let Placed { seed, displacements, slots } = place(&keys);
            for (place, key) in keys.iter().enumerate() {
                let hash = hash(seed, key);
                let bucket = displacement_of(hash, u32::try_from(displacements.len()).unwrap()).unwrap();
                let displacement = displacements[usize::try_from(bucket).unwrap()];
                let slot = slot_of(hash, displacement, u32::try_from(slots.len()).unwrap()).unwrap();
                assert_eq!(slots[usize::try_from(slot).unwrap()], place);
            }
            assert!(slots.len() <= keys.len() + keys.len() / 8 + 4, "{count} keys, {} slots", slots.len());
        }
    }
}
