//! What blobs say besides the policy, on the command line.

use std::path::PathBuf;
use std::time::SystemTime;

use ambit_compiler::compile::Options;
use clap::Args;

use crate::failure::Problem;
use crate::{key, time};

/// What blobs say besides the policy.
#[derive(Debug, Args)]
pub(crate) struct BlobOptions {
    /// Number the policy: of two signed ones, a sidecar keeps the one with the greater number [default:
    /// $SOURCE_DATE_EPOCH, or the seconds since 1970]
    #[arg(long, value_name = "NUMBER")]
    generation: Option<u64>,

    /// Deny everything before this time, as in `2027-01-31T00:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    not_before: Option<u64>,

    /// Deny everything from this time on
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    not_after: Option<u64>,

    /// Deny calls from stamping workloads whose sidecar has not stamped them
    #[arg(long)]
    require_stamp: bool,

    /// Sign the blobs with this key, which `ambit keygen` makes
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

impl BlobOptions {
    /// What they come to. The digest of the source is for the caller to add.
    pub(crate) fn read(&self) -> Result<Options, Problem> {
        let (not_before, not_after) = (self.not_before.unwrap_or(0), self.not_after.unwrap_or(0));
        if not_after != 0 && not_after <= not_before {
            return Err(Problem::new(
                "the policy would never be valid: `--not-after` is not after `--not-before`",
            ));
        }
        Ok(Options {
            generation: self.generation.map_or_else(generation, Ok)?,
            not_before,
            not_after,
            require_stamp: self.require_stamp,
            signing_key: self.signing_key.as_deref().map(key::read).transpose()?,
            ..Options::default()
        })
    }
}

/// The generation where none is given.
fn generation() -> Result<u64, Problem> {
    if let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) {
        let number = epoch.to_str().and_then(|text| text.parse().ok());
        return number.ok_or_else(|| Problem::new("`SOURCE_DATE_EPOCH` is not a number of seconds"));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map(|now| now.as_secs()).map_err(|_| {
        Problem::new("the clock says that it is before 1970")
            .help("say which generation it is with `--generation`")
    })
}
