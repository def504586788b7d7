//! What `--help` says.

use crate::commands;
use crate::runs::ambit;

fn help(command: &str) -> String {
    let output = ambit(&format!("{command} --help")).env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success(), "{command}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_has_examples_and_the_exit_status() {
    for command in commands() {
        let help = help(&command);
        for heading in ["\nExamples:\n  ", "\nExit status:\n  0  ", "\n  2  the command line is wrong"] {
            assert!(help.contains(heading), "ambit {command} --help has no {heading:?}\n{help}");
        }
        assert!(help.ends_with('\n') && !help.ends_with("\n\n"), "ambit {command} --help");
    }
}

/// Lines that flow are as long as they can be, and lines that are kept are no longer than they may be.
#[test]
fn help_is_wrapped_once() {
    const WIDTH: usize = 80;
    // A man page is narrower by its margin.
    const KEPT: usize = 73;
    for command in commands() {
        let help = help(&command);
        let options = help.find("\nOptions:").unwrap();
        let behind = help.find("\nExamples:").unwrap();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        for (line, next) in lines.iter().zip(&lines[1..]) {
            // Clap does not break this one.
            let is_usage = line.starts_with("Usage: ");
            assert!(is_usage || line.len() <= WIDTH, "ambit {command} --help is too wide: {line}");
            let margin = |line: &str| line.len() - line.trim_start().len();
            let word = next.split_whitespace().next().unwrap_or_default();
            // Text that flows has no margin, or that of an option; lists of values have marks.
            let flows = |line: &str| [0, 10].contains(&margin(line)) && !line.trim_start().starts_with("- ");
            let is_heading = line.ends_with(':') && next.starts_with("  ");
            if !line.is_empty() && !word.is_empty() && flows(line) && flows(next) && !is_heading {
                let would = line.len() + 1 + word.len();
                assert!(would > WIDTH, "ambit {command} --help is broken too early:\n{line}\n{next}");
            }
        }
        assert!(options < behind, "ambit {command} --help");
        let text = ambit_cli::description();
        let mut text = &text;
        for word in command.split_whitespace() {
            text = text.find_subcommand(word).unwrap();
        }
        let text = text.get_after_help().unwrap().to_string();
        let examples = text.split("\n\n").filter(|block| !block.starts_with("Exit status"));
        for line in examples.flat_map(str::lines).filter(|line| line.starts_with("  ")) {
            assert!(line.len() <= KEPT, "in `ambit {command}`, too long for a man page: {line}");
            assert!(lines.contains(&line), "ambit {command} --help breaks: {line}");
        }
    }
}

/// Examples are commands that there are: only values that are left out (`...`) may be missing from them.
#[test]
fn examples_can_be_run() {
    for command in commands() {
        let help = help(&command);
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        let examples = examples.split("\n\n").next().unwrap();
        let examples =
            examples.replace("\\\n", " ").replace("|\n", "| ").replace("<(", "| ").replace(')', " ");
        for line in examples.lines() {
            let line = line.split(" #").next().unwrap();
            for part in line.split(['|', '>']).map(str::trim).filter(|part| part.starts_with("ambit ")) {
                let words = part.split_whitespace().map(|word| word.trim_matches('\''));
                if let Err(error) = ambit_cli::description().try_get_matches_from(words) {
                    assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{part}\n{error}");
                    assert!(part.contains("..."), "{part}\n{error}");
                }
            }
        }
    }
}
