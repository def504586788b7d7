//! The ABI's encoding of a list of pairs: count, then the lengths of each name and value, then each name and value
//! with a NUL behind it. All numbers are 32 bits, little-endian.

use super::limits::{MAX_PAIRS, MAX_PAIRS_BYTES};

pub(super) type Pair = (Vec<u8>, Vec<u8>);

pub(super) fn encode(pairs: &[Pair]) -> Vec<u8> {
    let mut out = length(pairs.len());
    for (name, value) in pairs {
        out.extend(length(name.len()));
        out.extend(length(value.len()));
    }
    for (name, value) in pairs {
        for part in [name, value] {
            out.extend_from_slice(part);
            out.push(0);
        }
    }
    out
}

fn length(length: usize) -> Vec<u8> {
    u32::try_from(length).expect("a list of pairs that fits a guest").to_le_bytes().to_vec()
}

/// Like Envoy, takes whatever is not exactly one list of pairs for an empty one, without a word.
pub(super) fn decode(bytes: &[u8]) -> Vec<Pair> {
    if bytes.len() > MAX_PAIRS_BYTES { Vec::new() } else { parse(bytes).unwrap_or_default() }
}

fn parse(mut rest: &[u8]) -> Option<Vec<Pair>> {
    let count = take_u32(&mut rest)?;
    if count > MAX_PAIRS {
        return None;
    }
    let mut sizes = Vec::with_capacity(count);
    for _ in 0..count {
        sizes.push((take_u32(&mut rest)?, take_u32(&mut rest)?));
    }
    let mut pairs = Vec::with_capacity(count);
    for (name, value) in sizes {
        pairs.push((take_text(&mut rest, name)?, take_text(&mut rest, value)?));
    }
    rest.is_empty().then_some(pairs)
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    let (number, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*number) as usize)
}

fn take_text(rest: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let (text, tail) = rest.split_at_checked(length)?;
    let (0, tail) = tail.split_first()? else { return None };
    *rest = tail;
    Some(text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_nothing_but() {
        let pairs = vec![(b"a".to_vec(), b"".to_vec()), (b"a".to_vec(), b"\xff\0x".to_vec())];
        let bytes = encode(&pairs);
        assert_eq!(decode(&bytes), pairs);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), [], "cut at {end}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode(&longer), [], "trailing byte");
        assert_eq!(decode(&encode(&vec![pairs[0].clone(); MAX_PAIRS])).len(), MAX_PAIRS);
        assert_eq!(decode(&encode(&vec![pairs[0].clone(); MAX_PAIRS + 1])), [], "one pair too many");
    }
}
