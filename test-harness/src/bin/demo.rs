//! `cargo demo`: the seed story on real Envoys. `cargo demo -- --help` says what else it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    ambit_harness::demo::main()
}
