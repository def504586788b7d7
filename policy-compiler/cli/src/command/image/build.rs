//! `ambit image build`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ambit_istio::image::layout;
use clap::Args;
use serde_json::json;

use super::module::ModuleFile;
use crate::audience::Audience;
use crate::failure::{Failure, Problem};
use crate::input::shown;
use crate::output::{Batch, cannot_write, create_directory};
use crate::terminal::Terminal;

/// Write the image as a directory in the OCI image layout, and print its digest
///
/// The same module gives the same bytes, wherever and whenever. Every tool for images reads the directory; of a former
/// build, blobs that nothing refers to any more are left in it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit image build -o image/
  ambit image build --module ambit_filter.wasm -o image/
  skopeo copy oci:image docker://registry.example.com/ambit/filter:0.1.0

Exit status:
  0  the image is written
  2  the command line is wrong, the module is none, or a file is out of reach")]
pub(super) struct Build {
    #[command(flatten)]
    module: ModuleFile,

    /// The directory to write
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,

    #[command(flatten)]
    audience: Audience,
}

impl Build {
    pub(super) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let image = self.module.image()?;
        may_write(&self.output)?;
        let files =
            layout::files(&image).map_err(|error| Problem::new(format!("cannot make the image: {error}")))?;
        let mut batch = Batch::default();
        for (path, bytes) in &files {
            let path = self.output.join(path);
            let parent = path.parent().unwrap_or(&self.output);
            create_directory(parent)?;
            batch.stage(&path, bytes)?;
        }
        batch.commit()?;
        if self.audience.is_program() {
            let value = json!({"version": 1, "digest": image.digest().to_string()});
            writeln!(terminal.out, "{value}")?;
        } else {
            writeln!(terminal.out, "{}", image.digest())?;
        }
        Ok(())
    }
}

/// Refuses to put an image among files that are something else.
fn may_write(directory: &Path) -> Result<(), Problem> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot_write(directory, &error)),
    };
    if entries.next().is_none() || directory.join(layout::MARKER).is_file() {
        return Ok(());
    }
    Err(Problem::new(format!("`{}` is not empty, and is no image layout", shown(directory)))
        .help("name a new directory, or one that `ambit image build` made"))
}
