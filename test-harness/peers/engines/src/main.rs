//! The evaluator beside other policy engines, on equal policies and requests, in one run: `cargo bench-engines`.
//!
//! Every engine is asked the same: may all members of this lineage do this action? Policies are generated: agents with
//! ten grants each, out of forty actions of one service. Every engine has its policy in the best prepared form that it
//! offers, and each request in its own representation before the clock starts. What they answer is compared, also for
//! requests that are denied, before anything is timed.
//!
//! It does not compare languages: what Ambit does besides (identities, order and origin of a lineage, missions, depth,
//! which rule decided) the others are not asked for, though Ambit is timed with it.

mod ambit;
mod ambit_wasm;
mod cedar;
mod cel_expression;
mod rego;
mod workload;

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use workload::Workload;

const AGENTS: [u32; 4] = [10, 100, 1_000, 10_000];
const HOPS: [usize; 3] = [1, 4, 8];

/// An engine with its policy and its requests, ready to be asked.
trait Engine {
    /// Decides a request, by its place in the workload, this often. The answer is the last.
    fn decide(&mut self, request: usize, times: u32) -> bool;
}

/// How an engine is made ready for a workload.
type Prepare = fn(&Workload) -> Box<dyn Engine>;

const ENGINES: [(&str, Prepare); 5] = [
    ("Ambit, native", |workload| Box::new(ambit::Native::new(workload))),
    ("Ambit, wasmtime", |workload| Box::new(ambit_wasm::Guest::new(workload))),
    ("Cedar", |workload| Box::new(cedar::Cedar::new(workload))),
    ("Rego (regorus)", |workload| Box::new(rego::Rego::new(workload))),
    ("CEL", |workload| Box::new(cel_expression::Cel::new(workload))),
];

fn main() {
    let mut table = String::from("| agents | hops |");
    for (name, _) in ENGINES {
        write!(table, " {name} |").expect("text");
    }
    table.push_str("\n| ---: | ---: |");
    table.push_str(&" ---: |".repeat(ENGINES.len()));
    println!("{table}");
    for agents in AGENTS {
        for hops in HOPS {
            let workload = Workload::new(agents, hops);
            let mut row = format!("| {agents} | {hops} |");
            for (name, prepare) in ENGINES {
                let mut engine = prepare(&workload);
                for (place, request) in workload.requests.iter().enumerate() {
                    assert_eq!(
                        engine.decide(place, 1),
                        request.expected,
                        "{name}, request {place}: {request:?}"
                    );
                }
                let nanoseconds = measure(&workload, engine.as_mut());
                write!(row, " {nanoseconds:.0} |").expect("text");
            }
            println!("{row}");
        }
    }
}

/// Median nanoseconds of a decision that allows, for which everyone in the lineage has to be asked.
///
/// What is done once for many decisions is no part of it: the time of one is subtracted from that of many.
fn measure(workload: &Workload, engine: &mut dyn Engine) -> f64 {
    const ROUNDS: usize = 15;
    const REQUESTS: usize = 4;
    const LEAST: Duration = Duration::from_millis(8);
    let allowed = workload.allowed();
    let mut time = |place: usize, times: u32| {
        let start = Instant::now();
        assert!(black_box(engine.decide(black_box(place), times)));
        start.elapsed()
    };
    // So often that a clock and a call do not count.
    let mut times = 2;
    while time(allowed[0], times).saturating_sub(time(allowed[0], 1)) < LEAST {
        times *= 2;
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let requests = allowed.iter().take(REQUESTS);
            let taken: f64 = requests
                .clone()
                .map(|place| time(*place, times).as_secs_f64() - time(*place, 1).as_secs_f64())
                .sum();
            taken * 1e9 / f64::from(times - 1) / requests.count() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
