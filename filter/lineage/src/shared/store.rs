//! The host's map, as this crate needs it.

use alloc::vec::Vec;
use core::num::NonZeroU32;

/// The map that the VMs of a proxy share, as the host offers it.
pub trait Store {
    /// The value under `key` and its number; `None` if nothing was ever written under it. An empty value is
    /// a value.
    ///
    /// # Errors
    /// [`StoreFault`].
    fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, Cas)>, StoreFault>;

    /// Writes `value` under `key`: with `cas` only if the value there still has that number, without in
    /// any case.
    ///
    /// # Errors
    /// [`SetError`]; then nothing was written.
    fn set(&mut self, key: &str, value: &[u8], cas: Option<Cas>) -> Result<(), SetError>;
}

/// The number that the host gives to a written value. No two writes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cas(pub NonZeroU32);

/// The host did not do what it was asked, or offers no such map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFault;

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The value has another number by now.
    Mismatch,
    /// Anything else.
    Fault,
}
