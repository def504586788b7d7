//! Man pages.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::commands;
use crate::runs::{ambit, directory};

#[test]
fn every_command_has_a_man_page() {
    let pages = directory().join("man");
    let output = ambit("man -o man").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut written: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    let name = |command: &String| format!("ambit {command}").trim().replace(' ', "-") + ".1";
    let mut expected: Vec<String> = commands().iter().map(name).collect();
    expected.sort();
    assert_eq!(written, expected);
    for command in commands() {
        let page = fs::read_to_string(pages.join(name(&command))).unwrap();
        assert_eq!(ambit(&format!("man {command}")).output().unwrap().stdout, page.as_bytes());
        let headings = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\""];
        for heading in headings {
            let count = page.lines().filter(|line| *line == format!(".SH {heading}")).count();
            assert_eq!(count, 1, "ambit {command}: {heading}\n{page}");
        }
        assert!(page.starts_with(".TH \"AMBIT") && !page.contains('`'), "ambit {command}\n{page}");
        assert!(page.lines().all(|line| !line.trim().is_empty()), "ambit {command}\n{page}");
        check(&pages.join(name(&command)));
    }
}

/// Has groff say what it holds of a page, where there is one.
fn check(page: &Path) {
    let mut groff = Command::new("groff");
    match groff.args(["-ww", "-z", "-Tutf8", "-man"]).arg(page).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{}: {said}", page.display());
        }
        Err(error) => eprintln!("*** NOT CHECKED: man pages, since groff cannot be run: {error}"),
    }
}
