//! `ambit keygen`

use std::path::PathBuf;

use ambit_compiler::compile::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use serde_json::json;

use crate::audience::Audience;
use crate::failure::Failure;
use crate::key;
use crate::output::hex;
use crate::terminal::Terminal;

/// Make a key that signs blobs, and print its public half
///
/// The file holds an Ed25519 private key: 32 bytes in base64. Only its owner can read it, and an existing file is never
/// overwritten. With `--lineage`, the key is one that `ambit render` derives lineage secrets from, and has no public half.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["output", "show"]), after_help = "\
Examples:
  ambit keygen -o policy.key
  ambit keygen --lineage -o lineage.key
  ambit keygen --show policy.key             # the public half again
  ambit build -f policy/ --all -o out/ --signing-key policy.key

Exit status:
  0  done
  2  the command line is wrong, the file exists, or cannot be read or written")]
pub struct Keygen {
    /// Where to write the new key
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Make a key for lineage secrets
    #[arg(long, conflicts_with = "show")]
    lineage: bool,

    /// Print the public half of the key in this file
    #[arg(long, value_name = "FILE")]
    show: Option<PathBuf>,

    #[command(flatten)]
    audience: Audience,
}

impl Keygen {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let key = match (&self.show, &self.output) {
            (Some(path), _) => Some(key::read(path)?),
            (None, Some(path)) => {
                let seed = key::create(path)?;
                if self.lineage { None } else { SigningKey::from_seed(seed) }
            }
            (None, None) => None,
        };
        let halves = key.map(|key| (STANDARD.encode(key.public()), hex(&key.id())));
        if self.audience.is_program() {
            let (public, id) = halves.unzip();
            let value = json!({"version": 1, "publicKey": public, "keyId": id});
            writeln!(terminal.out, "{value}")?;
        } else if let Some((public, id)) = halves {
            writeln!(terminal.out, "public key: {public}\nkey id: {id}")?;
        }
        Ok(())
    }
}
