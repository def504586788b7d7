//! Links everything that `ambit-eval` offers into a module whose panic handler calls an import that no host has. If
//! the linker can show that nothing panics, handler and import are gone: `test-harness/tests/no_panic.rs` looks.
//!
//! It is run as well: `test-harness/tests/differential.rs` holds its verdicts against those of the same evaluator as
//! ordinary code. Built for anything but WebAssembly, this crate is empty.
#![cfg_attr(target_family = "wasm", no_std)]
#![cfg(target_family = "wasm")]
#![expect(unsafe_code, reason = "the boundary is pointers, and what links must keep its name")]

mod description;
mod request;

use core::hint::black_box;
use core::panic::PanicInfo;

use ambit_eval::{Code, Program};

use request::{Asked, VERDICT_BYTES};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    /// What a panic would call.
    fn ambit_eval_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it takes nothing and returns nothing. No host offers it, so a module that needs it does not start.
    unsafe { ambit_eval_can_panic() }
}

/// Verifies the blob at `blob` and judges the request at `request` by it: the verdict is written to `out`, and 0 comes
/// back. If the request is none that `request.rs` describes, 1 does; if the blob does not verify, why, folded into a number.
///
/// # Safety
/// `blob` and `request` must be initialised memory of the given lengths that no one writes to meanwhile, and `out` memory
/// for a verdict that no one else uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn judge(
    blob: *const u8,
    length: usize,
    request: *const u8,
    request_length: usize,
    out: *mut [u8; VERDICT_BYTES],
) -> u64 {
    // SAFETY: the caller promises just this.
    unsafe { judge_often(blob, length, request, request_length, out, 1) }
}

/// As [`judge`], but judges the request this many times, to be timed.
///
/// # Safety
/// As for [`judge`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn judge_often(
    blob: *const u8,
    length: usize,
    request: *const u8,
    request_length: usize,
    out: *mut [u8; VERDICT_BYTES],
    times: u32,
) -> u64 {
    // SAFETY: the caller promises just this.
    let (blob, request) = unsafe { (slice(blob, length), slice(request, request_length)) };
    match Program::verify(blob) {
        Ok(program) => match Asked::read(request) {
            Some(asked) => {
                for _ in 1..times {
                    black_box(black_box(&asked).judged_by(&program));
                }
                let verdict = request::write(&asked.judged_by(&program));
                // SAFETY: the caller promises just this, and bytes need no alignment.
                unsafe { out.write(verdict) };
                0
            }
            None => 1,
        },
        Err(error) => {
            1 << 63
                ^ (u64::from(error.section.map_or(0, |section| section.number())) << 32)
                ^ fold(error.kind.word().as_bytes())
                ^ u64::try_from(error.offset).unwrap_or(0)
        }
    }
}

/// Verifies the blob at `blob` and asks for all that the program says of itself, folded into a number.
///
/// # Safety
/// It must be initialised memory of the given length that no one writes to meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn describe(blob: *const u8, length: usize, id: u16) -> u64 {
    // SAFETY: the caller promises just this.
    let Ok(program) = Program::verify(unsafe { slice(blob, length) }) else { return 0 };
    let mut folded = program.header().generation;
    let mut add = |bytes: &[u8]| folded = folded.rotate_left(7) ^ fold(bytes);
    for text in description::texts(&program, id) {
        add(text);
    }
    for code in Code::ALL {
        add(code.word().as_bytes());
        add(code.sentence().as_bytes());
    }
    description::for_each_number(&program, id, |number| add(&number.to_le_bytes()));
    folded
}

fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |folded: u64, byte| folded.rotate_left(5) ^ u64::from(*byte))
}

/// # Safety
/// It must be initialised memory of the given length that no one writes to while the slice lives.
unsafe fn slice<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if start.is_null() || isize::try_from(length).is_err() {
        return &[];
    }
    // SAFETY: not null, bytes need no alignment, the length fits, and the rest the caller promises.
    unsafe { core::slice::from_raw_parts(start, length) }
}
