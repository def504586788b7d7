//! An Envoy as a child process: started, watched, and never left behind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::admin::Admin;
use crate::client::MAX_WAIT;

/// Between two looks at something that is about to happen.
const POLL: Duration = Duration::from_millis(5);

/// How long Envoy may take to end of its own accord.
const MAX_FAREWELL: Duration = Duration::from_secs(5);

/// Lines of Envoy's log that go into an error message.
const MAX_LOG_LINES_SHOWN: usize = 20;

/// How to start an Envoy.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// The bootstrap, in JSON.
    pub bootstrap: &'a Path,
    /// Where the log and the admin address go; it must exist.
    pub directory: &'a Path,
    /// Worker threads.
    pub workers: u32,
    /// `--component-log-level`, such as `wasm:debug`; everything else logs warnings.
    pub log: &'a str,
}

/// A running Envoy. Ends when dropped, and with the harness however that ends.
pub struct Envoy {
    admin_path: PathBuf,
    log_path: PathBuf,
    admin: Option<Admin>,
    /// Names the process even when its number has been given to another.
    handle: OwnedFd,
    /// For accounting alone: it may have been given to another process once this one has ended.
    pid: u32,
    ended: Mutex<Receiver<io::Result<ExitStatus>>>,
}

/// The processor time that a process has taken so far, all threads together.
///
/// # Errors
///
/// When the kernel does not say, as when the process has ended.
pub fn cpu_time_of(process: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let schedule = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran = schedule.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        nanoseconds += ran.ok_or_else(|| io::Error::other("`schedstat` begins with no number"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// What a process takes of the machine's memory, in KiB.
///
/// # Errors
///
/// When the kernel does not say.
pub fn resident_kib(process: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.ok_or_else(|| io::Error::other("the kernel does not say how much memory is resident"))
}

impl Envoy {
    /// Starts the process, without waiting until it is ready.
    ///
    /// # Errors
    ///
    /// When the process cannot be started.
    pub fn start(launch: &Launch<'_>) -> io::Result<Self> {
        let admin_path = launch.directory.join("admin");
        let log_path = launch.directory.join("envoy.log");
        let mut command = tied_to_parent(launch.binary);
        command.arg("--config-path").arg(launch.bootstrap).arg("--admin-address-path").arg(&admin_path);
        command.args(["--disable-hot-restart", "--log-level", "warning", "--file-flush-interval-msec", "10"]);
        // As Istio's agent has it, but for the time: a connection that is drained ends with its next answer.
        command.args(["--drain-strategy", "immediate", "--drain-time-s", "2"]);
        command.args(["--concurrency", &launch.workers.to_string(), "--component-log-level", launch.log]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log_path)?);
        let (tell_started, started) = channel();
        let (tell_ended, ended) = channel();
        // The kernel takes the end of the *thread* that started a child for the end of its parent, so each
        // Envoy has a thread of its own that lives as long as it does.
        std::thread::Builder::new().name("envoy".to_owned()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    let _ = tell_started.send(Err(error));
                    return;
                }
            };
            let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map_err(io::Error::from);
            if handle.is_err() {
                let _ = child.kill();
            }
            let pid = child.id();
            let _ = tell_started.send(handle.map(|handle| (handle, pid)));
            let _ = tell_ended.send(child.wait());
        })?;
        let (handle, pid) = started.recv().map_err(io::Error::other)?.map_err(|error| {
            io::Error::other(format!("cannot run `{}`: {error}", launch.binary.display()))
        })?;
        Ok(Self { admin_path, log_path, admin: None, handle, pid, ended: Mutex::new(ended) })
    }

    /// Waits until Envoy is live and its workers take connections.
    ///
    /// # Errors
    ///
    /// With the end of the log when Envoy ended instead, or takes too long.
    pub fn wait_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            if let Some(status) = self.status() {
                return Err(self.failure(&format!("envoy ended with {status}")));
            }
            if let Some(admin) = self.find_admin() {
                let ready = admin.page("/ready").is_ok_and(|page| page.starts_with("LIVE"))
                    && admin.stat("listener_manager.workers_started")? == 1;
                if ready {
                    return Ok(());
                }
            }
            if Instant::now() > deadline {
                return Err(self.failure("envoy did not get ready"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// The processor time that the process has taken so far, all threads together.
    ///
    /// # Errors
    ///
    /// When the kernel does not say, as when the process has ended.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        cpu_time_of(self.pid)
    }

    /// The number of the process, for accounting alone: it may be another's once this one has ended.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.pid
    }

    /// The admin endpoint.
    ///
    /// # Errors
    ///
    /// Before Envoy was ready.
    pub fn admin(&self) -> io::Result<Admin> {
        self.admin.ok_or_else(|| io::Error::other("envoy is not ready"))
    }

    /// A counter or gauge of Envoy, 0 when there is none of that name.
    ///
    /// # Errors
    ///
    /// When Envoy does not answer.
    pub fn stat(&self, name: &str) -> io::Result<u64> {
        self.admin()?.stat(name)
    }

    /// Lines of Envoy's log so far.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn log_lines(&self) -> io::Result<Vec<String>> {
        let log = fs::read(&self.log_path)?;
        Ok(String::from_utf8_lossy(&log).lines().map(str::to_owned).collect())
    }

    /// Whether a line of Envoy's log contains `part`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn log_contains(&self, part: &str) -> io::Result<bool> {
        Ok(self.log_lines()?.iter().any(|line| line.contains(part)))
    }

    /// Ends the process and waits for it. Dropping does the same.
    pub fn stop(self) {}

    /// An error that shows the end of the log.
    pub(crate) fn failure(&self, what: &str) -> io::Error {
        let lines = self.log_lines().unwrap_or_default();
        let shown = &lines[lines.len().saturating_sub(MAX_LOG_LINES_SHOWN)..];
        io::Error::other(format!(
            "{what}; its log (`{}`) ends:\n{}",
            self.log_path.display(),
            shown.join("\n")
        ))
    }

    fn find_admin(&mut self) -> Option<Admin> {
        if self.admin.is_none() {
            let address: SocketAddr = fs::read_to_string(&self.admin_path).ok()?.trim().parse().ok()?;
            self.admin = Some(Admin::new(address));
        }
        self.admin
    }

    /// How the process ended, once it has.
    fn status(&self) -> Option<String> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.try_recv().ok()? {
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(MAX_FAREWELL) {
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            let _ = ended.recv();
        }
    }
}

/// Repeats `look` until it finds something.
///
/// # Errors
///
/// That of `look`, or a timeout that names `what`.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    let deadline = Instant::now() + MAX_WAIT;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("waited in vain for {what}")));
        }
        std::thread::sleep(POLL);
    }
}

/// A command that the kernel kills when its parent dies, where the tool for that (util-linux) is there.
/// Asking the kernel ourselves would take `unsafe` code between fork and exec.
pub(crate) fn tied_to_parent(binary: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(setpriv) = find_in(&path, "setpriv") else {
        return Command::new(binary);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
    command
}

fn find_in(path: &OsString, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|file| file.is_file())
}
