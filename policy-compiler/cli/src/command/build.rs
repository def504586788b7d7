//! `ambit build`

use std::path::{Path, PathBuf};

use ambit_compiler::compile::{Compiled, Options, compile};
use ambit_compiler::egress;
use ambit_compiler::model::{Policy, Workload};
use ambit_compiler::records;
use ambit_compiler::span_map::span_map;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::audience::Audience;
use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyPaths, shown};
use crate::output::{Batch, create_directory, with_suffix};
use crate::policy::{Loaded, load, refusal, workloads, written};
use crate::terminal::Terminal;

/// Compile policy files to the blobs that sidecars load
///
/// A blob judges what is asked of its workload, or, of an agent with `egress`, what its workload asks of the outside.
/// Beside each blob FILE, its span map is written to FILE.json: it leads from the rule numbers in decision records back
/// to files and lines. Files are replaced whole, and nothing is written if anything is wrong.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["workload", "all"]), after_help = "\
Examples:
  ambit build -f policy/ --workload data/orders-db -o orders-db.ambit
  ambit build -f policy/ --workload care/support --egress -o out.egress
  ambit build -f policy/ --all -o out/               # for every workload
  ambit build -f policy/ --all -o out/ --config \\
    --signing-key policy.key --not-after 2027-01-31T00:00:00Z

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

    /// Compile what the workload may call outside, and not what may be asked of it
    #[arg(long, conflicts_with = "all")]
    egress: bool,

    /// Compile for every workload that serves something, and for every one whose calls outside are bounded
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

    #[command(flatten)]
    audience: Audience,
}

/// A blob that is wanted, and where it goes.
struct Wanted<'a> {
    path: PathBuf,
    workload: Workload,
    way: Way<'a>,
}

/// What a blob judges.
enum Way<'a> {
    /// What is asked of the workload.
    Inbound(&'a Policy),
    /// What the workload asks of the outside.
    Egress(Box<Policy>),
}

impl Way<'_> {
    fn policy(&self) -> &Policy {
        match self {
            Self::Inbound(policy) => policy,
            Self::Egress(policy) => policy,
        }
    }
}

/// A blob and where it goes.
struct Output<'a> {
    wanted: Wanted<'a>,
    compiled: Compiled,
}

impl Build {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let mut options = self.options()?;
        let loaded = load(&self.paths, terminal)?;
        options.source_digest = loaded.sources.digest();
        let outputs = self.compile(&loaded, &options, terminal)?;
        self.write(&loaded, &options, &outputs, terminal)?;
        if self.audience.is_program() {
            let blobs: Vec<Value> = outputs.iter().map(object).collect();
            writeln!(terminal.out, "{}", json!({"version": 1, "blobs": blobs}))?;
        } else {
            for output in &outputs {
                terminal.out.write_all(line(output).as_bytes())?;
            }
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
                let (workload, way) = if self.egress {
                    let workload = loaded.calling_workload(text)?;
                    let outside =
                        egress::policy(&loaded.policy, &workload).ok_or_else(|| unbounded(&workload))?;
                    (workload, Way::Egress(Box::new(outside)))
                } else {
                    (loaded.workload(text)?.clone(), Way::Inbound(&loaded.policy))
                };
                if self.output.is_dir() {
                    let problem = Problem::new(format!("`{}` is a directory", shown(&self.output)));
                    let help = format!(
                        "name a file in it, as in `-o {}`",
                        shown(&self.output.join(file_name(&workload, &way)))
                    );
                    return Err(problem.help(help).into());
                }
                vec![Wanted { path: self.output.clone(), workload, way }]
            }
            None => all(loaded, &self.output)?,
        };
        let mut outputs = Vec::with_capacity(places.len());
        let mut refusals = Vec::new();
        let mut progress = terminal.progress("compiling", "blobs", Some(places.len()));
        for wanted in places {
            progress.advance(1);
            match compile(wanted.way.policy(), &wanted.workload, options) {
                Ok(compiled) => outputs.push(Output { wanted, compiled }),
                // The others are compiled all the same, so that everything that is wrong is said at once.
                Err(error) => refusals.push(refusal(wanted.way.policy(), &wanted.workload, &error)),
            }
        }
        drop(progress);
        if refusals.is_empty() { Ok(outputs) } else { Err(loaded.refuse(refusals, terminal)) }
    }

    fn write(
        &self,
        loaded: &Loaded,
        options: &Options,
        outputs: &[Output<'_>],
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        if self.all {
            create_directory(&self.output)?;
        }
        let mut batch = Batch::default();
        let mut progress = terminal.progress("writing", "blobs", Some(outputs.len()));
        for output in outputs {
            progress.advance(1);
            let Output { wanted: Wanted { path, way, .. }, compiled } = output;
            let map = span_map(way.policy(), &loaded.sources, compiled, &options.source_digest);
            batch.stage(&with_suffix(path, ".json"), map.as_bytes())?;
            if self.config {
                let config = config(loaded, options, &output.wanted, &output.compiled);
                batch.stage(&with_suffix(path, ".config.json"), format!("{config}\n").as_bytes())?;
            }
            // The blob comes last: whoever sees a new blob sees its map.
            batch.stage(path, &compiled.blob)?;
        }
        batch.commit()
    }
}

/// The plugin configuration that carries a blob.
fn config(loaded: &Loaded, options: &Options, wanted: &Wanted<'_>, compiled: &Compiled) -> Value {
    let mut config = Map::from_iter([(String::from("policy"), json!(STANDARD.encode(&compiled.blob)))]);
    if let Some(key) = &options.signing_key {
        config.insert(String::from("keys"), json!([STANDARD.encode(key.public())]));
    }
    if let Some(records) = records::settings(&loaded.policy, &wanted.workload) {
        config.insert(String::from("records"), records);
    }
    if let Way::Egress(_) = wanted.way {
        config.insert(String::from("role"), json!("outbound"));
        config.insert(String::from("agent"), json!(egress::principal(&loaded.policy, &wanted.workload)));
    }
    Value::from(config)
}

/// Why nothing is compiled of what a workload calls outside.
fn unbounded(workload: &Workload) -> Problem {
    Problem::new(format!("nothing bounds what `{}` calls outside", written(workload)))
        .help("give an agent `egress: {allow: [...]}`")
}

/// Everything that can be compiled, with its file in a directory.
fn all<'a>(loaded: &'a Loaded, directory: &Path) -> Result<Vec<Wanted<'a>>, Problem> {
    let policy = &loaded.policy;
    let served = workloads(policy).into_iter().map(|workload| (workload.clone(), Way::Inbound(policy)));
    let calling = egress::workloads(policy).into_iter().filter_map(|workload| {
        let outside = egress::policy(policy, &workload)?;
        Some((workload, Way::Egress(Box::new(outside))))
    });
    let mut wanted: Vec<(Workload, Way<'a>)> = served.chain(calling).collect();
    wanted.sort_by(|(left, _), (right, _)| left.cmp(right));
    if wanted.is_empty() {
        let problem = Problem::new("the policy has no `Service`, so there is nothing to compile");
        return Err(problem.help("a blob is for the workload of a service, or of an agent with `egress`"));
    }
    if directory.exists() && !directory.is_dir() {
        return Err(Problem::new(format!("`{}` is not a directory", shown(directory))));
    }
    let place = |(workload, way): (Workload, Way<'a>)| {
        let safe =
            |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !safe(&workload.namespace) || !safe(&workload.service_account) {
            return Err(Problem::new(format!("`{}` cannot be the name of a file", written(&workload))));
        }
        Ok(Wanted { path: directory.join(file_name(&workload, &way)), workload, way })
    };
    wanted.into_iter().map(place).collect()
}

/// A namespace holds no dot, so that no two workloads share a name; nor do two blobs of one, since neither name ends like
/// the other.
fn file_name(workload: &Workload, way: &Way<'_>) -> String {
    let extension = match way {
        Way::Inbound(_) => "ambit",
        Way::Egress(_) => "egress",
    };
    format!("{}.{}.{extension}", workload.namespace, workload.service_account)
}

fn line(output: &Output<'_>) -> String {
    let stats = &output.compiled.stats;
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}, {}, {}, {}, at most {} steps\n",
        shown(&output.wanted.path),
        match output.wanted.way {
            Way::Inbound(_) => written(&output.wanted.workload),
            Way::Egress(_) => format!("egress of {}", written(&output.wanted.workload)),
        },
        count(stats.bytes, "byte"),
        count(stats.agents, "agent"),
        count(stats.actions, "action"),
        count(stats.conditions, "condition"),
        stats.step_bound,
    )
}

fn object(output: &Output<'_>) -> Value {
    let stats = &output.compiled.stats;
    json!({
        "file": shown(&output.wanted.path),
        "workload": written(&output.wanted.workload),
        "egress": matches!(output.wanted.way, Way::Egress(_)),
        "bytes": stats.bytes,
        "agents": stats.agents,
        "actions": stats.actions,
        "conditions": stats.conditions,
        "stepBound": stats.step_bound,
    })
}
