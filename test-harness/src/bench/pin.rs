//! Which core runs what: the workers of the sidecars have the last core to themselves, and everything else the others,
//! so that a load and what it is a load on do not take turns on one core.

use std::fs;
use std::io;
use std::thread::available_parallelism;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::envoy::process::Envoy;

/// The division of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cores {
    count: usize,
    /// Whether there is more than one, and the kernel lets us choose.
    pub(super) are_divided: bool,
}

impl Cores {
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// Keeps this process, and what it starts from now on, off the last core.
pub(super) fn pin_this_process() -> Cores {
    let count = available_parallelism().map_or(1, usize::from);
    let mut others = CpuSet::new();
    (0..count.saturating_sub(1)).for_each(|core| others.set(core));
    let are_divided = count > 1 && sched_setaffinity(None, &others).is_ok();
    Cores { count, are_divided }
}

/// Gives the workers of an Envoy the last core.
pub(super) fn pin_workers(cores: &Cores, envoy: &Envoy) -> io::Result<()> {
    if !cores.are_divided {
        return Ok(());
    }
    let mut last = CpuSet::new();
    last.set(cores.count.saturating_sub(1));
    for task in fs::read_dir(format!("/proc/{}/task", envoy.process()))? {
        let task = task?;
        let name = fs::read_to_string(task.path().join("comm"))?;
        if name.starts_with("wrk:") {
            let thread = task.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
            sched_setaffinity(thread, &last)?;
        }
    }
    Ok(())
}
