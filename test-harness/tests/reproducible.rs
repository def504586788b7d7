//! The module that ships is the same to the byte, wherever its workspace and cargo's crates are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use ambit_harness::artifact::{self, FILTER, Toolchain};

/// What is no part of the workspace.
const ELSEWHERE: [&str; 2] = ["target", ".git"];

#[test]
fn the_module_is_the_same_wherever_it_is_built() {
    let say = |line: &str| eprintln!("{line}");
    let toolchain = Toolchain::find(&say).unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let home = artifact::cargo_home().unwrap();
    let here = artifact::build_with(FILTER, &toolchain, &say).unwrap();

    // A place of another length, which is kept for the next time.
    let elsewhere = root.join("target/reproducible/a/place/that/is/another");
    let workspace = elsewhere.join("workspace");
    mirror(&root, &workspace);
    let other_home = elsewhere.join("cargo-home");
    fs::create_dir_all(&other_home).unwrap();
    let registry = other_home.join("registry");
    if fs::symlink_metadata(&registry).is_err() {
        std::os::unix::fs::symlink(home.join("registry"), &registry).unwrap();
    }
    for settings in ["config.toml", "config"] {
        if home.join(settings).is_file() {
            fs::copy(home.join(settings), other_home.join(settings)).unwrap();
        }
    }
    let there = artifact::build_at(&workspace, &other_home, FILTER, &toolchain, &say).unwrap();

    let (here, there) = (fs::read(here).unwrap(), fs::read(there).unwrap());
    assert!(here == there, "the modules differ: {} and {} bytes", here.len(), there.len());
    for place in [&root, &home, &workspace, &other_home] {
        let place = place.as_os_str().as_encoded_bytes();
        assert!(
            !here.windows(place.len()).any(|part| part == place),
            "the module names a place of this machine"
        );
    }
}

/// Makes a directory the same as another. What is the same already is left alone, so that cargo finds it as it was.
fn mirror(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let names = |directory: &Path| -> Vec<_> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| !ELSEWHERE.iter().any(|elsewhere| name == elsewhere)).collect()
    };
    let wanted = names(from);
    for name in &wanted {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            mirror(&from, &to);
        } else {
            let bytes = fs::read(&from).unwrap();
            if fs::read(&to).ok().as_ref() != Some(&bytes) {
                fs::write(&to, bytes).unwrap();
            }
        }
    }
    for name in names(to).into_iter().filter(|name| !wanted.contains(name)) {
        let gone = to.join(name);
        if gone.is_dir() { fs::remove_dir_all(gone).unwrap() } else { fs::remove_file(gone).unwrap() }
    }
}
