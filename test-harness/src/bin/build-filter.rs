//! Builds the filter as it ships, and says where it is, how large, and where the list of what it is made of is.

use std::io;
use std::process::ExitCode;

use ambit_harness::artifact::{self, FILTER, Toolchain};
use ambit_harness::sbom;

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the filter cannot be built: {error}");
            ExitCode::from(2)
        }
    }
}

fn build() -> io::Result<()> {
    let say = |line: &str| eprintln!("{line}");
    let toolchain = Toolchain::find(&say)?;
    let module = artifact::build_with(FILTER, &toolchain, &say)?;
    println!("{} {} bytes", module.display(), std::fs::metadata(&module)?.len());
    println!("{}", sbom::write(&module, &toolchain)?.display());
    Ok(())
}
