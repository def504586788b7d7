//! Rows: what one agent or mission holds. `FORMAT.md`, section rows.

use ambit_bytecode::NONE;
use ambit_bytecode::cursor::{index, u8_at, u16_at};

use crate::layout::Layout;

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
    pub(crate) columns: Ids,
    /// As many as columns, if there are any.
    pub(crate) arms: Option<Ids>,
}

/// Ids of one or of two bytes each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    /// Offset of the first from the start of the blob.
    pub(crate) start: usize,
    /// How many.
    pub(crate) count: u32,
    is_wide: bool,
}

impl Ids {
    /// The id at a place. All bits set mean none, in either width.
    #[inline]
    pub(crate) fn id(self, bytes: &[u8], place: u32) -> Option<u16> {
        if place >= self.count {
            return None;
        }
        let place = index(place);
        if self.is_wide {
            return u16_at(bytes, self.start.checked_add(place.checked_mul(2)?)?);
        }
        match u8_at(bytes, self.start.checked_add(place)?)? {
            u8::MAX => Some(NONE),
            id => Some(u16::from(id)),
        }
    }
}

impl Row {
    /// The row at an offset of the rows section. `None` if it does not fit there.
    #[inline]
    pub(crate) fn at(bytes: &[u8], layout: &Layout, offset: u32) -> Option<Self> {
        let rows = layout.rows;
        let end = rows.start.checked_add(index(rows.count))?;
        let start = rows.start.checked_add(index(offset))?;
        let grants = u16_at(bytes, start)?;
        let denies = u16_at(bytes, start.checked_add(2)?)?;
        let mut next = start.checked_add(4)?;
        let mut side = |count: u16| {
            let places = u32::from(count & !ARMS);
            let columns = ids(&mut next, places, layout.form.wide_columns)?;
            let arms =
                if count & ARMS == 0 { None } else { Some(ids(&mut next, places, layout.form.wide_arms)?) };
            Some(Side { columns, arms })
        };
        let row = Self { grants: side(grants)?, denies: side(denies)? };
        (next <= end).then_some(row)
    }
}

fn ids(next: &mut usize, count: u32, is_wide: bool) -> Option<Ids> {
    let start = *next;
    let width = if is_wide { 2 } else { 1 };
    *next = start.checked_add(index(count).checked_mul(width)?)?;
    Some(Ids { start, count, is_wide })
}
