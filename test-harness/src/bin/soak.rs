//! `cargo soak`: a real Envoy under every kind of traffic at once, while its policy changes every second.

use std::process::ExitCode;

fn main() -> ExitCode {
    ambit_harness::soak::main()
}
