//! `cargo soak [MINUTES]`: a real Envoy with one, two and four workers under every kind of traffic at once, while its policy
//! changes every second, and its listener, as istiod changes one, every five: Envoy then drains the connections of the former
//! one. Ten minutes if nothing is said.
//!
//! It ends with an error if a verdict was wrong, if Envoy answered with an error of its own or lost a request, if a VM began
//! anew, if nothing was drained, or if Envoy takes more memory at the end than in the middle.

mod listeners;
mod traffic;

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::artifact;
use crate::envoy::config::{Direction, Filter};
use crate::envoy::process::Envoy;
use crate::mesh::{Mesh, Update, WorkloadSpec};
use crate::numbered::{CALLER, OWN, config};
use crate::upstream::Reply;
use listeners::Listeners;
use traffic::{KINDS, Progress, Tally};

const USAGE: &str =
    "usage: cargo soak [MINUTES]    real Envoys under load while policy changes; 10 minutes by default";
const DEFAULT_MINUTES: u64 = 10;
const WORKERS: [u32; 3] = [1, 2, 4];
/// How often the policy changes.
const TURN: Duration = Duration::from_secs(1);
/// Every so many of these times its listener does.
const DRAIN_EVERY: u64 = 5;
/// What an allocator may keep between the middle and the end: one part in this many.
const GROWTH: u64 = 10;

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let minutes = match arguments.as_slice() {
        [] => Some(DEFAULT_MINUTES),
        [minutes] => minutes.parse().ok().filter(|minutes| *minutes > 0),
        _ => None,
    };
    let Some(minutes) = minutes else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let time = Duration::from_secs(minutes * 60) / WORKERS.len() as u32;
    let mut is_sound = true;
    for workers in WORKERS {
        match stage(workers, time) {
            Ok(report) => {
                println!("{}", report.text);
                is_sound &= report.problems.is_empty();
                report.problems.iter().take(20).for_each(|problem| eprintln!("  {problem}"));
            }
            Err(error) => {
                eprintln!("{workers} workers: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What became of a stage.
struct Report {
    text: String,
    problems: Vec<String>,
}

fn stage(workers: u32, time: Duration) -> io::Result<Report> {
    let module = artifact::filter(&|line| eprintln!("{line}"))?;
    let listeners = Arc::new(Listeners::new(workers)?);
    let mesh = start(workers, module, &listeners)?;
    let tool = mesh.workload("tool");
    let endpoint = mesh.direct(&mesh.authority().issue(&[CALLER]), "tool")?;
    let progress = Progress::default();
    let mut memory = Vec::new();
    let mut updates = 0_u64;
    let begun = Instant::now();
    let tally = std::thread::scope(|scope| {
        let traffic: Vec<_> = KINDS.iter().map(|kind| scope.spawn(|| kind(&endpoint, &progress))).collect();
        let changed = (|| {
            while begun.elapsed() < time {
                updates += 1;
                progress.published.store(updates, Ordering::SeqCst);
                if let Update::Rejected { log } = tool.update_policy(&config(updates))? {
                    return Err(io::Error::other(format!("an update was refused: {}", log.join("\n"))));
                }
                if updates.is_multiple_of(DRAIN_EVERY) {
                    listeners.change(updates)?;
                }
                std::thread::sleep(TURN);
                // Every worker has it by now: the update was answered for a second ago.
                progress.settled.store(updates, Ordering::SeqCst);
                memory.push(resident_kib(tool.envoy())?);
            }
            Ok(())
        })();
        progress.over.store(true, Ordering::SeqCst);
        let mut tally = Tally::default();
        for thread in traffic {
            tally.add(thread.join().unwrap_or_else(|_| Tally::broken("a thread of the load ended")));
        }
        changed.map(|()| tally)
    })?;
    report(workers, updates, tool.envoy(), &memory, tally)
}

fn start(workers: u32, module: PathBuf, listeners: &Arc<Listeners>) -> io::Result<Mesh> {
    let listeners = Arc::clone(listeners);
    let filter = Filter { module, root_id: "ambit-inbound".to_owned(), config: Some(config(0)) };
    let workload = WorkloadSpec::new("tool", OWN).workers(workers).fixed_app(Reply::new(200, "ok"));
    let workload = workload.amend(move |bootstrap| listeners.take_from(bootstrap));
    Mesh::builder(&format!("soak-{workers}")).workload(workload.filter(Direction::Inbound, filter)).start()
}

fn report(workers: u32, updates: u64, envoy: &Envoy, memory: &[u64], tally: Tally) -> io::Result<Report> {
    let mut problems = tally.problems;
    let wasm = envoy.admin()?.stats("wasm")?;
    let failed: u64 = wasm
        .iter()
        .filter(|(name, _)| name.contains("fail") || name.contains("reload"))
        .map(|(_, count)| count)
        .sum();
    if failed > 0 {
        problems.push(format!("a VM failed or began anew: {wasm:?}"));
    }
    let of_envoy: u64 = ["downstream_rq_5xx"]
        .iter()
        .flat_map(|name| envoy.admin().and_then(|admin| admin.stats(name)).unwrap_or_default())
        .filter(|(name, _)| name.starts_with("http.") && !name.contains("admin"))
        .map(|(_, count)| count)
        .sum();
    if of_envoy > 0 {
        problems.push(format!("{of_envoy} answers were errors of Envoy's own"));
    }
    let drained = envoy.stat("listener_manager.listener_modified")?;
    let refused = envoy.stat("listener_manager.lds.update_rejected")?;
    if drained == 0 || refused > 0 {
        problems.push(format!("{drained} listeners were changed, and {refused} changes refused"));
    }
    let (middle, end) = (largest(memory, memory.len() / 3, 2), largest(memory, 2 * memory.len() / 3, 1));
    if end > middle + middle / GROWTH {
        problems.push(format!("memory grows: {middle} KiB in the middle, {end} KiB at the end"));
    }
    let mut text = format!(
        "{workers} workers, {updates} updates, {drained} listeners drained: {} verdicts checked",
        tally.checked
    );
    for (kind, count) in tally.kinds {
        let _ = write!(text, ", {count} {kind}");
    }
    let first = memory.first().copied().unwrap_or(0);
    let _ = write!(
        text,
        "; resident {:.1} MiB after the first update, {:.1} in the middle, {:.1} at the end; {} problems",
        mib(first),
        mib(middle),
        mib(end),
        problems.len()
    );
    Ok(Report { text, problems })
}

/// The largest of a third.
fn largest(memory: &[u64], from: usize, thirds_left: usize) -> u64 {
    let end = memory.len() - (thirds_left - 1) * memory.len() / 3;
    memory.get(from..end).unwrap_or_default().iter().copied().max().unwrap_or(0)
}

fn resident_kib(envoy: &Envoy) -> io::Result<u64> {
    crate::envoy::process::resident_kib(envoy.process())
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
