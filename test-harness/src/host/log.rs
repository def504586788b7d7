use std::fmt;

/// Severity of a log line, as numbered by the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

impl LogLevel {
    pub(super) fn from_abi(level: u32) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical]
            .get(level as usize)
            .copied()
    }
}

/// Which VM of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The VM on the main thread that tries each new configuration and is thrown away.
    Canary,
    /// The main thread's own VM. It is configured as a worker's is and ticks, but no stream comes to it.
    Main,
    /// The worker with this index.
    Worker(usize),
}

/// One line that a guest, or the host on the guest's behalf, wrote to the proxy's log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogLine {
    pub place: Place,
    pub level: LogLevel,
    pub message: Vec<u8>,
}

impl LogLine {
    /// The message, with whatever is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.message).into_owned()
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {}", self.place, self.level, self.message.escape_ascii())
    }
}
