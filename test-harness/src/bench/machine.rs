//! Where figures come from: without it they mean nothing.

use std::fs;

use serde_json::{Value, json};

use super::pin::Cores;

/// The machine, and how busy it was.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    are_divided: bool,
    /// Of each sidecar.
    workers: usize,
    kernel: String,
    memory_mib: u64,
    /// The load average of one minute, after each round.
    loads: Vec<f64>,
}

impl Machine {
    pub(super) fn describe(cores: &Cores, workers: usize) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let memory_kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: cores.count(),
            are_divided: cores.are_divided,
            workers,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_mib: memory_kib / 1024,
            loads: Vec::new(),
        }
    }

    pub(super) fn look_at_load(&mut self) {
        let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        self.loads.extend(text.split(' ').next().and_then(|load| load.parse::<f64>().ok()));
    }

    /// One line.
    pub(super) fn sentence(&self) -> String {
        let Self { processor, cores, workers, kernel, memory_mib, .. } = self;
        let pinned = if self.are_divided {
            "the sidecars' workers have the last one to themselves"
        } else {
            "nothing is pinned"
        };
        let load = self.loads.iter().copied().fold(0.0, f64::max);
        format!(
            "{processor}, {cores} cores ({pinned}), workers of a sidecar: {workers}, {memory_mib} MiB, Linux {kernel}; load average up to {load:.1}"
        )
    }

    /// Whether something else was running, so that figures are not to be quoted.
    pub(super) fn is_noisy(&self) -> bool {
        // The bench itself keeps two cores busy at most.
        self.loads.iter().any(|load| *load > 2.5)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "workers pinned": self.are_divided,
            "workers of a sidecar": self.workers,
            "kernel": self.kernel,
            "memory MiB": self.memory_mib,
            "load averages": self.loads,
        })
    }
}
