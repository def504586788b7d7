//! Nothing in the evaluator can panic: shown on the artefact, with the compiler and the profile that ship.
//!
//! `ambit-no-panic` links everything that `ambit-eval` offers, and its panic handler calls an import that is named
//! below. While any way to panic is left, the linker keeps the import. The filter itself is outside this proof: the
//! SDK under it can panic, and so can an allocator.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use ambit_harness::{artifact, host};

#[test]
fn evaluator_has_no_way_to_panic() {
    let module = artifact::build("ambit-no-panic", &|_| {}).unwrap();
    let inspection = host::inspect(module).unwrap();
    for export in ["describe", "judge"] {
        assert!(inspection.exports.iter().any(|name| name == export), "`{export}` is not linked");
    }
    let imports: Vec<_> = inspection.imports.iter().map(|import| import.name.as_str()).collect();
    assert!(
        imports.is_empty(),
        "something in ambit-eval or ambit-bytecode can panic: the module imports {imports:?}; \
         `wasm2wat` on it shows which function calls `core::panicking`"
    );
}
