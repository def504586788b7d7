//! `ambit schema`

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Print the JSON Schema of documents, from which editors complete and check
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit schema > ambit.schema.json
  ambit schema delivery > ambit-delivery.schema.json

An editor with a YAML language server then reads it if a policy file starts with
  # yaml-language-server: $schema=ambit.schema.json

Exit status:
  0  done
  2  the command line is wrong")]
pub struct Schema {
    /// Of which documents
    #[arg(value_enum, value_name = "DOCUMENTS", default_value_t)]
    documents: Documents,
}

/// Documents that have a schema.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Documents {
    /// Policy, of all kinds
    #[default]
    Policy,
    /// How policy reaches proxies: what `ambit render --delivery` reads
    Delivery,
}

impl Schema {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let schema = match self.documents {
            Documents::Policy => ambit_compiler::schema::schema(),
            Documents::Delivery => ambit_istio::render::delivery_schema(),
        };
        terminal.out.write_all(schema.as_bytes())?;
        Ok(())
    }
}
