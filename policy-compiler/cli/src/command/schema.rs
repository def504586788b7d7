//! `ambit schema`

use clap::Args;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print the JSON Schema of policy documents, from which editors complete and check
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit schema > ambit.schema.json

An editor with a YAML language server then reads it if a policy file starts with
  # yaml-language-server: $schema=ambit.schema.json")]
pub struct Schema {}

impl Schema {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        terminal.out.write_all(ambit_compiler::schema::schema().as_bytes())?;
        Ok(())
    }
}
