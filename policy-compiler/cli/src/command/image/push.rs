//! `ambit image push`

use clap::Args;
use serde_json::json;

use super::module::ModuleFile;
use super::source::{Connection, failure, parse};
use crate::audience::Audience;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Push the image to a registry, and print the reference to pull it by
///
/// What is printed has the digest and no tag: give it to `ambit render`. Without a tag in REFERENCE none is written;
/// with a digest in it, the image is pushed only if it has that digest. Credentials are those of `docker login`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit image push registry.example.com/ambit/filter:0.1.0
  ambit image push 127.0.0.1:5000/ambit/filter --plain-http

Exit status:
  0  the image is in the registry, which says that it has this digest
  2  the command line is wrong, the module is none, or the registry refuses")]
pub(super) struct Push {
    /// Where to: `registry/repository`, with `:tag` or not
    #[arg(value_name = "REFERENCE")]
    reference: String,

    #[command(flatten)]
    module: ModuleFile,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten)]
    audience: Audience,
}

impl Push {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let registry = self.connection.to(parse(&self.reference)?)?;
        let image = self.module.image()?;
        let pinned = registry.push(&image).map_err(|trouble| failure(&trouble))?;
        if self.audience.is_program() {
            let value = json!({"version": 1, "reference": pinned.to_string()});
            writeln!(terminal.out, "{value}")?;
        } else {
            writeln!(terminal.out, "{pinned}")?;
        }
        Ok(())
    }
}
