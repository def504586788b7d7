//! What the filter is compared with, where that is a service: built into `target/peers` at first use, and run as a
//! process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::artifact::{exclusively, workspace};
use crate::client::MAX_WAIT;
use crate::envoy::process::tied_to_parent;

/// A service that runs. Ends when dropped.
pub(super) struct Peer {
    child: Child,
    address: SocketAddr,
}

/// Builds a package of this workspace that is none of its default members, and says where the binary is.
pub(super) fn build_rust(package: &str) -> Result<PathBuf, String> {
    let directory = workspace().join("target/peers");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "--package", package, "--target-dir"]).arg(&directory);
    cargo.current_dir(workspace());
    locked(&directory, || run(&mut cargo, package))?;
    Ok(directory.join("release").join(package))
}

/// Builds a tool of the Go module `module`, whose `go.sum` says what exactly; none if there is no Go here.
pub(super) fn build_go(module: &str, tool: &str) -> Result<Option<PathBuf>, String> {
    let has_go = Command::new("go").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !has_go.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let directory = workspace().join("target/peers");
    let binary = directory.join(tool.rsplit('/').next().unwrap_or(tool));
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"]).arg(&binary).arg(tool);
    go.current_dir(workspace().join("test-harness/peers").join(module)).env("CGO_ENABLED", "0");
    locked(&directory, || run(&mut go, tool))?;
    Ok(Some(binary))
}

fn locked(directory: &Path, build: impl FnOnce() -> io::Result<()>) -> Result<(), String> {
    exclusively(&directory.join("lock"), build).map_err(|error| error.to_string())
}

fn run(command: &mut Command, what: &str) -> io::Result<()> {
    eprintln!("building `{what}` (takes minutes the first time)");
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("cannot build `{what}`: {}", said.trim())))
}

impl Peer {
    /// Starts a service that prints its port on the first line.
    pub(super) fn start(binary: &Path) -> io::Result<Self> {
        let mut command = tied_to_parent(binary);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let Ok(port) = line.trim().parse() else {
            let _ = child.kill();
            return Err(io::Error::other(format!("`{}` did not start: {}", binary.display(), child.wait()?)));
        };
        Ok(Self { child, address: loopback(port) })
    }

    /// Starts a service that is told a free port, and waits until it listens there.
    pub(super) fn start_at(port: u16, mut command: Command) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut peer = Self { child, address: loopback(port) };
        let deadline = Instant::now() + MAX_WAIT;
        while std::net::TcpStream::connect(peer.address).is_err() {
            if let Some(status) = peer.child.try_wait()? {
                return Err(io::Error::other(format!("the service ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(loopback(0))?.local_addr()?.port())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
