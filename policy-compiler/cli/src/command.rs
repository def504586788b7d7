//! One file a command.

pub mod build;
pub mod check;
pub mod completions;
pub mod diff;
pub mod escalations;
pub mod explain;
pub mod explain_code;
pub mod fmt;
pub mod graph;
pub mod image;
pub mod inspect;
pub mod keygen;
pub mod lint_cluster;
pub mod man;
pub mod render;
pub mod replay;
pub mod schema;
pub mod test;

use crate::arguments::Command;
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) fn run(command: Command, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    match command {
        Command::Check(check) => check.run(terminal),
        Command::Build(build) => build.run(terminal),
        Command::Test(test) => test.run(terminal),
        Command::Diff(diff) => diff.run(terminal),
        Command::Replay(replay) => replay.run(terminal),
        Command::Render(render) => render.run(terminal),
        Command::LintCluster(lint) => lint.run(terminal),
        Command::Inspect(inspect) => inspect.run(terminal),
        Command::ExplainCode(code) => code.run(terminal),
        Command::Graph(graph) => graph.run(terminal),
        Command::Escalations(escalations) => escalations.run(terminal),
        Command::Explain(explain) => explain.run(terminal),
        Command::Fmt(fmt) => fmt.run(terminal),
        Command::Image(image) => image.run(terminal),
        Command::Schema(schema) => schema.run(terminal),
        Command::Keygen(keygen) => keygen.run(terminal),
        Command::Completions(completions) => completions.run(terminal),
        Command::Man(man) => man.run(terminal),
    }
}
