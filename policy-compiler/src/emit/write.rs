//! Little-endian writes, and counts that fit.

use crate::compile::{CompileError, CompileErrorKind};

pub(super) fn u16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
}

pub(super) fn u32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

/// A length as two bytes.
pub(super) fn count16(out: &mut Vec<u8>, length: usize, what: &'static str) -> Result<(), CompileError> {
    u16(out, narrow(length, what)?);
    Ok(())
}

/// A length as four bytes.
pub(super) fn count32(out: &mut Vec<u8>, length: usize, what: &'static str) -> Result<(), CompileError> {
    u32(out, wide(length, what)?);
    Ok(())
}

/// A number that is not *none*, in two bytes.
pub(super) fn narrow(number: usize, what: &'static str) -> Result<u16, CompileError> {
    u16::try_from(number)
        .ok()
        .filter(|number| *number < u16::MAX)
        .ok_or_else(|| too_many(what, usize::from(u16::MAX)))
}

/// A number that is not *none*, in four bytes.
pub(super) fn wide(number: usize, what: &'static str) -> Result<u32, CompileError> {
    u32::try_from(number).ok().filter(|number| *number < u32::MAX).ok_or_else(|| too_many(what, usize::MAX))
}

/// Groups: `count + 1` firsts of four bytes. The items follow.
pub(super) fn firsts(out: &mut Vec<u8>, lengths: impl Iterator<Item = usize>) -> Result<(), CompileError> {
    let mut first = 0_usize;
    u32(out, 0);
    for length in lengths {
        first = first.saturating_add(length);
        count32(out, first, "items of a table")?;
    }
    Ok(())
}

fn too_many(what: &'static str, most: usize) -> CompileError {
    CompileError::new(CompileErrorKind::TooMany { what, most }, None)
}
