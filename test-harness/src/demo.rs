//! The sandbox behind `cargo demo`: it sets everything up by itself, plays the seed story on a small mesh of real
//! Envoys, and says of each request who asked, on whose behalf, what, and what came of it.

mod agent;
mod keep;
mod story;
mod swarm;
mod table;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

use ambit_compiler::compile::Options as CompileOptions;

use crate::policy_directory::PolicyDirectory;
use crate::{artifact, envoy};
use swarm::Swarm;

const HELP: &str = "\
Plays the seed story on a small mesh of real Envoys on loopback, and exits 0 only if every verdict is the expected one.

Usage: cargo demo [-- OPTIONS]

Options:
  --keep           leave the mesh running afterwards, and say how to talk to it
  --policy DIR     the policy to enforce (default: the sample `policy-compiler/samples/seed`)
  -h, --help       print this

Environment:
  ENVOY_BIN        an Envoy to use instead of the one that is fetched
  AMBIT_WASM       a filter to use instead of the one that is built
  NO_COLOR         no colours

Exit status:
  0  every verdict is the expected one
  1  some verdict is not
  2  the mesh cannot be set up, or the command line is wrong
";

/// What the command line asks for.
struct Options {
    keep: bool,
    policy: PolicyDirectory,
}

/// The whole command.
#[must_use]
pub fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match play(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { keep: false, policy: PolicyDirectory::sample() };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--keep" => options.keep = true,
            "--policy" => {
                let directory = arguments.next().ok_or("`--policy` needs a directory")?;
                options.policy = PolicyDirectory::at(directory.into());
            }
            "-h" | "--help" => return Ok(None),
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(Some(options))
}

fn play(options: &Options) -> Result<bool, String> {
    let began = Instant::now();
    let say = |line: &str| eprintln!("[{:>6.1} s] {line}", began.elapsed().as_secs_f64());
    say("the filter: building it if it has changed");
    let module = artifact::filter(&say).map_err(|error| format!("the filter cannot be built: {error}"))?;
    say("Envoy: fetching it if it is not there");
    let binary = envoy::binary::locate(&say).map_err(|error| format!("there is no Envoy: {error}"))?;
    say(&format!("the policy: compiling `{}`", options.policy.shown()));
    let blobs = options.policy.compile(&compile_options(1))?;
    say(&format!("the mesh: starting {} Envoys", swarm::WORKLOADS.len()));
    let swarm = Swarm::start(&module, binary, &blobs)?;
    say("playing the story");
    let told = story::tell(&swarm)?;
    println!("\n{}", table::render(&told, colours()));
    let wrong = told.iter().filter(|line| !line.is_expected()).count();
    match wrong {
        0 => println!("Every verdict is the expected one: {} of {}.", told.len(), told.len()),
        wrong => println!("{wrong} of {} verdicts are not the expected ones.", told.len()),
    }
    if options.keep {
        keep::keep(&swarm, &options.policy)?;
    } else {
        println!("`cargo demo -- --keep` leaves the mesh running, to talk to it and to edit its policy.");
    }
    Ok(wrong == 0)
}

/// Every sidecar of the sandbox stamps, so a peer that does not has gone around its own.
fn compile_options(generation: u64) -> CompileOptions {
    CompileOptions { generation, require_stamp: true, ..CompileOptions::default() }
}

/// Colours are for people at a terminal who have not declined them (no-color.org).
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
