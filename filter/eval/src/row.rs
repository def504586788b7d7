//! Rows: what one agent or mission holds. `FORMAT.md`, section rows.

use ambit_bytecode::cursor::{index, u16_at};

use crate::table::Table;

/// The bit of a count that says that arms follow.
const ARMS: u16 = 1 << 15;

/// What one agent or mission holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) grants: Side,
    pub(crate) denies: Side,
}

/// The grants, or the denies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Side {
    pub(crate) columns: Table<2>,
    /// As many as columns, if there are any.
    pub(crate) arms: Option<Table<2>>,
}

impl Row {
    /// The row at an offset of the rows section. `None` if it does not fit there.
    #[inline]
    pub(crate) fn at(bytes: &[u8], rows: Table<1>, offset: u32) -> Option<Self> {
        let end = rows.start.checked_add(index(rows.count))?;
        let start = rows.start.checked_add(index(offset))?;
        let grants = u16_at(bytes, start)?;
        let denies = u16_at(bytes, start.checked_add(2)?)?;
        let mut next = start.checked_add(4)?;
        let mut side = |count: u16| {
            let places = u32::from(count & !ARMS);
            let columns = table(&mut next, places)?;
            let arms = if count & ARMS == 0 { None } else { Some(table(&mut next, places)?) };
            Some(Side { columns, arms })
        };
        let row = Self { grants: side(grants)?, denies: side(denies)? };
        (next <= end).then_some(row)
    }
}

fn table(next: &mut usize, count: u32) -> Option<Table<2>> {
    let start = *next;
    *next = start.checked_add(index(count).checked_mul(2)?)?;
    Some(Table { start, count })
}
