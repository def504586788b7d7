//! Nothing in the evaluator can panic: shown on the artefact, with the compiler and the profile that ship.
//!
//! `ambit-no-panic` links everything that `ambit-eval` offers, and its panic handler calls an import that is named
//! below. While any way to panic is left, the linker keeps the import. The filter itself is outside this proof: the
//! SDK under it can panic, and so can an allocator.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use ambit_harness::artifact;
use wasmtime::{Engine, Module};

#[test]
fn evaluator_has_no_way_to_panic() {
    let module = std::fs::read(artifact::build("ambit-no-panic", &|_| {}).unwrap()).unwrap();
    let module = Module::from_binary(&Engine::default(), &module).unwrap();
    for export in ["describe", "judge"] {
        assert!(module.get_export(export).is_some(), "`{export}` is not linked, so this would show nothing");
    }
    let imports: Vec<_> = module.imports().map(|import| import.name().to_owned()).collect();
    assert!(
        imports.is_empty(),
        "something in ambit-eval or ambit-bytecode can panic: the module imports {imports:?}. \
         Disassembled, it shows which function calls `core::panicking`."
    );
}
