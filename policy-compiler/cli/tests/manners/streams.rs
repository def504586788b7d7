//! Colour, readers who go, full disks, and JSON.

use std::fs;
use std::process::{Output, Stdio};

use crate::commands;
use crate::runs::{RUNS, Run, ambit, on_terminal};

fn has_escapes(output: &Output) -> bool {
    output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
}

#[test]
fn without_a_terminal_nothing_is_coloured_unless_it_is_asked_for() {
    for Run { arguments, exit, has_colour } in RUNS {
        for (flag, variables, is_coloured) in [
            ("", &[][..], false),
            ("--color never", &[("CLICOLOR_FORCE", "1")], false),
            ("--color=auto", &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
            ("", &[("CLICOLOR_FORCE", "1")], *has_colour),
            ("--color always", &[("NO_COLOR", "1")], *has_colour),
        ] {
            let output =
                ambit(&format!("{flag} {arguments}")).envs(variables.iter().copied()).output().unwrap();
            let said = [&output.stdout[..], &output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(output.status.code(), Some(*exit), "ambit {flag} {arguments}\n{said}");
            assert!(!said.is_empty(), "ambit {flag} {arguments}");
            assert_eq!(has_escapes(&output), is_coloured, "ambit {flag} {arguments}, {variables:?}\n{said}");
        }
    }
}

#[test]
fn a_terminal_is_coloured_unless_it_is_not_wanted() {
    for Run { arguments, exit, has_colour } in RUNS {
        for (flag, variables, is_coloured) in [
            ("", &[("TERM", "xterm")][..], *has_colour),
            ("", &[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            ("", &[("TERM", "dumb")], false),
            ("--color never", &[("TERM", "xterm")], false),
        ] {
            let output = on_terminal(&format!("{flag} {arguments}"), variables);
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(*exit), "ambit {flag} {arguments}\n{said}");
            assert_eq!(has_escapes(&output), is_coloured, "ambit {flag} {arguments}, {variables:?}\n{said}");
        }
    }
}

#[test]
fn a_reader_who_has_gone_changes_nothing() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    for Run { arguments, exit, .. } in RUNS {
        let whole = ambit(arguments).output().unwrap();
        let output = ambit(arguments).stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(*exit), "ambit {arguments}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&whole.stderr),
            "ambit {arguments}"
        );
        let output = ambit(arguments).stdout(closed()).stderr(closed()).spawn().unwrap();
        assert_eq!(output.wait_with_output().unwrap().status.code(), Some(*exit), "ambit {arguments}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for Run { arguments, .. } in RUNS {
        let whole = ambit(arguments).output().unwrap();
        if whole.stdout.is_empty() {
            continue;
        }
        let output = ambit(arguments).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "ambit {arguments}\n{said}");
        assert!(
            said.ends_with("error: cannot write the output: no space left on device\n"),
            "ambit {arguments}\n{said}"
        );
    }
}

/// What shows something that a program could want shows it as JSON, and so does what goes wrong.
#[test]
fn json_is_one_document() {
    const TEXT: [&str; 3] = ["schema", "completions", "man"];
    for command in commands() {
        let has = ambit(&format!("{command} --help")).output().unwrap();
        let has = String::from_utf8_lossy(&has.stdout).contains("--format <FORMAT>");
        let is_group = command.is_empty() || command == "image";
        assert_eq!(has, !is_group && !TEXT.contains(&command.as_str()), "ambit {command}");
    }
    let is_shown = |run: &&Run| {
        let is_command = commands().iter().any(|command| {
            !command.is_empty() && format!("{} ", run.arguments).starts_with(&format!("{command} "))
        });
        let words: Vec<&str> = run.arguments.split(' ').collect();
        is_command
            && !words
                .iter()
                .any(|word| TEXT.contains(word) || ["--format", "--as-test", "-", "model"].contains(word))
    };
    for Run { arguments, exit, .. } in RUNS.iter().filter(is_shown) {
        let output = ambit(&format!("{arguments} --format json")).output().unwrap();
        assert_eq!(output.status.code(), Some(*exit), "ambit {arguments} --format json");
        let said = String::from_utf8(output.stdout).unwrap();
        let value: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|error| {
            panic!("ambit {arguments} --format json: {error}\n{said}");
        });
        // Diagnostics have been a list since before there were others.
        assert!(value.is_array() || value["version"].is_u64(), "ambit {arguments}\n{said}");
        assert_eq!(value["error"]["message"].is_string(), *exit == 2, "ambit {arguments}\n{said}");
    }
}
