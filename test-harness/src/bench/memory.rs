//! What the filter takes of a real Envoy's memory: by the number of agents, and over many reloads.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::client::Request;
use crate::envoy::process::resident_kib;
use crate::mesh::{Mesh, Update, WorkloadSpec};

use super::{plan, policy};

/// Agents of the policies; 0 is no policy at all.
const AGENTS: [usize; 3] = [0, 1_000, 10_000];

/// Agents of the two policies that take turns.
const TURNS: [usize; 2] = [100, 1_000];

/// By how much of itself the second half of all reloads may take more than the first: one part in this many.
const GROWTH: u64 = 20;

/// The name of a workload.
const NO_FILTER: &str = "no-filter";
const RELOADED: &str = "reloaded";

/// Measures, and says what came of it. The error is what grew, too.
pub(super) fn run(binary: PathBuf, filter: &Path, reloads: usize) -> Result<String, String> {
    let text = |error: io::Error| error.to_string();
    let site = |name: &str| WorkloadSpec::new(name, "spiffe://cluster.local/ns/data/sa/orders-db").workers(1);
    let mut builder = Mesh::builder("bench-memory").envoy(binary).workload(site(NO_FILTER));
    for agents in AGENTS {
        let config = (agents > 0).then(|| policy::config(&policy::http(agents))).transpose()?;
        builder = builder.workload(plan::inbound(filter, config)(site(&name(agents))));
    }
    let turns: Vec<String> =
        TURNS.iter().map(|agents| policy::config(&policy::http(*agents))).collect::<Result<_, _>>()?;
    builder = builder.workload(plan::inbound(filter, turns.first().cloned())(site(RELOADED)));
    let mesh = builder.start().map_err(text)?;

    let mut out = String::from(
        "| policy | resident MiB of Envoy with one worker | over no filter |\n| --- | ---: | ---: |\n",
    );
    let none = resident_kib(mesh.workload(NO_FILTER).envoy().process()).map_err(text)?;
    let _ = writeln!(out, "| no filter | {:.1} | |", mib(none));
    for agents in AGENTS {
        let taken = resident_kib(mesh.workload(&name(agents)).envoy().process()).map_err(text)?;
        let what = if agents == 0 { "none".to_owned() } else { format!("{agents} agents") };
        let _ = writeln!(out, "| {what} | {:.1} | {:.1} |", mib(taken), mib(taken.saturating_sub(none)));
    }

    let workload = mesh.workload(RELOADED);
    let caller = mesh.authority().issue(&[&policy::principal(9)]);
    let mut client = mesh.direct(&caller, RELOADED).and_then(|endpoint| endpoint.connect()).map_err(text)?;
    let _ = writeln!(out, "\n| reloads | resident MiB |\n| ---: | ---: |");
    let mut halves = [0_u64; 2];
    for reload in 1..=reloads {
        if let Update::Rejected { log } =
            workload.update_policy(&turns[reload % turns.len()]).map_err(text)?
        {
            return Err(format!("reload {reload} was refused: {}", log.join("\n")));
        }
        let status = client.send(&Request::get(&policy::path(3))).map_err(text)?.status;
        if status != 200 {
            return Err(format!("status {status} after reload {reload}"));
        }
        let taken = resident_kib(workload.envoy().process()).map_err(text)?;
        let half = &mut halves[usize::from(reload > reloads / 2)];
        *half = taken.max(*half);
        if reload % reloads.div_ceil(10) == 0 {
            let _ = writeln!(out, "| {reload} | {:.1} |", mib(taken));
        }
    }
    let [first, second] = halves;
    if second > first.saturating_add(first / GROWTH) {
        return Err(format!("{out}\nit grew from {:.1} MiB to {:.1} MiB", mib(first), mib(second)));
    }
    Ok(out)
}

fn name(agents: usize) -> String {
    format!("ambit-{agents}")
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
