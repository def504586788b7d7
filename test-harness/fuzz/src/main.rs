//! Tries a target for some time: `cargo run --release --package ambit-fuzz -- TARGET SECONDS [SEED]`. The input that breaks
//! a claim is written to the directory that it is run in.

#![allow(clippy::print_stdout, reason = "it is a command")]

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use ambit_fuzz::damage::Random;
use ambit_fuzz::{TARGETS, Target, corpus};

const USAGE: &str = "usage: ambit-fuzz TARGET SECONDS [SEED]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(target), Some(seconds)) = (
        arguments.first().and_then(|name| TARGETS.iter().find(|target| target.name == name)),
        arguments.get(1).and_then(|seconds| seconds.parse().ok()),
    ) else {
        eprintln!("{USAGE}\n");
        for target in &TARGETS {
            eprintln!("  {:<14} {}", target.name, target.claim);
        }
        return ExitCode::from(2);
    };
    let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |elapsed| elapsed.as_secs());
    let seed = arguments.get(2).and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
    match search(target, Duration::from_secs(seconds), seed) {
        Ok(tried) => {
            println!("{}: {tried} inputs from seed {seed}, nothing found", target.name);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// How many inputs held, or where the one is that did not.
fn search(target: &Target, time: Duration, seed: u64) -> Result<u64, String> {
    let corpus = corpus(target.name).map_err(|error| format!("no corpus of `{}`: {error}", target.name))?;
    let mut random = Random::new(seed);
    let start = Instant::now();
    let mut tried = 0_u64;
    while start.elapsed() < time {
        let input = random.damaged(&corpus);
        if catch_unwind(|| (target.run)(&input)).is_err() {
            let file = format!("{}-{seed}-{tried}", target.name);
            let kept = std::fs::write(&file, &input).map_or_else(|error| error.to_string(), |()| file);
            return Err(format!("found after {tried} inputs from seed {seed}: {kept}"));
        }
        tried = tried.saturating_add(1);
    }
    Ok(tried)
}
