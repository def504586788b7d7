//! Runs the command as people do. Each file of `tests/cli` is a test: a transcript of a shell, and the files that it
//! starts from. `BLESS=1` writes what really comes out into the transcripts, for review.
//!
//! ```text
//! # A comment.
//! $ ambit check -f policy.yaml
//! > a line of standard output
//! ! a line of standard error
//! ? 1
//! -- policy.yaml --
//! the text of a file
//! ```
//!
//! `? N` is the exit status, where it is not 0. Each transcript runs in a directory of its own; space at the ends of
//! lines does not count. In it, `shop` is a small policy, and `samples` the directory of the compiler's samples.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A transcript and the files it starts from.
struct Script {
    /// In order: comments and blank lines as they are, and commands.
    lines: Vec<Line>,
    files: Vec<(String, String)>,
}

enum Line {
    Comment(String),
    Command { command: String, expected: String },
}

fn parse(text: &str) -> Script {
    let mut script = Script { lines: Vec::new(), files: Vec::new() };
    for line in text.lines() {
        let name = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        if let Some(name) = name {
            script.files.push((name.to_owned(), String::new()));
        } else if let Some((_, content)) = script.files.last_mut() {
            content.push_str(line);
            content.push('\n');
        } else if let Some(command) = line.strip_prefix("$ ") {
            script.lines.push(Line::Command { command: command.to_owned(), expected: String::new() });
        } else if line.starts_with(['>', '!', '?']) {
            let Some(Line::Command { expected, .. }) = script.lines.last_mut() else {
                panic!("output before any command: {line}");
            };
            expected.push_str(line.trim_end());
            expected.push('\n');
        } else {
            script.lines.push(Line::Comment(line.to_owned()));
        }
    }
    script
}

/// Runs a command, and gives what came of it as a transcript has it.
fn run(command: &str, directory: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_ambit"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut said = String::new();
    for (prefix, bytes) in [(">", &output.stdout), ("!", &output.stderr)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            writeln!(said, "{}", format!("{prefix} {line}").trim_end()).unwrap();
        }
    }
    if !output.status.success() {
        let number = output.status.code().map_or_else(|| String::from("killed"), |code| code.to_string());
        writeln!(said, "? {number}").unwrap();
    }
    said
}

/// An empty directory.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a transcript; gives what is not as it says.
fn check(path: &Path) -> Option<String> {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let directory = directory(name);
    for (name, target) in [("samples", "../samples"), ("shop", "tests/shop")] {
        let target = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join(target)).unwrap();
        std::os::unix::fs::symlink(target, directory.join(name)).unwrap();
    }
    let text = fs::read_to_string(path).unwrap();
    let script = parse(&text);
    for (name, content) in &script.files {
        let file = directory.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let mut blessed = String::new();
    let mut wrong = String::new();
    for line in &script.lines {
        match line {
            Line::Comment(comment) => writeln!(blessed, "{comment}").unwrap(),
            Line::Command { command, expected } => {
                let actual = run(command, &directory);
                if actual != *expected {
                    writeln!(wrong, "{name}\n$ {command}\n--- expected\n{expected}--- actual\n{actual}")
                        .unwrap();
                }
                write!(blessed, "$ {command}\n{actual}").unwrap();
            }
        }
    }
    for (name, content) in &script.files {
        write!(blessed, "-- {name} --\n{content}").unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, blessed).unwrap();
        return None;
    }
    (!wrong.is_empty()).then_some(wrong)
}

#[test]
fn transcripts_are_true() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "transcripts are missing");
    let wrong: Vec<String> = paths.iter().filter_map(|path| check(path)).collect();
    assert!(wrong.is_empty(), "BLESS=1 writes what is actual\n\n{}", wrong.join("\n"));
}

/// Lines of a stream as they come.
fn lines(stream: impl std::io::Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    use std::io::BufRead as _;
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn tests_run_again_when_a_file_changes() {
    const LONG: std::time::Duration = std::time::Duration::from_secs(60);
    let directory = directory("watch");
    let write = |expected: &str| {
        let test = format!(
            "tests: [{{name: rows, from: billing, for: support, to: orders-db, send: GET /rows/7, expect: {expected}}}]"
        );
        // In one step, so that no half of it is read.
        fs::write(directory.join("next"), test).unwrap();
        fs::rename(directory.join("next"), directory.join("a.test.yaml")).unwrap();
    };
    write("allowed");
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shop");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ambit"))
        .args(["test", "--watch", "-f"])
        .arg(shop)
        .arg(&directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
    let wait = |lines: &std::sync::mpsc::Receiver<String>, wanted: &str| {
        while !lines.recv_timeout(LONG).unwrap().contains(wanted) {}
    };
    wait(&out, "1 passed, 0 failed");
    wait(&err, "waiting for a file to change");
    write("denied");
    wait(&out, "0 passed, 1 failed");
    child.kill().unwrap();
    child.wait().unwrap();
}
