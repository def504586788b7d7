//! The module that goes into an image.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ambit_istio::image::limits::MAX_MODULE_BYTES;
use ambit_istio::image::{Image, Module};
use clap::Args;

use crate::failure::Problem;
use crate::input::{cannot_open, shown};

/// Where the workspace's own build leaves the filter.
const BUILT: &str = "target/wasm/wasm32-unknown-unknown/wasm/ambit_filter.wasm";

/// Which module.
#[derive(Debug, Args)]
pub(super) struct ModuleFile {
    /// The filter's module [default: where `cargo run -p ambit-harness --bin build-filter` leaves it]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

impl ModuleFile {
    /// Whether one is named.
    pub(super) fn is_named(&self) -> bool {
        self.module.is_some()
    }

    /// Reads and checks it.
    pub(super) fn read(&self) -> Result<Module, Problem> {
        let path = self.module.as_deref().unwrap_or(Path::new(BUILT));
        let mut bytes = Vec::new();
        let read = File::open(path)
            // One byte more than may be, so that a file that is too long is not taken for one that is not.
            .and_then(|file| file.take(MAX_MODULE_BYTES.saturating_add(1)).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.module.is_none() => {
                return Err(Problem::new(format!("there is no module at `{}`", shown(path))).help(
                    "build it with `cargo run -p ambit-harness --bin build-filter`, or name one with `--module FILE`",
                ));
            }
            Err(error) => return Err(cannot_open(path, &error)),
        }
        Module::parse(bytes).map_err(|error| Problem::new(format!("`{}` is {error}", shown(path))))
    }

    /// The image of it.
    pub(super) fn image(&self) -> Result<Image, Problem> {
        Image::of(&self.read()?).map_err(|error| Problem::new(format!("cannot make the image: {error}")))
    }
}
