//! Every scenario of what leaves the mesh by every runner, each pair a test of its own: `cargo test --test egress_scenarios -- envoy`
//! plays all files in real Envoys, `-- hosts` plays one file in all runners.

use ambit_harness::egress::{Start, envoy, load_all, native, play, wasm};
use libtest_mimic::{Arguments, Failed, Trial};

const RUNNERS: [(&str, Start); 3] =
    [("native", native::start), ("wasm", wasm::start), ("envoy", envoy::start)];

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let scenarios = match load_all() {
        Ok(scenarios) => scenarios,
        Err(error) => {
            eprintln!("{error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for scenario in scenarios {
        for (runner, start) in RUNNERS {
            let scenario = scenario.clone();
            trials.push(Trial::test(format!("{runner}::{}", scenario.name), move || {
                play(&scenario, start).map_err(Failed::from)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
