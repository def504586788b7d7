//! Tests of one text by another.

use ambit_bytecode::opcode::Opcode;

use crate::value::Truth;

/// Applies a text test. An empty needle is everywhere.
///
/// `contains` is linear in both texts, which the standard library promises for UTF-8 only: of other bytes, which only
/// a header can hold, it is unknown.
pub(crate) fn test(opcode: Opcode, text: &[u8], needle: &[u8]) -> Truth {
    match opcode {
        Opcode::StartsWith => text.starts_with(needle).into(),
        Opcode::EndsWith => text.ends_with(needle).into(),
        _ => match (core::str::from_utf8(text), core::str::from_utf8(needle)) {
            (Ok(text), Ok(needle)) => text.contains(needle).into(),
            _ => Truth::Unknown,
        },
    }
}
