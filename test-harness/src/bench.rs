//! What the filter costs in a real Envoy: processor time of the sidecar per request, and latency, beside no filter and
//! beside what else people put there.
//!
//! Every site is a workload of one mesh with an Envoy of its own, one worker each; a variant is one request, asked of
//! one site over one mTLS connection that stays open, one at a time; where connections are measured, each is a new one. In each round every variant gets the same number
//! of requests; variants alternate, so that a machine that grows slower or faster meets all of them alike, and what a
//! variant costs is the median of its differences to the variant that it is compared with, round by round. Processor
//! time is the kernel's own account of the Envoy process (`schedstat`, nanoseconds, all threads).
//!
//! A kind of variant is a module `variant_*`; [`VARIANTS`] has them all.

mod bootstrap;
mod chart;
mod load;
mod machine;
mod memory;
mod options;
mod peers;
mod pin;
mod plan;
mod policy;
mod report;
mod statistics;
mod variant_ambit;
mod variant_baseline;
mod variant_body;
mod variant_builtin;
mod variant_egress;
mod variant_ext_authz;
mod variant_lineage;

use std::process::ExitCode;

use crate::mesh::Mesh;
use crate::{artifact, envoy};
use load::{Load, Sample};
use machine::Machine;
use options::Options;
use plan::Plan;
use report::Report;

/// Adds the sites and variants of one kind.
type Add = fn(&mut Plan) -> Result<(), String>;

/// The kinds of variants, in the order of the table.
const VARIANTS: [Add; 7] = [
    variant_baseline::add,
    variant_builtin::add,
    variant_ambit::add,
    variant_lineage::add,
    variant_egress::add,
    variant_ext_authz::add,
    variant_body::add,
];

/// The whole command.
#[must_use]
pub fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<String, String> {
    let say = |line: &str| eprintln!("{line}");
    let text = |error: std::io::Error| error.to_string();
    let filter = artifact::filter(&say).map_err(text)?;
    let binary = envoy::binary::locate(&say).map_err(text)?;
    if options.memory {
        return memory::run(binary, &filter, options.reloads);
    }
    let mut plan = Plan::new(filter, options);
    for add in VARIANTS {
        add(&mut plan)?;
    }
    plan.drop_unasked()?;

    // Before anything starts, so that all that is started inherits it.
    let cores = pin::pin_this_process();
    let mut builder = Mesh::builder("bench").envoy(binary);
    for site in plan.take_sites() {
        builder = builder.workload(site);
    }
    let mesh = builder.start().map_err(text)?;
    for (_, workload) in mesh.workloads() {
        pin::pin_workers(&cores, workload.envoy()).map_err(text)?;
    }
    let mut machine = Machine::describe(&cores, options.workers);
    let mut loads = Vec::new();
    for variant in plan.variants() {
        loads.push(Load::open(&mesh, variant, options)?);
    }
    let mut samples: Vec<Vec<Sample>> = loads.iter().map(|_| Vec::new()).collect();
    for round in 0..=options.rounds {
        for (load, samples) in loads.iter_mut().zip(&mut samples) {
            let sample = load.run()?;
            // The first round warms everything up, and does not count.
            if round > 0 {
                samples.push(sample);
            }
        }
        machine.look_at_load();
        say(&format!("round {round} of {}", options.rounds));
    }
    let report = Report::new(plan.variants(), &samples, plan.skipped(), machine, options);
    if let Some(directory) = &options.out {
        report.write(directory).map_err(text)?;
    }
    Ok(report.table())
}
