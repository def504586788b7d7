//! The command line.

use clap::{Parser, Subcommand};

use crate::command::{
    build, check, completions, diff, escalations, explain, explain_code, fmt, graph, image, inspect, keygen,
    lint_cluster, man, render, replay, schema, test,
};
use crate::terminal::Colour;

/// Authorization for AI agents inside the service mesh: checks policy and compiles it for sidecars.
#[derive(Debug, Parser)]
#[command(name = "ambit", version, after_help = AFTER_HELP, max_term_width = 100, disable_help_subcommand = true)]
pub struct Arguments {
    /// When to colour: `auto` (on a terminal), `always` or `never`
    #[arg(
        long = "color",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        global = true,
        hide_possible_values = true
    )]
    pub(crate) colour: Colour,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  ambit check -f policy/          # is it right?
  ambit test -f policy/           # does it do what it is meant to?
  ambit diff old/ policy/         # what does a change let pass?
  ambit render -f policy/ -o manifests/ --image ... --selector-label app

`ambit COMMAND --help` shows more of each, and `ambit man` has it all as man pages. Results go to standard output,
everything else to standard error. If whoever reads the output goes, that is no error: the command ends as it would have. Of `--color auto`, `NO_COLOR` and `CLICOLOR=0` make `never`, and
`CLICOLOR_FORCE=1` makes `always`.

Exit status:
  0  done; there may have been warnings
  1  the policy is refused, or is not as a check demands
  2  the command line is wrong, or a file cannot be read or written";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Check),
    Build(build::Build),
    Test(Box<test::Test>),
    Diff(Box<diff::Diff>),
    Replay(Box<replay::Replay>),
    Render(Box<render::Render>),
    LintCluster(lint_cluster::LintCluster),
    Inspect(inspect::Inspect),
    Graph(Box<graph::Graph>),
    Escalations(escalations::Escalations),
    Explain(Box<explain::Explain>),
    ExplainCode(explain_code::ExplainCode),
    Fmt(fmt::Fmt),
    Image(image::Image),
    Schema(schema::Schema),
    Keygen(keygen::Keygen),
    Completions(completions::Completions),
    Man(man::Man),
}
