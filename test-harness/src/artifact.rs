//! The shipped filter as a WebAssembly module: a ready one, or built here by cargo.
//!
//! Cargo runs as a child with a target directory of its own (`target/wasm`), so that it never waits for the
//! build lock of the cargo that may have started this process. Builds from several test binaries at once
//! take turns on a file lock, and all but the first find their module fresh.

mod toolchain;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

pub use toolchain::Toolchain;

/// The package of the shipped filter.
pub const FILTER: &str = "ambit-filter";

/// Target of every module: no WASI, so that the only imports are the host's `env.proxy_*`.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Modules built by this process, by package: cargo's own look at an unchanged package costs a fifth of a second.
static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// The shipped filter: the module that `$AMBIT_WASM` names, else the one [`build`] makes.
///
/// # Errors
///
/// Says what to install or to set when the module cannot be had.
pub fn filter(say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    match std::env::var_os("AMBIT_WASM") {
        None => build(FILTER, say),
        Some(ready) => {
            let ready = PathBuf::from(ready);
            if !ready.is_file() {
                return Err(io::Error::other(format!("`$AMBIT_WASM` names no file: `{}`", ready.display())));
            }
            // Envoy resolves a relative path against its own working directory, so it gets none.
            std::path::absolute(ready)
        }
    }
}

/// Builds `package` of this workspace with the profile `wasm` and returns the module's path.
///
/// `say` gets one line for each thing that takes time, and nothing when the module is fresh.
///
/// # Errors
///
/// The compiler's own words when it refuses the package, or what to install when there is no compiler.
pub fn build(package: &str, say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(module) = built.get(package) {
        return Ok(module.clone());
    }
    let module = build_with(package, &Toolchain::find(say)?, say)?;
    built.insert(package.to_owned(), module.clone());
    Ok(module)
}

/// Builds `package` with a given toolchain, each kind in a target directory of its own.
///
/// # Errors
///
/// The compiler's own words when it refuses the package.
pub fn build_with(package: &str, toolchain: &Toolchain, say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    build_at(workspace(), &cargo_home()?, package, toolchain, say)
}

/// Builds `package` of a workspace at any place, with crates that cargo has in any other.
///
/// # Errors
///
/// The compiler's own words when it refuses the package.
pub fn build_at(
    root: &Path,
    home: &Path,
    package: &str,
    toolchain: &Toolchain,
    say: &dyn Fn(&str),
) -> io::Result<PathBuf> {
    let target = target_directory(root, toolchain);
    exclusively(&target.with_extension("lock"), || {
        let mut cargo = command(root, home, package, toolchain);
        cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = cargo
            .spawn()
            .map_err(|error| io::Error::other(format!("cannot run cargo to build `{package}`: {error}")))?;
        let mut told = String::new();
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).lines() {
                let line = line?;
                if line.trim_start().starts_with("Compiling ") {
                    say(line.trim());
                }
                told.push_str(&line);
                told.push('\n');
            }
        }
        if !child.wait()?.success() {
            return Err(io::Error::other(format!("cargo could not build `{package}` for {TARGET}:\n{told}")));
        }
        let file = format!("{}.wasm", package.replace('-', "_"));
        let module = target.join(TARGET).join("wasm").join(file);
        if module.is_file() {
            return Ok(module);
        }
        Err(io::Error::other(format!(
            "package `{package}` makes no module: it is no `cdylib`, so there is no `{}`",
            module.display()
        )))
    })
}

fn target_directory(root: &Path, toolchain: &Toolchain) -> PathBuf {
    root.join("target").join(toolchain.target_directory())
}

/// The cargo that builds a package as it ships.
pub(crate) fn command(root: &Path, home: &Path, package: &str, toolchain: &Toolchain) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).env("CARGO_HOME", home);
    cargo.args(["build", "--profile", "wasm", "--target", TARGET, "--package", package, "--target-dir"]);
    cargo.arg(target_directory(root, toolchain));
    // What a surrounding cargo set up for the host (coverage, sanitizers, clippy) is wrong for the module.
    for flags in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(flags);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", remapped(home));
    toolchain.apply(&mut cargo);
    cargo
}

/// Flags that keep out of the module where the crates are that it is built of: places of the workspace are relative to it
/// already, and the compiler's own have none. The last that matches holds.
fn remapped(home: &Path) -> std::ffi::OsString {
    let sources = home.join("registry/src");
    let registries = std::fs::read_dir(&sources).into_iter().flatten().flatten().map(|entry| entry.path());
    let flags = std::iter::once(sources.clone()).chain(registries).map(|place| {
        let mut flag = std::ffi::OsString::from("--remap-path-prefix=");
        flag.push(place);
        flag.push("=crates");
        flag
    });
    flags.collect::<Vec<_>>().join(std::ffi::OsStr::new("\x1f"))
}

/// Where cargo keeps the crates that it has fetched.
///
/// # Errors
///
/// When nothing says where.
pub fn cargo_home() -> io::Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    home.ok_or_else(|| io::Error::other("neither `$CARGO_HOME` nor `$HOME` says where crates are"))
}

/// The root of the workspace this harness was built in.
pub(crate) fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Runs `work` while this process alone holds the file lock `lock`, which is made where it is missing.
pub(crate) fn exclusively<T>(lock: &Path, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Some(directory) = lock.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let file = File::create(lock)?;
    file.lock()?;
    work()
}
