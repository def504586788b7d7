//! What can compile for the module's target on this machine.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{TARGET, workspace};

/// Debian's package `rustc-web` installs its compiler here, and `rust-web-src` the sources of the library.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// A way to compile for [`TARGET`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The workspace's own toolchain, which has the target's standard library.
    Own,
    /// A compiler whose standard library is built from its sources at first use, with a given linker.
    FromSource {
        /// The compiler.
        rustc: PathBuf,
        /// A `wasm-ld`, or rustc's own `rust-lld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The workspace's own toolchain, to which rustup adds the target where it may; else [`Toolchain::debian`].
    ///
    /// # Errors
    ///
    /// What to install, when neither is to be had.
    pub fn find(say: &dyn Fn(&str)) -> io::Result<Self> {
        if own_has_target() {
            return Ok(Self::Own);
        }
        say(&format!("adding the target {TARGET} with rustup"));
        let added = quiet(Command::new("rustup").args(["target", "add", TARGET]));
        if added && own_has_target() {
            return Ok(Self::Own);
        }
        say("rustup gives no such target here, so the standard library is built from Debian's sources");
        Self::debian()
    }

    /// Debian's `rustc-web` with the library sources of `rust-web-src`.
    ///
    /// # Errors
    ///
    /// What to install, when a part is missing.
    pub fn debian() -> io::Result<Self> {
        let rustc = PathBuf::from(DEBIAN_RUSTC);
        if !rustc.is_file() || !Path::new(DEBIAN_LIBRARY).is_file() {
            return Err(io::Error::other(format!(
                "no compiler for {TARGET}: run `rustup target add {TARGET}`, or install the Debian packages \
                 `rustc-web` and `rust-web-src`, or point `$AMBIT_WASM` at a ready module"
            )));
        }
        let linker = linkers().find(|path| path.is_file()).ok_or_else(|| {
            io::Error::other(
                "no linker for WebAssembly: install the Debian package `lld`, which has `wasm-ld`",
            )
        })?;
        Ok(Self::FromSource { rustc, linker })
    }

    /// The version of the compiler, which is that of its standard library.
    ///
    /// # Errors
    ///
    /// When the compiler does not say.
    pub fn version(&self) -> io::Result<String> {
        let rustc = match self {
            Self::Own => std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")),
            Self::FromSource { rustc, .. } => rustc.clone().into(),
        };
        let output = Command::new(rustc).arg("--version").current_dir(workspace()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.split(' ').nth(1).map(str::to_owned);
        version.ok_or_else(|| io::Error::other(format!("the compiler says `{said}` for its version")))
    }

    /// The directory under `target/` that keeps this toolchain's work apart from the others'.
    pub(super) fn target_directory(&self) -> &'static str {
        match self {
            Self::Own => "wasm",
            Self::FromSource { .. } => "wasm-from-source",
        }
    }

    /// Makes a `cargo build` use this toolchain.
    pub(super) fn apply(&self, cargo: &mut Command) {
        match self {
            Self::Own => {}
            Self::FromSource { rustc, linker } => {
                cargo.arg("-Zbuild-std=std,panic_abort");
                cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            }
        }
    }
}

fn own_has_target() -> bool {
    let libraries = ask_rustc(&["--print", "target-libdir", "--target", TARGET]);
    libraries.is_some_and(|directory| {
        std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
    })
}

/// Where a linker for WebAssembly may be: the toolchain's own, then any `wasm-ld` (also `wasm-ld-19`) on the path.
fn linkers() -> impl Iterator<Item = PathBuf> {
    let own = ask_rustc(&["--print", "target-libdir"])
        .map(|libraries| Path::new(&libraries).with_file_name("bin").join("rust-lld"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<PathBuf> = std::env::split_paths(&path)
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name == "wasm-ld" || name.starts_with("wasm-ld-")
        })
        .collect();
    own.into_iter().chain(found)
}

/// One line of what the workspace's compiler prints.
fn ask_rustc(arguments: &[&str]) -> Option<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let output = Command::new(rustc).args(arguments).current_dir(workspace()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn quiet(command: &mut Command) -> bool {
    command.current_dir(workspace()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
