//! Changes of inputs, drawn from a seed.

/// Numbers that are the same for the same seed (`splitmix64`).
#[derive(Clone, Debug)]
pub struct Random(u64);

/// What often means something.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"/",
    b"..",
    b"%2f",
    b"%00",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"1e999",
    b"-0",
    b"null",
    b"*",
    b"spiffe://",
    b"\xff\xff\xff\xff",
];

impl Random {
    /// Numbers from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, which may be 0: then 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// An input of the corpus with one to four changes.
    pub fn damaged(&mut self, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
        let Some((_, input)) = corpus.get(self.below(corpus.len())) else { return Vec::new() };
        let mut bytes = input.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, corpus);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[(String, Vec<u8>)]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + self.below(8)).min(bytes.len());
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, PIECES[self.below(PIECES.len())].iter().copied())),
            3 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
            4 => {
                // Small numbers are often ids that exist.
                let value = if self.below(2) == 0 { self.below(16) } else { self.below(256) };
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(value).unwrap_or(0);
                }
            }
            5 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            _ => {
                let Some((_, other)) = corpus.get(self.below(corpus.len())) else { return };
                let start = self.below(other.len() + 1);
                let stop = (start + self.below(64)).min(other.len());
                bytes.splice(at..end, other[start..stop].iter().copied());
            }
        }
    }
}
