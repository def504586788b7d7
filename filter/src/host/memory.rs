//! Memory that the host writes values to: it asks this module's allocator for it, in the middle of a host call.
//!
//! What is taken over is what was lent, and nothing else: the pointer that a call hands back has to be the one that
//! the allocator gave out last, and its length has to fit. So nothing here rests on what a host says.

use core::cell::Cell;
use core::ptr;
use std::alloc::{Layout, alloc};

/// A piece of memory that is the host's until it is handed over.
#[derive(Clone, Copy)]
struct Lent {
    start: *mut u8,
    size: usize,
}

thread_local! {
    static LENT: Cell<Lent> = const { Cell::new(Lent { start: ptr::null_mut(), size: 0 }) };
}

/// Gives the host memory for a value; null if there is none. What the host does not hand over is never used again.
#[expect(unsafe_code, reason = "allocates what the host fills")]
pub(super) fn lend(size: usize) -> *mut u8 {
    let layout = match Layout::array::<u8>(size) {
        Ok(layout) if size > 0 => layout,
        _ => return ptr::null_mut(),
    };
    // SAFETY: the layout is not of size 0.
    let start = unsafe { alloc(layout) };
    LENT.set(Lent { start, size: if start.is_null() { 0 } else { size } });
    start
}

/// Takes over what the host says it wrote; none if that is not what was lent.
#[cfg_attr(
    not(any(test, target_arch = "wasm32")),
    expect(dead_code, reason = "where there is no host nothing is returned")
)]
#[expect(unsafe_code, reason = "takes back what the host filled")]
pub(super) fn take(start: *mut u8, length: usize) -> Option<Vec<u8>> {
    let lent = LENT.replace(Lent { start: ptr::null_mut(), size: 0 });
    if start.is_null() || start != lent.start || length > lent.size {
        return None;
    }
    // SAFETY: `lend` got `start` from the global allocator with the layout of `lent.size` bytes, and it is taken once,
    // for it is not lent any more. The host had the pointer, so that every byte may have been written by it; what it
    // left is whatever the VM's memory held there, which is always some value.
    Some(unsafe { Vec::from_raw_parts(start, length, lent.size) })
}

#[cfg(test)]
mod tests {
    use super::{lend, take};

    #[test]
    fn takes_what_was_lent_and_nothing_else() {
        assert!(lend(0).is_null());
        assert!(lend(usize::MAX).is_null());
        assert_eq!(take(core::ptr::null_mut(), 0), None);

        let lent = lend(3);
        assert_eq!(take(lent, 4), None, "more than was lent");
        assert_eq!(take(lent, 3), None, "it was lost with the last attempt");

        let (first, second) = (lend(3), lend(3));
        assert_eq!(take(first, 3), None, "not the last one");
        assert_eq!(take(second, 3), None, "nor the last one after that");

        let mut own = [1, 2, 3];
        let _ = lend(3);
        assert_eq!(take(own.as_mut_ptr(), 3), None, "not of the allocator");

        let lent = lend(3);
        assert_eq!(take(lent, 2).map(|bytes| (bytes.len(), bytes.capacity())), Some((2, 3)));
        assert_eq!(take(lent, 2), None, "taken once");
    }
}
