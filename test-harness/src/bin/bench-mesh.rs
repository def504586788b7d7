//! `cargo bench-mesh`: what the filter costs in a real Envoy, beside no filter and a module that does nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    ambit_harness::bench::main()
}
