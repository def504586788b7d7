use super::clock::Clock;
use super::fault::Faults;
use super::log::{LogLevel, LogLine, Place};
use super::metrics::Metrics;
use super::queues::Queues;
use super::shared_data::SharedData;

/// What all VMs of one proxy share.
pub(super) struct Process {
    pub(super) clock: Clock,
    pub(super) shared_data: SharedData,
    pub(super) queues: Queues,
    pub(super) metrics: Metrics,
    pub(super) faults: Faults,
    pub(super) log: Vec<LogLine>,
    pub(super) log_level: LogLevel,
    connections: u64,
}

impl Process {
    pub(super) fn new(log_level: LogLevel) -> Self {
        Self {
            clock: Clock::new(),
            shared_data: SharedData::default(),
            queues: Queues::default(),
            metrics: Metrics::default(),
            faults: Faults::default(),
            log: Vec::new(),
            log_level,
            connections: 0,
        }
    }

    pub(super) fn log(&mut self, place: Place, level: LogLevel, message: impl Into<Vec<u8>>) {
        if level >= self.log_level {
            self.log.push(LogLine { place, level, message: message.into() });
        }
    }

    pub(super) fn next_connection_id(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }
}
