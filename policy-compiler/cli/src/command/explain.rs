//! `ambit explain`

mod as_test;
mod show;

use std::path::PathBuf;

use clap::Args;

use crate::audience::Audience;
use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::log;
use crate::output::hex;
use crate::policy::load_quietly;
use crate::record::{Missing, Record};
use crate::sidecar::Sidecars;
use crate::story::{Again, Story};
use crate::terminal::Terminal;

/// Tell the story of a decision, and make the same decision again
///
/// It takes a decision record from a proxy's log, shows who asked what on whose behalf and what in the policy decided, and
/// judges the record again with the filter's own code under the policy at hand.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit explain -f policy/ proxy.log --id 4be1c5d2a0f39b77
  kubectl logs deploy/payments -c istio-proxy |
    ambit explain -f policy/ -
  ambit explain -f policy/ record.json --as-test > policy/one.test.yaml

The id is the one that the caller was told. Of several records the last is told, unless `--id` says which. What a record has only as a digest cannot be judged again:
mark it `loggable` in the policy, and it will be in records to come.

Exit status:
  0  the verdict is the same here, or cannot be told from the record
  1  the verdict is another one here, or the policy is refused
  2  the command line is wrong, or there is no such file or record")]
pub struct Explain {
    /// A log that has the record, or `-` for standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,

    #[command(flatten)]
    paths: PolicyPaths,

    /// The decision's id
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    #[command(flatten)]
    audience: Audience,

    /// Print a test of the request instead, which expects what was decided
    #[arg(long, conflicts_with = "format")]
    as_test: bool,

    #[command(flatten)]
    blobs: BlobOptions,
}

impl Explain {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut options = self.blobs.read()?;
        let (line, others) = self.choose(terminal)?;
        let record =
            Record::find(&line).ok().flatten().ok_or_else(|| Problem::new("not a decision record"))?;
        if others > 0 && self.id.is_none() {
            let text = format!("the last of {} records; `--id` chooses another\n", others.saturating_add(1));
            terminal.err.write_all(text.as_bytes())?;
        }
        let loaded = load_quietly(&self.paths, terminal)?;
        options.source_digest = loaded.sources.digest();
        let sidecars = Sidecars::start(&loaded, &options, terminal)?;
        let sidecar = sidecars.of_record(&record)?;
        let is_same_policy = record.policy.as_deref() == Some(hex(&options.source_digest).as_str());
        let missing = if is_same_policy { Missing::Absent } else { Missing::Unknown };
        let story = Story::new(&record, sidecar, &loaded, missing);
        let text = if self.as_test {
            as_test::render(&story, &loaded)?
        } else {
            match self.audience.is_program() {
                false => show::human(&story, &loaded, is_same_policy, terminal.colours_out()),
                true => show::json(&story, &loaded, is_same_policy),
            }
        };
        terminal.out.write_all(text.as_bytes())?;
        if story.again() == Again::Other { Err(Failure::Rejected) } else { Ok(()) }
    }

    /// The line of the record that is meant, and how many other records there are.
    fn choose(&self, terminal: &mut Terminal<'_>) -> Result<(String, usize), Failure> {
        let mut chosen = None;
        let mut count = 0_usize;
        let mut broken = None;
        log::each_line(&self.log, &mut terminal.input, &mut |line, number| {
            match Record::find(line) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    count = count.saturating_add(1);
                    if self.id.as_ref().is_none_or(|id| *id == record.id) {
                        chosen = Some(line.to_owned());
                    }
                }
                Err(error) => broken = Some(format!("line {number}: {error}")),
            }
            Ok(())
        })?;
        let name = log::name(&self.log);
        let problem = match (chosen, &self.id, broken) {
            (Some(line), ..) => return Ok((line, count.saturating_sub(1))),
            (None, Some(id), _) if count > 0 => {
                Problem::new(format!("none of the {count} decision records in `{name}` has the id `{id}`"))
            }
            (None, _, Some(broken)) => Problem::new(format!("`{name}`, {broken}")),
            (None, _, None) => Problem::new(format!("there is no decision record in `{name}`")).help(
                "the filter writes one to the proxy's log for each deny: `{\"ambit\":\"decision/2\",...}`",
            ),
        };
        Err(problem.into())
    }
}
