//! `ambit replay`

mod again;
mod read;
mod show;
mod tally;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::audience::Audience;
use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::gate::FailOn;
use crate::input::PolicyPaths;
use crate::policy::load_quietly;
use crate::sidecar::Sidecars;
use crate::terminal::Terminal;
use again::{Judges, Side};
use tally::{Tally, Way};

/// Judge recorded decisions by another policy
///
/// It takes decision records from proxies' logs, judges each again with the filter's own code, and shows those that would
/// be decided otherwise, grouped by what they are about and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit replay proxy.log --policy new/
  kubectl logs -l app=payments -c istio-proxy --tail -1 |
    ambit replay - --policy new/ --fail-on denied
  ambit replay logs/*.log --policy new/ --recorded-under old/

A record has the fields that the policy read which decided. Where the new policy reads others, its verdict is open, unless
`--recorded-under` tells what was read and not there. What was not recorded is not replayed: see `records.allows`.

Exit status:
  0  replayed, whatever came of it
  1  decisions change that `--fail-on` names, or a policy is refused
  2  the command line is wrong, a file cannot be read, or there is no record")]
pub struct Replay {
    /// Logs that have decision records, or `-` for standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,

    /// The policy to judge by: a file or a directory; may be repeated
    #[arg(short = 'f', long = "policy", value_name = "PATH", required = true)]
    policy: Vec<PathBuf>,

    /// The policy that decided, if it is at hand; may be repeated
    #[arg(long, value_name = "PATH")]
    recorded_under: Vec<PathBuf>,

    #[command(flatten)]
    audience: Audience,

    /// Exit with 1 if decisions are newly `allowed`, newly `denied`, or `any` of them
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = true)]
    fail_on: Option<FailOn>,

    #[command(flatten)]
    blobs: BlobOptions,
}

impl Replay {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut options = self.blobs.read()?;
        let loaded = load_quietly(&PolicyPaths::of(&self.policy), terminal)?;
        options.source_digest = loaded.sources.digest();
        let sidecars = Sidecars::start(&loaded, &options, terminal)?;
        let new = Side::new(&sidecars, options.source_digest);
        let former = match self.recorded_under.as_slice() {
            [] => None,
            paths => Some(load_quietly(&PolicyPaths::of(paths), terminal)?),
        };
        let former = match &former {
            None => None,
            Some(loaded) => {
                options.source_digest = loaded.sources.digest();
                Some((Sidecars::start(loaded, &options, terminal)?, options.source_digest))
            }
        };
        let former = former.as_ref().map(|(sidecars, digest)| Side::new(sidecars, *digest));
        let judges = Judges { new, former };
        let tally = read::replay(&self.logs, &judges, terminal)?;
        if tally.records() == 0 {
            return Err(self.nothing(&tally).into());
        }
        if let Some((place, error)) = &tally.first_unread {
            let text = format!("warning: {}: {error}\n", place.written(&self.logs));
            terminal.err.write_all(text.as_bytes())?;
        }
        let text = match self.audience.is_program() {
            false => show::human(&tally, &self.logs, terminal.colours_out()),
            true => show::json(&tally, &self.logs),
        };
        terminal.out.write_all(text.as_bytes())?;
        let (allowed, denied) = (tally.decisions(Way::Allowed) > 0, tally.decisions(Way::Denied) > 0);
        let fails = self.fail_on.is_some_and(|what| what.names(allowed, denied));
        if fails { Err(Failure::Rejected) } else { Ok(()) }
    }

    fn nothing(&self, tally: &Tally) -> Problem {
        if let Some((place, error)) = &tally.first_unread {
            return Problem::new(format!("{}: {error}", place.written(&self.logs)));
        }
        let names: Vec<String> = self.logs.iter().take(3).map(|log| format!("`{}`", name(log))).collect();
        Problem::new(format!("there is no decision record in {}", names.join(", ")))
            .help("the filter writes one to the proxy's log for each deny: `{\"ambit\":\"decision/2\",...}`")
    }
}

fn name(log: &Path) -> String {
    crate::log::name(log)
}
