//! Official SDKs as they come from PyPI: installed below `target/`, and run as processes of their own.
//!
//! An environment is a directory of packages that the machine's `python3` is pointed at, so that neither a virtual
//! environment nor anything on the machine but `python3` and pip is needed. Its requirements pin every package.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::artifact::{exclusively, workspace};
use crate::client::MAX_WAIT;
use crate::envoy::process::tied_to_parent;
use crate::wheel::{python_with_pip, run};

/// Packages that a script can be run with.
#[derive(Debug, Clone)]
pub struct Environment {
    packages: PathBuf,
}

/// A server that runs. Ends when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    said: Receiver<Value>,
}

impl Environment {
    /// The packages of a requirements file, which are fetched at first use.
    ///
    /// `say` gets a line when something is fetched.
    ///
    /// # Errors
    ///
    /// When there is no `python3` with pip, or the packages cannot be had.
    pub fn install(requirements: &Path, say: &dyn Fn(&str)) -> io::Result<Self> {
        let name = requirements.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let wanted = fs::read(requirements)?;
        let directory = workspace().join("target/sdk");
        let packages = directory.join(&name);
        let marker = packages.join("installed");
        let is_installed = || fs::read(&marker).is_ok_and(|installed| installed == wanted);
        exclusively(&directory.join(format!("{name}.lock")), || {
            if is_installed() {
                return Ok(());
            }
            say(&format!("fetching the Python packages of `{name}` (once)"));
            if packages.exists() {
                fs::remove_dir_all(&packages)?;
            }
            fs::create_dir_all(&packages)?;
            let work = directory.join(format!("{name}.work"));
            fs::create_dir_all(&work)?;
            let python = python_with_pip(&work)?;
            run(Command::new(python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
                .args(["--only-binary=:all:", "--root-user-action=ignore", "--target"])
                .arg(&packages)
                .arg("--requirement")
                .arg(requirements))?;
            fs::remove_dir_all(&work)?;
            fs::write(&marker, &wanted)
        })?;
        Ok(Self { packages })
    }

    fn command(&self, script: &Path, arguments: &[&str]) -> Command {
        let mut command = tied_to_parent(Path::new("python3"));
        command.arg("-s").arg(script).args(arguments).env("PYTHONPATH", &self.packages);
        command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        // What a machine needs to reach registries must not come between a client and its sidecar.
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        command
    }

    /// Starts a server that prints its port on the first line, and JSON on each further one.
    ///
    /// # Errors
    ///
    /// When it does not get that far.
    pub fn serve(&self, script: &Path, arguments: &[&str]) -> io::Result<Server> {
        let mut child =
            self.command(script, arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines = child.stdout.take().map(BufReader::new).map(BufReader::lines);
        let first = lines.as_mut().and_then(Iterator::next).transpose()?.unwrap_or_default();
        let Ok(port) = first.trim().parse::<u16>() else {
            let _ = child.kill();
            let status = child.wait()?;
            return Err(io::Error::other(format!("`{}` did not start: {status}", script.display())));
        };
        let (tell, said) = channel();
        std::thread::Builder::new().name("server".to_owned()).spawn(move || {
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    let _ = tell.send(value);
                }
            }
        })?;
        Ok(Server { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), said })
    }

    /// Runs a client whose traffic goes through `sidecar`, gives it `steps`, and collects the JSON that it prints.
    ///
    /// # Errors
    ///
    /// When it does not come to its end.
    pub fn run_client(
        &self,
        script: &Path,
        arguments: &[&str],
        sidecar: SocketAddr,
        steps: &[Value],
    ) -> io::Result<Vec<Value>> {
        let mut command = self.command(script, arguments);
        // In place of the capture by `iptables`: the client takes the sidecar's outbound listener for its proxy.
        command.env("HTTP_PROXY", format!("http://{sidecar}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let collected = give(stdin, steps).and_then(|()| collect(stdout));
        let _ = child.kill();
        child.wait()?;
        collected
    }
}

fn give(stdin: Option<ChildStdin>, steps: &[Value]) -> io::Result<()> {
    let mut stdin = stdin.ok_or(io::ErrorKind::BrokenPipe)?;
    steps.iter().try_for_each(|step| writeln!(stdin, "{step}"))
}

/// The lines of JSON until the end, which must come in time.
fn collect(stdout: Option<ChildStdout>) -> io::Result<Vec<Value>> {
    let stdout = stdout.ok_or(io::ErrorKind::BrokenPipe)?;
    let (tell, told) = channel();
    std::thread::Builder::new().name("client".to_owned()).spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let _ = tell.send(lines.filter_map(|line| serde_json::from_str(&line).ok()).collect());
    })?;
    told.recv_timeout(MAX_WAIT).map_err(|_| io::ErrorKind::TimedOut.into())
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has printed since it was asked last. A server prints what reaches it before it answers.
    #[must_use]
    pub fn said(&self) -> Vec<Value> {
        self.said.try_iter().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
