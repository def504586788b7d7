//! The sandbox behind `cargo demo`: it sets everything up by itself, plays stories of escalation on a small mesh of real
//! Envoys, and says of each what comes of it with Istio's RBAC and what with Ambit.

mod agent;
mod keep;
mod outside;
mod paint;
mod play;
mod story;
mod swarm;
mod table;
mod tell;
mod tool;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use crate::policy_directory::PolicyDirectory;
use crate::{artifact, envoy};
use swarm::{Compiled, Swarm};

const HELP: &str = "\
Plays stories of escalation on a small mesh of real Envoys on loopback, each with Istio's RBAC and with Ambit, and
exits 0 only if every verdict is the expected one.

Usage: cargo demo [-- OPTIONS]

Options:
  --keep           leave the mesh running afterwards, and say how to talk to it
  --policy DIR     the policy to enforce (default: the sample `policy-compiler/samples/swarm`)
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
    let mut options = Options { keep: false, policy: PolicyDirectory::swarm() };
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
    let say = |line: &str| eprintln!("[{:>5.1} s] {line}", began.elapsed().as_secs_f64());
    let mut stage = Stage::set(&options.policy, &say)?;
    println!();
    let mut surprises = stage.play(&mut std::io::stdout(), colours())?;
    surprises.extend(outside::tell(&mut std::io::stdout(), colours())?);
    for surprise in &surprises {
        println!("\nnot as expected: {surprise}");
    }
    if surprises.is_empty() {
        println!("\nEvery verdict is the expected one ({:.1} s).", began.elapsed().as_secs_f64());
    }
    if options.keep {
        keep::keep(&mut stage, &options.policy);
    } else {
        println!("`cargo demo -- --keep` leaves the mesh running, to be talked to.");
    }
    Ok(surprises.is_empty())
}

/// The sandbox, ready to play the stories.
pub struct Stage {
    swarm: Swarm,
    /// Of the policy in force.
    generation: u64,
}

impl Stage {
    /// Sets everything up. `say` gets a line for each thing that takes time.
    ///
    /// # Errors
    ///
    /// What is missing, or wrong with the policy.
    pub fn set(policy: &PolicyDirectory, say: &dyn Fn(&str)) -> Result<Self, String> {
        say("the filter: building it if it has changed");
        let module = artifact::filter(say).map_err(|error| format!("the filter cannot be built: {error}"))?;
        say("Envoy: fetching it if it is not there");
        let binary = envoy::binary::locate(say).map_err(|error| format!("there is no Envoy: {error}"))?;
        say(&format!("the policy: compiling `{}`", policy.shown()));
        let generation = 1;
        let compiled = Compiled::new(policy, generation)?;
        say(&format!("the mesh: starting {} Envoys", swarm::WORKLOADS.len()));
        Ok(Self { swarm: Swarm::start(&module, binary, &compiled)?, generation })
    }

    /// Plays every story on both lanes, writes to `out` what happens, and a table at the end. Returns what was not as
    /// expected.
    ///
    /// # Errors
    ///
    /// When the mesh does not answer, or `out` cannot be written to.
    pub fn play(&self, out: &mut dyn Write, colours: bool) -> Result<Vec<String>, String> {
        let told = tell::tell(&self.swarm, out, colours)?;
        let table = table::render(&told.rows, colours);
        writeln!(out, "\n{table}\n{}", tell::EPILOGUE).map_err(|error| error.to_string())?;
        Ok(told.surprises)
    }

    /// Waits until what was played before does not limit any more.
    ///
    /// # Errors
    ///
    /// When that does not come to pass.
    pub fn come_to_rest(&self) -> Result<(), String> {
        self.swarm.come_to_rest(0, &story::lost_on_the_way())
    }

    /// Puts another policy in force, and returns its generation.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or who refuses it. What was in force then stays.
    pub fn change_policy(&mut self, policy: &PolicyDirectory) -> Result<u64, String> {
        self.generation += 1;
        let refused = self.swarm.update(&Compiled::new(policy, self.generation)?)?;
        if refused.is_empty() { Ok(self.generation) } else { Err(refused.join("\n")) }
    }
}

/// The titles of the stories, in order.
#[must_use]
pub fn titles() -> Vec<&'static str> {
    story::stories().into_iter().map(|story| story.title).collect()
}

/// Colours are for people at a terminal who have not declined them (no-color.org).
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
