//! Checked little-endian reads. Nothing else in the sidecar turns bytes of a blob into numbers.

/// The `u8` at an offset, if it is there.
#[inline]
#[must_use]
pub fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The `u16` at an offset, if it is all there.
#[inline]
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// The `u32` at an offset, if it is all there.
#[inline]
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// The `u64` at an offset, if it is all there.
#[inline]
#[must_use]
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

/// `N` bytes at an offset, if they are all there.
#[inline]
#[must_use]
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// `length` bytes at an offset, if they are all there.
#[inline]
#[must_use]
pub fn slice_at(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// A `u32` as a length or offset. The format has no 16-bit targets, so nothing is lost.
#[inline]
#[must_use]
pub fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Reads in sequence, and knows where it is.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The bytes ran out: so many were wanted at this offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Where, from the start of the cursor's bytes.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where it is.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left; nothing is consumed then.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Truncated> {
        let taken = slice_at(self.bytes, self.at, length).ok_or(Truncated { at: self.at })?;
        self.at = self.at.saturating_add(length);
        Ok(taken)
    }

    /// The next `count` records of `size` bytes each.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left.
    pub fn records(&mut self, count: usize, size: usize) -> Result<&'a [u8], Truncated> {
        let length = count.checked_mul(size).ok_or(Truncated { at: self.at })?;
        self.take(length)
    }

    /// The next `u8`.
    ///
    /// # Errors
    /// [`Truncated`] if nothing is left.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.number().map(u8::from_le_bytes)
    }

    /// The next `u16`.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than two bytes are left.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.number().map(u16::from_le_bytes)
    }

    /// The next `u32`.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than four bytes are left.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.number().map(u32::from_le_bytes)
    }

    /// The next `u64`.
    ///
    /// # Errors
    /// [`Truncated`] if fewer than eight bytes are left.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.number().map(u64::from_le_bytes)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Truncated`] if fewer are left.
    pub fn number<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let taken = array_at(self.bytes, self.at).ok_or(Truncated { at: self.at })?;
        self.at = self.at.saturating_add(N);
        Ok(taken)
    }
}
