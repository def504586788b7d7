//! Logs, read line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::failure::{Failure, Problem, reason};
use crate::input::{STDIN, cannot_open, shown};
use crate::limits::{LOG_BUFFER_BYTES, MAX_LOG_LINE_BYTES};
use crate::terminal::Input;

/// What a log is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { STDIN.to_owned() } else { shown(path) }
}

/// Hands every line of a log to `take`, with its number from 1. `-` is standard input. A line that is too long is left
/// out; what is not UTF-8 in a line is replaced, so that it is no record.
pub(crate) fn each_line(
    path: &Path,
    input: &mut Input<'_>,
    take: &mut dyn FnMut(&str, usize) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if path == Path::new("-") {
        return lines(input.take()?, STDIN, take);
    }
    let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Problem::new(format!("`{}` is a directory", shown(path))).help("name a log").into());
    }
    lines(file, &shown(path), take)
}

fn lines(
    from: impl Read,
    name: &str,
    take: &mut dyn FnMut(&str, usize) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let fail = |error: io::Error| Problem::new(format!("cannot read `{name}`: {}", reason(&error)));
    let mut reader = BufReader::with_capacity(LOG_BUFFER_BYTES, from);
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        let mut limited = (&mut reader).take(MAX_LOG_LINE_BYTES);
        if limited.read_until(b'\n', &mut line).map_err(fail)? == 0 {
            break;
        }
        let is_whole = line.ends_with(b"\n") || limited.limit() > 0;
        if !is_whole {
            skip_line(&mut reader).map_err(fail)?;
            continue;
        }
        match core::str::from_utf8(&line) {
            Ok(line) => take(line, number)?,
            Err(_) => take(&String::from_utf8_lossy(&line), number)?,
        }
    }
    Ok(())
}

/// Reads to the end of the line, and keeps nothing of it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        let (length, found) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(place) => (place.saturating_add(1), true),
            None => (bytes.len(), bytes.is_empty()),
        };
        reader.consume(length);
        if found {
            return Ok(());
        }
    }
}
