//! Counts the steps of one judgement, as `ambit_bytecode::steps` prices them.

use core::cell::Cell;

/// Steps taken so far.
#[derive(Debug, Default)]
pub(crate) struct Meter(Cell<u32>);

impl Meter {
    #[inline]
    pub(crate) fn charge(&self, steps: u32) {
        self.0.set(self.0.get().saturating_add(steps));
    }

    /// Charges for something that there may be more of than any bound counts with, were it not verified.
    #[inline]
    pub(crate) fn charge_each(&self, steps: u32, times: usize) {
        self.charge(u32::try_from(times).unwrap_or(u32::MAX).saturating_mul(steps));
    }

    pub(crate) const fn total(&self) -> u32 {
        self.0.get()
    }
}
