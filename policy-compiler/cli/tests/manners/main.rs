//! What holds of every command: its help and its man page, that it colours nothing where nobody sees it, and that a reader
//! who goes changes nothing.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

mod help;
mod pages;
mod progress;
mod runs;
mod streams;

/// Every command, as it is called: `image build`.
fn commands() -> Vec<String> {
    fn below(command: &clap::Command, name: &str, found: &mut Vec<String>) {
        for one in command.get_subcommands() {
            let name = format!("{name} {}", one.get_name()).trim().to_owned();
            below(one, &name, found);
            found.push(name);
        }
    }
    let mut found = vec![String::new()];
    below(&ambit_cli::description(), "", &mut found);
    found
}
