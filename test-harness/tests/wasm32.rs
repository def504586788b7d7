//! Tests of the crates that ship, once more on wasm32 under Node: the module is a 32-bit program, and what overflows
//! there does not on the machine that everything else is tested on.
//!
//! A test module takes part by `use wasm_bindgen_test::wasm_bindgen_test as test`, for wasm32 only. The runner is
//! compiled at first use, into `target/tools`, in the version that `Cargo.lock` has of its library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ambit_harness::artifact::{TARGET, Toolchain};

/// The packages whose tests run there, and where they are.
const PACKAGES: [(&str, &str); 4] = [
    ("ambit-bytecode", "filter/bytecode"),
    ("ambit-eval", "filter/eval"),
    ("ambit-lineage", "filter/lineage"),
    ("ambit-request", "filter/request"),
];

/// Files whose tests do not run there, and why, beside those that say `#![cfg(not(target_arch = "wasm32"))]`.
const NOT_THERE: [(&str, &str); 1] =
    [("filter/bytecode/tests/format_document.rs", "it reads files of this repository")];

/// By this line the tests of a file take part.
const TAKES_PART: &str = "use wasm_bindgen_test::wasm_bindgen_test as test;";

const RUNNER: &str = "wasm-bindgen-test-runner";

#[test]
fn tests_pass_on_wasm32() {
    if !Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return skipped("there is no `node` on the path");
    }
    if Toolchain::find(&|line| eprintln!("{line}")).unwrap() != Toolchain::Own {
        return skipped("the toolchain has no standard library for the target");
    }
    let runner = runner();
    let mut cargo = cargo();
    cargo.args(["test", "--target", TARGET]);
    cargo.args(PACKAGES.iter().flat_map(|(package, _)| ["--package", package]));
    // Not the directory of the cargo that runs this test, which holds its lock.
    cargo.arg("--target-dir").arg(workspace().join("target/wasm"));
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner).env("RUST_BACKTRACE", "0");
    let output = cargo.output().unwrap();
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "tests fail on {TARGET}:\n{told}");
    let passed = told
        .split("test result: ok. ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(passed.sum::<u32>() > 0, "no test ran on {TARGET}:\n{told}");
}

/// No file with tests was forgotten.
#[test]
fn every_file_takes_part() {
    let mut forgotten = Vec::new();
    let mut unvisited: Vec<PathBuf> = PACKAGES
        .iter()
        .flat_map(|(_, place)| ["src", "tests"].map(|part| workspace().join(place).join(part)))
        .filter(|path| path.is_dir())
        .collect();
    while let Some(path) = unvisited.pop() {
        if path.is_dir() {
            unvisited.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(workspace()).unwrap().display().to_string();
            let is_excused = NOT_THERE.iter().any(|(file, _)| *file == name)
                || text.contains("#![cfg(not(target_arch = \"wasm32\"))]");
            if text.contains("#[test]") && !text.contains(TAKES_PART) && !is_excused {
                forgotten.push(name);
            }
        }
    }
    assert!(
        forgotten.is_empty(),
        "tests that do not run on wasm32: {forgotten:?}; they do by `#[cfg(target_arch = \"wasm32\")] {TAKES_PART}`"
    );
}

fn skipped(why: &str) {
    // Past the capture of the test harness, so that nobody takes it for a test that ran.
    let line = format!("\n*** NOT TESTED ON WASM32: {why} ***\n\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// The test runner, compiled if it is not there yet.
fn runner() -> PathBuf {
    let version = locked_version("wasm-bindgen");
    let root = workspace().join("target/tools").join(format!("wasm-bindgen-{version}"));
    let binary = root.join("bin").join(RUNNER);
    fs::create_dir_all(&root).unwrap();
    let lock = File::create(root.join("lock")).unwrap();
    lock.lock().unwrap();
    if !binary.is_file() {
        let mut cargo = cargo();
        cargo.args([
            "install",
            "wasm-bindgen-cli",
            "--version",
            &version,
            "--bin",
            RUNNER,
            "--no-default-features",
        ]);
        // It is run a few times on small modules, so it need not be fast, but it should be there soon.
        cargo
            .args(["--debug", "--no-track", "--root"])
            .arg(&root)
            .arg("--target-dir")
            .arg(root.join("build"));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        let output = cargo.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && binary.is_file(), "cannot install `{RUNNER}` {version}:\n{told}");
        fs::remove_dir_all(root.join("build")).unwrap();
    }
    binary
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> String {
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).unwrap();
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, after) = lock.split_once(&entry).expect("the package is locked");
    after.split('"').next().unwrap().to_owned()
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).stdin(Stdio::null());
    // What a surrounding cargo set up for the host is wrong here.
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(flags);
    }
    cargo
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
