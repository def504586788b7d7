//! `ambit inspect`

mod code;
mod listing;
mod show;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ambit_bytecode::limits::MAX_BLOB_BYTES;
use ambit_compiler::compile::{Options, compile};
use ambit_compiler::egress::with_pushes;
use ambit_compiler::model::Workload;
use ambit_compiler::slice::{MAX_BYSTANDERS, slice};
use ambit_compiler::span_map::span_map;
use ambit_compiler::{ir, lower, optimize};
use ambit_eval::Program;
use clap::{ArgGroup, Args, ValueEnum};

use self::listing::{Listing, Places};
use crate::audience::Audience;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyPaths, cannot_open, shown};
use crate::limits::MAX_SPAN_MAP_BYTES;
use crate::output::with_suffix;
use crate::policy::{Loaded, load, refusal};
use crate::terminal::Terminal;

/// Show what is in a blob, or a stage of its making
///
/// A blob is verified first, as the filter does it. Where its span map lies beside it, each rule is shown with the file
/// and line that it comes from.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["blob", "workload"]), after_help = "\
Examples:
  ambit inspect out/data.orders-db.ambit
  ambit inspect out/data.orders-db.ambit --format json | jq .agents
  ambit inspect -f policy/ --workload data/orders-db --stage ir

Stages:
  model      the whole policy after the check, names resolved
  slice      the part of it that the workload can need
  ir         the slice in columns and rows
  optimized  the same with constants folded and conditions shared
  lowered    instructions and tables
  blob       the result (the default)
The forms of all but the last are for people, and change from version to version.

Exit status:
  0  done
  1  the blob does not verify, or the policy is refused
  2  the command line is wrong, or a file cannot be read")]
pub struct Inspect {
    /// A blob
    #[arg(conflicts_with_all = ["paths", "stage"])]
    blob: Option<PathBuf>,

    #[command(flatten)]
    paths: PolicyPaths,

    /// Compile policy files for the workload of this namespace and service account
    #[arg(long, value_name = "NAMESPACE/SERVICE_ACCOUNT")]
    workload: Option<String>,

    /// Which stage to show: `model`, `slice`, `ir`, `optimized`, `lowered` or `blob`
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    stage: Stage,

    #[command(flatten)]
    audience: Audience,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Stage {
    Model,
    Slice,
    Ir,
    Optimized,
    Lowered,
    #[default]
    Blob,
}

impl Inspect {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        if let Some(path) = &self.blob {
            let bytes = read_blob(path)?;
            return self.list(&bytes, &shown(path), read_places(path).as_deref(), terminal);
        }
        if self.audience.is_program() && self.stage != Stage::Blob {
            let problem = Problem::new("only the stage `blob` can be shown as JSON");
            return Err(problem.help("leave out `--format json`, or `--stage`").into());
        }
        let loaded = load(&self.paths, terminal)?;
        let workload = loaded.workload(self.workload.as_deref().unwrap_or_default())?;
        match self.stage {
            Stage::Blob => {
                let options = Options { source_digest: loaded.sources.digest(), ..Options::default() };
                let compiled = compile(&loaded.policy, workload, &options).map_err(|error| {
                    loaded.refuse(vec![refusal(&loaded.policy, workload, &error)], terminal)
                })?;
                let map = span_map(&loaded.policy, &loaded.sources, &compiled, &options.source_digest);
                self.list(&compiled.blob, "the blob", Some(&map), terminal)
            }
            stage => {
                let text = early(&loaded, workload, stage, terminal)?;
                Ok(terminal.out.write_all(text.as_bytes())?)
            }
        }
    }

    fn list(
        &self,
        bytes: &[u8],
        name: &str,
        map: Option<&str>,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        let program = match Program::verify(bytes) {
            Ok(program) => program,
            Err(error) => {
                let section = error
                    .section
                    .map_or_else(String::new, |section| format!(" in section `{}`", section.word()));
                let what = error.kind.word();
                let problem = Problem::new(format!(
                    "`{name}` is not a valid blob: {what}{section} at offset {}",
                    error.offset
                ));
                let is_none = !bytes.starts_with(&ambit_bytecode::blob::MAGIC);
                let problem =
                    problem.maybe_help(is_none.then(|| String::from("a blob is what `ambit build` writes")));
                problem.tell(terminal)?;
                return Err(Failure::Rejected);
            }
        };
        let listing = Listing::new(&program, &Places::read(map, &program.header().source_digest));
        if self.audience.is_program() {
            let text = serde_json::to_string_pretty(&listing);
            let text = text.map_err(|error| Problem::new(format!("cannot write JSON: {error}")))?;
            writeln!(terminal.out, "{text}")?;
        } else {
            write!(terminal.out, "{listing}")?;
        }
        Ok(())
    }
}

/// A stage before the blob.
fn early(
    loaded: &Loaded,
    workload: &Workload,
    stage: Stage,
    terminal: &mut Terminal<'_>,
) -> Result<String, Failure> {
    if stage == Stage::Model {
        return Ok(format!("{:#?}\n", loaded.policy));
    }
    let extended = with_pushes(&loaded.policy, workload);
    let slice = slice(extended.as_ref().unwrap_or(&loaded.policy), workload, MAX_BYSTANDERS);
    if stage == Stage::Slice {
        return Ok(slice.to_string());
    }
    let mut refused = |error| loaded.refuse(vec![refusal(&loaded.policy, workload, &error)], terminal);
    let ir = ir::build(&slice).map_err(&mut refused)?;
    if stage == Stage::Ir {
        return Ok(ir.to_string());
    }
    let ir = optimize::optimize(ir);
    if stage == Stage::Optimized {
        return Ok(ir.to_string());
    }
    Ok(lower::lower(&ir).map_err(&mut refused)?.to_string())
}

fn read_blob(path: &Path) -> Result<Vec<u8>, Problem> {
    let most = u64::try_from(MAX_BLOB_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| cannot_open(path, &error))?;
    Ok(bytes)
}

/// The span map beside a blob. It is an aid: without it, the listing only says less.
fn read_places(blob: &Path) -> Option<String> {
    let path = with_suffix(blob, ".json");
    let small = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MAX_SPAN_MAP_BYTES);
    if small { fs::read_to_string(path).ok() } else { None }
}
