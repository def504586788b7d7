//! The command line.

use clap::{Parser, Subcommand};

use crate::command::{
    build, check, completions, diff, explain, explain_code, fmt, image, inspect, keygen, lint_cluster,
    render, replay, schema, test,
};
use crate::terminal::Colour;

/// Authorization for AI agents inside the service mesh: checks policy and compiles it for sidecars.
#[derive(Debug, Parser)]
#[command(name = "ambit", version, after_help = AFTER_HELP, max_term_width = 100, disable_help_subcommand = true)]
pub struct Arguments {
    /// When to colour; `NO_COLOR` turns `auto` off
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
Exit status:
  0  done; there may have been warnings
  1  the policy is refused
  2  the command line is wrong, or a file cannot be read or written

`ambit COMMAND --help` shows examples.";

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
    Explain(Box<explain::Explain>),
    ExplainCode(explain_code::ExplainCode),
    Fmt(fmt::Fmt),
    Image(image::Image),
    Schema(schema::Schema),
    Keygen(keygen::Keygen),
    Completions(completions::Completions),
}
