//! `ambit build`

use std::path::{Path, PathBuf};

use ambit_compiler::compile::{Compiled, Options, compile};
use ambit_compiler::model::Workload;
use ambit_compiler::span_map::span_map;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use serde_json::json;

use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyPaths, shown};
use crate::output::{Batch, cannot_write, with_suffix};
use crate::policy::{Loaded, load, refusal, workloads, written};
use crate::terminal::Terminal;

/// Compile policy files to the blobs that sidecars load
///
/// Beside each blob FILE, its span map is written to FILE.json: it leads from the rule numbers in decision records back
/// to files and lines. Files are replaced whole, and nothing is written if anything is wrong.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["workload", "all"]), after_help = "\
Examples:
  ambit build -f policy/ --workload data/orders-db -o orders-db.ambit
  ambit build -f policy/ --all -o out/                       # out/data.orders-db.ambit and so on
  ambit build -f policy/ --all -o out/ --config --signing-key policy.key --not-after 2027-01-31T00:00:00Z

One line is printed for each blob: where it is, for whom, its size, and the most steps that a judgement can take.

Exit status:
  0  the blobs are written; there may be warnings
  1  the policy is refused, or does not fit a blob
  2  the command line is wrong, or a file cannot be read or written")]
pub struct Build {
    #[command(flatten)]
    paths: PolicyPaths,

    /// Compile for the workload of this namespace and service account
    #[arg(long, value_name = "NAMESPACE/SERVICE_ACCOUNT")]
    workload: Option<String>,

    /// Compile for every workload that serves something
    #[arg(long)]
    all: bool,

    /// Where to write: a file for `--workload`, a directory for `--all`
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,

    #[command(flatten)]
    blobs: BlobOptions,

    /// Also write the plugin configuration that carries each blob, to FILE.config.json. It trusts the signing key
    #[arg(long)]
    config: bool,
}

/// A blob and where it goes.
struct Output<'a> {
    path: PathBuf,
    workload: &'a Workload,
    compiled: Compiled,
}

impl Build {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut options = self.options()?;
        let loaded = load(&self.paths, terminal)?;
        options.source_digest = loaded.sources.digest();
        let outputs = self.compile(&loaded, &options, terminal)?;
        self.write(&loaded, &options, &outputs)?;
        for output in &outputs {
            terminal.out.write_all(line(output).as_bytes())?;
        }
        Ok(())
    }

    fn options(&self) -> Result<Options, Problem> {
        if self.output == Path::new("-") {
            return Err(Problem::new("a blob is not written to standard output")
                .help("name a file, as in `-o policy.ambit`"));
        }
        self.blobs.read()
    }

    fn compile<'a>(
        &self,
        loaded: &'a Loaded,
        options: &Options,
        terminal: &mut Terminal<'_>,
    ) -> Result<Vec<Output<'a>>, Failure> {
        let places = match &self.workload {
            Some(text) => {
                let workload = loaded.workload(text)?;
                if self.output.is_dir() {
                    let problem = Problem::new(format!("`{}` is a directory", shown(&self.output)));
                    let help = format!(
                        "name a file in it, as in `-o {}`",
                        shown(&self.output.join(file_name(workload)))
                    );
                    return Err(problem.help(help).into());
                }
                vec![(self.output.clone(), workload)]
            }
            None => all(loaded, &self.output)?,
        };
        let mut outputs = Vec::with_capacity(places.len());
        let mut refusals = Vec::new();
        for (path, workload) in places {
            match compile(&loaded.policy, workload, options) {
                Ok(compiled) => outputs.push(Output { path, workload, compiled }),
                // The others are compiled all the same, so that everything that is wrong is said at once.
                Err(error) => refusals.push(refusal(&loaded.policy, workload, &error)),
            }
        }
        if refusals.is_empty() { Ok(outputs) } else { Err(loaded.refuse(refusals, terminal)) }
    }

    fn write(&self, loaded: &Loaded, options: &Options, outputs: &[Output<'_>]) -> Result<(), Failure> {
        if self.all {
            std::fs::create_dir_all(&self.output).map_err(|error| cannot_write(&self.output, &error))?;
        }
        let mut batch = Batch::default();
        for Output { path, compiled, .. } in outputs {
            let map = span_map(&loaded.policy, &loaded.sources, compiled, &options.source_digest);
            batch.stage(&with_suffix(path, ".json"), map.as_bytes())?;
            if self.config {
                let policy = STANDARD.encode(&compiled.blob);
                let config = match &options.signing_key {
                    Some(key) => json!({ "policy": policy, "keys": [STANDARD.encode(key.public())] }),
                    None => json!({ "policy": policy }),
                };
                batch.stage(&with_suffix(path, ".config.json"), format!("{config}\n").as_bytes())?;
            }
            // The blob comes last: whoever sees a new blob sees its map.
            batch.stage(path, &compiled.blob)?;
        }
        batch.commit()
    }
}

/// Every workload, with its file in a directory.
fn all<'a>(loaded: &'a Loaded, directory: &Path) -> Result<Vec<(PathBuf, &'a Workload)>, Problem> {
    let workloads = workloads(&loaded.policy);
    if workloads.is_empty() {
        let problem = Problem::new("the policy has no `Service`, so there is nothing to compile");
        return Err(problem.help("a blob is for the workload of a service"));
    }
    if directory.exists() && !directory.is_dir() {
        return Err(Problem::new(format!("`{}` is not a directory", shown(directory))));
    }
    let place = |workload: &'a Workload| {
        let safe =
            |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !safe(&workload.namespace) || !safe(&workload.service_account) {
            return Err(Problem::new(format!("`{}` cannot be the name of a file", written(workload))));
        }
        Ok((directory.join(file_name(workload)), workload))
    };
    workloads.into_iter().map(place).collect()
}

/// A namespace holds no dot, so that no two workloads share a name.
fn file_name(workload: &Workload) -> String {
    format!("{}.{}.ambit", workload.namespace, workload.service_account)
}

fn line(output: &Output<'_>) -> String {
    let stats = &output.compiled.stats;
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}, {}, {}, {}, at most {} steps\n",
        shown(&output.path),
        written(output.workload),
        count(stats.bytes, "byte"),
        count(stats.agents, "agent"),
        count(stats.actions, "action"),
        count(stats.conditions, "condition"),
        stats.step_bound,
    )
}
