//! A program that runs beside a test, with a log that tells when it is ready. Ends when dropped.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::MAX_WAIT;

/// Between two looks at something that is about to happen.
pub const POLL: Duration = Duration::from_millis(10);

/// Lines of a log that go into an error message.
const MAX_LOG_LINES_SHOWN: usize = 30;

/// A running program.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts a program that writes all it says to the file `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be run.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| io::Error::other(format!("{command:?}: {error}")))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// All that it has said so far.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    ///
    /// With the end of the log when the program ended first, or it took too long; or the error of `look`.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Self) -> io::Result<Option<T>>,
    ) -> io::Result<T> {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("the program ended with {status}, before {what}")));
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("waited in vain for {what}")));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits for a line of the log that says `what`.
    ///
    /// # Errors
    ///
    /// As for [`Service::wait_for`].
    pub fn wait_for_line(&mut self, what: &str) -> io::Result<String> {
        self.wait_for(&format!("the line `{what}`"), |service| {
            Ok(service.log()?.lines().find(|line| line.contains(what)).map(str::to_owned))
        })
    }

    /// An error that shows the end of the log.
    #[must_use]
    pub fn failure(&self, what: &str) -> io::Error {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(MAX_LOG_LINES_SHOWN)..];
        io::Error::other(format!("{what}; its log (`{}`) ends:\n{}", self.log.display(), shown.join("\n")))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
