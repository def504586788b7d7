//! The module's allocator, which counts what it is asked for: a test reads the count, and holds each request to a
//! budget of bytes. It is the allocator that Rust brings along for this target, with an addition in front.

use core::sync::atomic::{AtomicU64, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};

/// Bytes that were asked for since the VM began. A host finds it by its name, where it wants to.
#[expect(unsafe_code, reason = "a host finds it by its name")]
#[unsafe(no_mangle)]
pub(super) static AMBIT_ALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);

struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn count(bytes: usize) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    AMBIT_ALLOCATED_BYTES.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: everything is done by `System`, under the conditions that the caller keeps, and counting allocates nothing.
#[expect(unsafe_code, reason = "an allocator is unsafe to be one, and to be asked")]
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the conditions, and `start` came from `System`.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the conditions.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the conditions, and `start` came from `System`.
        unsafe { System.realloc(start, layout, size) }
    }
}
