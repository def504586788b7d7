//! Progress of long work: it is there for who waits at a terminal, and for nobody else.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::runs::{bare, directory};

const LONG: Duration = Duration::from_secs(120);

/// What a terminal shows in the end.
fn screen(output: &str) -> Vec<String> {
    let mut lines = vec![Vec::new()];
    let mut column = 0;
    for character in output.chars() {
        let line = lines.last_mut().unwrap();
        match character {
            '\r' => column = 0,
            '\n' => lines.push(Vec::new()),
            _ => {
                line.resize(line.len().max(column + 1), ' ');
                line[column] = character;
                column += 1;
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
}

/// Two replays are fed until the later one shows how far it is on its terminal, and the earlier one, which has none, as much
/// again, so that it has had every occasion.
#[test]
fn it_is_shown_on_a_terminal_alone_and_leaves_no_trace() {
    let stop = directory().join("stop");
    let replay = "ambit replay - --policy other --color never";
    let once = format!("while [ ! -e stop ]; do cat records.log; done | {replay}");
    let twice = format!(
        "(n=0; while [ ! -e stop ]; do cat records.log; n=$((n+1)); done
          while [ $n -gt 0 ]; do cat records.log; n=$((n-1)); done) | {replay}"
    );
    let mut quiet = Command::new("sh");
    bare(quiet.args(["-c", &twice]).stdout(Stdio::piped()).stderr(Stdio::piped()), directory());
    let quiet = quiet.spawn().unwrap();
    let mut shown = Command::new("script");
    bare(shown.args(["-qefc", &once, "/dev/null"]).stdout(Stdio::piped()), directory());
    let mut shown = shown.env("SHELL", "/bin/sh").spawn().unwrap();
    let mut terminal = shown.stdout.take().unwrap();
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = terminal.read(&mut bytes) {
            said.extend_from_slice(&bytes[..count]);
            if String::from_utf8_lossy(&said).contains(" lines") {
                let _ = sender.send(());
            }
        }
        String::from_utf8(said).unwrap()
    });
    let is_seen = receiver.recv_timeout(LONG);
    fs::write(stop, "").unwrap();
    let said = reader.join().unwrap();
    assert!(is_seen.is_ok(), "nothing was shown:\n{said}");
    assert!(shown.wait().unwrap().success(), "{said}");
    assert!(said.contains("\rreplaying: "), "{said:?}");
    let screen = screen(&said);
    assert!(screen[0].starts_with("newly allowed"), "{screen:?}");
    assert!(!screen.iter().any(|line| line.contains("replaying")), "{screen:?}");
    let quiet = quiet.wait_with_output().unwrap();
    assert!(quiet.status.success());
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "");
    let quiet = String::from_utf8(quiet.stdout).unwrap();
    assert!(quiet.starts_with("newly allowed") && !quiet.contains('\r'), "{quiet}");
}
