//! Programs of Debian's packages, without installing them: fetched by the machine's own `apt-get`, from where it fetches
//! everything else, and unpacked under `target/debian`. It takes no root, and changes nothing outside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifact::{exclusively, workspace};
use crate::envoy::process::tied_to_parent;
use crate::wheel::run;

/// What is fetched together, by the directory that it is unpacked to: the registry of the Docker project and the tool for
/// images that most others are built on; and what tries rules on made-up metrics.
const PACKAGES: [(&str, &[&str], &[&str]); 2] = [
    ("images", &["docker-registry", "skopeo"], &["docker-registry", "skopeo"]),
    ("metrics", &["prometheus"], &["promtool"]),
];

/// A program out of one of the packages.
#[derive(Debug, Clone)]
pub struct Unpacked {
    program: PathBuf,
    /// Libraries that came with the packages, since the machine does not have them.
    libraries: Vec<PathBuf>,
}

impl Unpacked {
    /// To run it. It ends with this process, where the tool for that is there.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = tied_to_parent(&self.program);
        if let Ok(paths) = std::env::join_paths(&self.libraries) {
            command.env("LD_LIBRARY_PATH", paths);
        }
        command
    }
}

/// The program called `name`, fetched at first use. `say` gets a line when something is fetched.
///
/// # Errors
///
/// Why it cannot be had: no `apt-get`, no way to its packages, or no such program in them.
pub fn program(name: &str, say: &dyn Fn(&str)) -> io::Result<Unpacked> {
    let unknown = || io::Error::other(format!("Debian's packages have no program `{name}`"));
    let known = PACKAGES.iter().find(|(_, _, programs)| programs.contains(&name));
    let (place, packages, _) = known.ok_or_else(unknown)?;
    let cache = workspace().join("target/debian");
    let root = cache.join(place);
    exclusively(&cache.join("lock"), || {
        if root.is_dir() {
            return Ok(());
        }
        say(&format!("fetching Debian's packages {packages:?} (once)"));
        fetch(packages, &cache.join("fetch"), &root)
    })?;
    let program = root.join("usr/bin").join(name);
    if !program.is_file() {
        return Err(unknown());
    }
    let libraries = fs::read_dir(root.join("usr/lib")).into_iter().flatten().filter_map(|entry| {
        let path = entry.ok()?.path();
        path.to_str()?.ends_with("-linux-gnu").then_some(path)
    });
    Ok(Unpacked { program, libraries: libraries.collect() })
}

/// Unpacks the packages into `root` in one step, so that nobody ever sees half of it.
fn fetch(packages: &[&str], work: &Path, root: &Path) -> io::Result<()> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    for directory in ["lists/partial", "cache/archives/partial", "root"] {
        fs::create_dir_all(work.join(directory))?;
    }
    run(apt_get(work).arg("update")).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            io::Error::other("there is no `apt-get` here to fetch Debian's packages with")
        }
        _ => error,
    })?;
    // What they depend on comes along as far as it is not installed; `--reinstall` fetches them in any case.
    run(apt_get(work)
        .args(["--yes", "--no-install-recommends", "--reinstall", "--download-only", "install"])
        .args(packages))?;
    for entry in fs::read_dir(work.join("cache/archives"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(path).arg(work.join("root")))?;
        }
    }
    fs::rename(work.join("root"), root)?;
    fs::remove_dir_all(work)
}

/// The machine's own `apt-get` with its own sources, which keeps all that it writes in `work`.
fn apt_get(work: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet=2", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]);
    for (name, directory) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
        command.arg("-o").arg(format!("{name}={}", work.join(directory).display()));
    }
    command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    command
}
