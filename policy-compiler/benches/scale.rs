//! Compile times, blob sizes, steps and nanoseconds at several sizes, as a table. Run by people, never asserted:
//! `tests/scale.rs` holds the counts.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/differential/facts.rs"]
mod facts;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::generate::large::{Size, large, request, workload};
use ambit_eval::Program;

const JUDGEMENTS: u32 = 20_000;

fn main() {
    println!(
        "10 grants an agent; request of 4 hops, allowed; time of a judgement includes making the request's facts"
    );
    println!(
        "| agents | services | conditions | compile all, ms | largest blob, bytes | verify, us | steps | judge, ns |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (agents, services) in [(10, 1), (100, 1), (1_000, 1), (10_000, 1), (10_000, 100)] {
        for conditions in [0, 16] {
            row(Size { agents, grants: 10, services, actions: 50, conditions });
        }
    }
}

fn row(size: Size) {
    let policy = large(size);
    let start = Instant::now();
    let blobs: Vec<Vec<u8>> = (0..size.services)
        .map(|service| compile(&policy, &workload(service), &Options::default()).unwrap().blob)
        .collect();
    let compiling = start.elapsed();
    let start = Instant::now();
    let program = Program::verify(blobs[0].clone()).unwrap();
    let verifying = start.elapsed();
    let case = request(size);
    let steps = facts::decide(&program, &case).steps;
    let start = Instant::now();
    for _ in 0..JUDGEMENTS {
        black_box(facts::decide(black_box(&program), black_box(&case)));
    }
    let judging: Duration = start.elapsed() / JUDGEMENTS;
    println!(
        "| {} | {} | {} | {} | {} | {} | {steps} | {} |",
        size.agents,
        size.services,
        size.conditions,
        compiling.as_millis(),
        blobs.iter().map(Vec::len).max().unwrap(),
        verifying.as_micros(),
        judging.as_nanos()
    );
}
