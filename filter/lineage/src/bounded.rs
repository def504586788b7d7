//! A short list that lives on the stack.

use core::fmt;
use core::ops::Deref;

/// A value that fills the unused places of a [`Bounded`]; it is never seen.
pub trait Filler: Copy {
    /// The value.
    const FILLER: Self;
}

/// At most `N` values, in order, without a heap.
#[derive(Clone, Copy)]
pub struct Bounded<T, const N: usize> {
    places: [T; N],
    len: usize,
}

/// The list is at its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T: Filler, const N: usize> Bounded<T, N> {
    /// No values.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: [T::FILLER; N], len: 0 }
    }

    /// The values, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        self.places.get(..self.len).unwrap_or(&[])
    }

    /// Puts `value` at the end.
    ///
    /// # Errors
    /// [`Full`], and the list stays as it was.
    pub fn push(&mut self, value: T) -> Result<(), Full> {
        let place = self.places.get_mut(self.len).ok_or(Full)?;
        *place = value;
        self.len = self.len.saturating_add(1);
        Ok(())
    }
}

impl<T: Filler + Ord, const N: usize> Bounded<T, N> {
    /// Puts `value` into a list that is sorted, once.
    ///
    /// # Errors
    /// [`Full`], and the list stays as it was.
    pub fn insert_sorted(&mut self, value: T) -> Result<(), Full> {
        let Err(at) = self.as_slice().binary_search(&value) else { return Ok(()) };
        self.push(value)?;
        if let Some(tail) = self.places.get_mut(at..self.len) {
            tail.rotate_right(1);
        }
        Ok(())
    }
}

impl<T: Filler, const N: usize> Default for Bounded<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Filler, const N: usize> Deref for Bounded<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Filler + PartialEq, const N: usize> PartialEq for Bounded<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Filler + Eq, const N: usize> Eq for Bounded<T, N> {}

impl<T: Filler + fmt::Debug, const N: usize> fmt::Debug for Bounded<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}
