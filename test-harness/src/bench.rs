//! What the filter costs in a real Envoy: processor time of the sidecar per request, and latency.
//!
//! Every variant is a workload of one mesh with an Envoy of its own, one worker each. In each round every variant gets
//! the same number of requests over one mTLS connection that stays open, one request at a time; variants alternate, so
//! that a machine that grows slower or faster meets all of them alike. Processor time is the kernel's own account of
//! the Envoy process (`schedstat`, nanoseconds, all threads).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ambit_compiler::compile::Options;

use crate::client::{Client, Request};
use crate::envoy::config::{Direction, Filter};
use crate::mesh::{Mesh, WorkloadSpec};
use crate::policy_directory::{PolicyDirectory, inbound_config};
use crate::upstream::Reply;
use crate::{artifact, envoy};

/// Rounds that count, after one that does not.
const ROUNDS: usize = 7;
/// Requests of one variant in one round.
const REQUESTS: usize = 3_000;

/// A Wasm module with every callback left out that may be: what Envoy's Wasm machinery costs by itself.
const NOTHING: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;

/// What is measured.
struct Variant {
    name: &'static str,
    /// Under whose certificate requests are sent.
    caller: &'static str,
    method: &'static str,
    target: &'static str,
    status: u16,
    filter: Which,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    None,
    Nothing,
    Ours,
}

const ADMIN: &str = "spiffe://cluster.local/ns/ops/sa/admin-agent";
const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";
const ROW: &str = "/tables/orders/rows/7";

const VARIANTS: [Variant; 4] = [
    Variant {
        name: "no-filter",
        caller: ADMIN,
        method: "GET",
        target: ROW,
        status: 200,
        filter: Which::None,
    },
    Variant {
        name: "does-nothing",
        caller: ADMIN,
        method: "GET",
        target: ROW,
        status: 200,
        filter: Which::Nothing,
    },
    Variant {
        name: "ambit-allow",
        caller: ADMIN,
        method: "GET",
        target: ROW,
        status: 200,
        filter: Which::Ours,
    },
    Variant {
        name: "ambit-deny",
        caller: SUPPORT,
        method: "GET",
        target: ROW,
        status: 403,
        filter: Which::Ours,
    },
];

/// What one variant took in one round.
#[derive(Clone, Copy)]
struct Sample {
    /// Microseconds of the sidecar's processor time per request.
    cpu_us: f64,
    /// Median latency in microseconds.
    p50_us: f64,
}

/// The whole command.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
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

fn run() -> Result<String, String> {
    let say = |line: &str| eprintln!("{line}");
    let text = |error: std::io::Error| error.to_string();
    let ours = artifact::filter(&say).map_err(text)?;
    let binary = envoy::binary::locate(&say).map_err(text)?;
    let blobs = PolicyDirectory::sample().compile(&Options::default())?;
    let config = inbound_config(blobs.get("orders-db").ok_or("the sample has no `orders-db`")?, None);
    let nothing = ours.with_file_name("nothing.wat.wasm");
    std::fs::write(&nothing, wat_to_wasm()?).map_err(text)?;

    let mut builder = Mesh::builder("bench").envoy(binary);
    for variant in &VARIANTS {
        let workload = WorkloadSpec::new(variant.name, "spiffe://cluster.local/ns/data/sa/orders-db");
        let workload = workload.fixed_app(Reply::new(200, "{}"));
        let filter = |module: &PathBuf, config: Option<String>| Filter {
            module: module.clone(),
            root_id: "ambit-inbound".to_owned(),
            config,
        };
        builder = builder.workload(match variant.filter {
            Which::None => workload,
            Which::Nothing => workload.filter(Direction::Inbound, filter(&nothing, None)),
            Which::Ours => workload.filter(Direction::Inbound, filter(&ours, Some(config.clone()))),
        });
    }
    let mesh = builder.start().map_err(text)?;
    let mut clients = Vec::new();
    for variant in &VARIANTS {
        let identity = mesh.authority().issue(&[variant.caller]);
        clients.push(
            mesh.direct(&identity, variant.name).and_then(|endpoint| endpoint.connect()).map_err(text)?,
        );
    }
    let mut samples: Vec<Vec<Sample>> = VARIANTS.iter().map(|_| Vec::new()).collect();
    for round in 0..=ROUNDS {
        for (place, variant) in VARIANTS.iter().enumerate() {
            let sample = measure(&mesh, variant, &mut clients[place])?;
            if round > 0 {
                samples[place].push(sample);
            }
        }
        eprintln!("round {round} of {ROUNDS}");
    }
    Ok(table(&samples))
}

fn measure(mesh: &Mesh, variant: &Variant, client: &mut Client) -> Result<Sample, String> {
    let envoy = mesh.workload(variant.name).envoy();
    let request = Request::new(variant.method, variant.target);
    let mut latencies = Vec::with_capacity(REQUESTS);
    let before = envoy.cpu_time().map_err(|error| error.to_string())?;
    for _ in 0..REQUESTS {
        let began = Instant::now();
        let response = client.send(&request).map_err(|error| error.to_string())?;
        latencies.push(began.elapsed());
        if response.status != variant.status {
            return Err(format!(
                "{}: status {} instead of {}",
                variant.name, response.status, variant.status
            ));
        }
    }
    let after = envoy.cpu_time().map_err(|error| error.to_string())?;
    latencies.sort_unstable();
    let cpu = after.checked_sub(before).unwrap_or_default();
    Ok(Sample {
        cpu_us: micros(cpu) / f64::from(u32::try_from(REQUESTS).unwrap_or(1)),
        p50_us: micros(latencies[REQUESTS / 2]),
    })
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn table(samples: &[Vec<Sample>]) -> String {
    let mut out = String::from(
        "| variant | CPU us/request, median | min | max | p50 latency us, median |\n| --- | --- | --- | --- | --- |\n",
    );
    for (variant, samples) in VARIANTS.iter().zip(samples) {
        let mut cpu: Vec<f64> = samples.iter().map(|sample| sample.cpu_us).collect();
        let mut p50: Vec<f64> = samples.iter().map(|sample| sample.p50_us).collect();
        cpu.sort_by(f64::total_cmp);
        p50.sort_by(f64::total_cmp);
        let _ = writeln!(
            out,
            "| {} | {:.1} | {:.1} | {:.1} | {:.0} |",
            variant.name,
            cpu[cpu.len() / 2],
            cpu[0],
            cpu[cpu.len() - 1],
            p50[p50.len() / 2]
        );
    }
    out
}

/// The module that does nothing, assembled.
fn wat_to_wasm() -> Result<Vec<u8>, String> {
    wat::parse_str(NOTHING).map_err(|error| error.to_string())
}
