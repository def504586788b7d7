//! The modules that the harness builds.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::cell::RefCell;

use ambit_harness::artifact;

/// A package that is not there, and one that makes no module, are told apart.
#[test]
fn refusals() {
    for (package, expected) in [
        ("ambit-nothing", "`ambit-nothing`"),
        ("ambit-bytecode", "package `ambit-bytecode` makes no module: it is no `cdylib`"),
    ] {
        let error = artifact::build(package, &|_| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// The filter is built from any thread, all get the same module, and nothing is said when it is fresh.
#[test]
fn filter_is_built_once() {
    let modules: Vec<_> = std::thread::scope(|scope| {
        let builds: Vec<_> =
            (0..4).map(|_| scope.spawn(|| artifact::build(artifact::FILTER, &|_| {}).unwrap())).collect();
        builds.into_iter().map(|build| build.join().unwrap()).collect()
    });
    assert!(modules.iter().all(|module| module == &modules[0]), "{modules:?}");
    assert!(std::fs::read(&modules[0]).unwrap().starts_with(b"\0asm\x01\0\0\0"));

    let said = RefCell::new(Vec::new());
    let toolchain = artifact::Toolchain::find(&|_| {}).unwrap();
    let again =
        artifact::build_with(artifact::FILTER, &toolchain, &|line| said.borrow_mut().push(line.to_owned()));
    assert!(again.is_ok());
    assert!(said.borrow().is_empty(), "{said:?}");
}
