//! Where a generator's decisions come from.

/// A tape of decisions. Zero is always the simplest.
#[derive(Clone, Debug)]
pub struct Choices {
    tape: Vec<u32>,
    at: usize,
    /// The state of the random numbers that go on where the tape ends; without one, zeros do.
    random: Option<u64>,
}

impl Choices {
    /// An empty tape, continued by random numbers from a seed.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self { tape: Vec::new(), at: 0, random: Some(seed) }
    }

    /// A tape to be read again.
    #[must_use]
    pub const fn from_tape(tape: Vec<u32>) -> Self {
        Self { tape, at: 0, random: None }
    }

    /// What has been decided so far.
    #[must_use]
    pub fn tape(&self) -> &[u32] {
        self.tape.get(..self.at).unwrap_or(&self.tape)
    }

    /// A number below `bound`, which is taken as at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).unwrap_or(u32::MAX).max(1);
        if self.at == self.tape.len() {
            let drawn = self.random.as_mut().map_or(0, draw);
            self.tape.push(u32::try_from(drawn.checked_rem(u64::from(bound)).unwrap_or(0)).unwrap_or(0));
        }
        let chosen = self.tape.get(self.at).copied().unwrap_or(0).min(bound.saturating_sub(1));
        if let Some(slot) = self.tape.get_mut(self.at) {
            *slot = chosen;
        }
        self.at = self.at.saturating_add(1);
        usize::try_from(chosen).unwrap_or(0)
    }

    /// Yes, once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        let last = times.max(2).saturating_sub(1);
        self.below(times.max(2)) == last
    }

    /// One of `items`, of which there must be one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let place = self.below(items.len());
        items.get(place)
    }

    /// As many things as `make` makes, from `least` to `most`.
    pub fn some<T>(&mut self, least: usize, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)));
        (0..count).map(|_| make(self)).collect()
    }

    /// Each of `items` with an even chance.
    pub fn subset<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        items.iter().filter(|_| self.below(2) == 1).cloned().collect()
    }
}

/// SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The simplest tape found that still `fails`, starting from one that does.
pub fn shrink(mut tape: Vec<u32>, mut fails: impl FnMut(&[u32]) -> bool) -> Vec<u32> {
    loop {
        let before = tape.clone();
        let mut width = tape.len().max(1);
        while width > 0 {
            let mut start = 0_usize;
            while start < tape.len() {
                let end = start.saturating_add(width).min(tape.len());
                let mut shorter = tape.clone();
                shorter.drain(start..end);
                let mut simpler = tape.clone();
                simpler.iter_mut().skip(start).take(width).for_each(|choice| *choice = 0);
                if fails(&shorter) {
                    tape = shorter;
                } else {
                    if simpler != tape && fails(&simpler) {
                        tape = simpler;
                    }
                    start = start.saturating_add(width);
                }
            }
            width = width.checked_div(2).unwrap_or(0);
        }
        for place in 0..tape.len() {
            let Some(choice) = tape.get(place).copied() else { continue };
            for smaller in [choice.checked_div(2).unwrap_or(0), choice.saturating_sub(1)] {
                let mut simpler = tape.clone();
                if let Some(slot) = simpler.get_mut(place) {
                    *slot = smaller;
                }
                if simpler != tape && fails(&simpler) {
                    tape = simpler;
                }
            }
        }
        // Where a tape ends, zeros follow.
        while tape.last() == Some(&0) {
            tape.pop();
        }
        if tape == before {
            return tape;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_repeats_what_a_seed_made() {
        let draw = |choices: &mut Choices| choices.some(0, 20, |choices| choices.below(1_000));
        let mut first = Choices::from_seed(7);
        let made = draw(&mut first);
        assert_eq!(draw(&mut Choices::from_tape(first.tape().to_vec())), made);
        assert_eq!(draw(&mut Choices::from_tape(Vec::new())), Vec::<usize>::new());
    }

    #[test]
    fn shrinking_finds_the_simplest() {
        let fails = |tape: &[u32]| tape.iter().any(|choice| *choice >= 5);
        assert_eq!(shrink(vec![3, 9, 0, 8, 7], fails), vec![5]);
    }
}
