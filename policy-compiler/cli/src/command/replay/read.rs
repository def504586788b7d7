//! Logs, read by one thread and judged by as many as there are processors.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use super::again::Judges;
use super::tally::{Place, Tally};
use crate::failure::{Failure, Problem};
use crate::limits::REPLAY_BATCH_BYTES;
use crate::log::each_line;
use crate::progress::Progress;
use crate::record::Record;
use crate::terminal::Terminal;

/// Lines of one log.
#[derive(Default)]
struct Batch {
    log: usize,
    text: String,
    /// The number of each line, and where it ends.
    lines: Vec<(usize, usize)>,
}

/// Judges every record of the logs again.
pub(super) fn replay(
    logs: &[PathBuf],
    judges: &Judges<'_>,
    terminal: &mut Terminal<'_>,
) -> Result<Tally, Failure> {
    let Terminal { input, err, err_is_watched, .. } = terminal;
    let mut progress = Progress::new(*err, *err_is_watched, "replaying", "lines", None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let broken = || Failure::from(Problem::new("the replay broke off: this is a bug"));
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Batch>(threads);
        let receiver = std::sync::Arc::new(Mutex::new(receiver));
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let receiver = std::sync::Arc::clone(&receiver);
                scope.spawn(move || work(&receiver, judges))
            })
            .collect();
        // With the last thread the receiver goes, so that sending to nobody fails.
        drop(receiver);
        let mut done = Ok(());
        for (log, path) in logs.iter().enumerate() {
            let mut batch = Batch { log, ..Batch::default() };
            done = each_line(path, input, &mut |line, number| {
                batch.text.push_str(line);
                batch.lines.push((number, batch.text.len()));
                if batch.text.len() < REPLAY_BATCH_BYTES {
                    return Ok(());
                }
                progress.advance(batch.lines.len());
                let full = std::mem::replace(&mut batch, Batch { log, ..Batch::default() });
                sender.send(full).map_err(|_| broken())
            });
            if done.is_err() || sender.send(batch).is_err() {
                break;
            }
        }
        drop(sender);
        let mut tally = Tally::default();
        for thread in running {
            tally.merge(thread.join().map_err(|_| broken())?);
        }
        done.map(|()| tally)
    })
}

/// Takes batches until there are no more.
fn work(receiver: &Mutex<Receiver<Batch>>, judges: &Judges<'_>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let next = match receiver.lock() {
            Ok(receiver) => receiver.recv(),
            Err(_) => break,
        };
        let Ok(batch) = next else { break };
        let mut start = 0;
        for (number, end) in batch.lines {
            let line = batch.text.get(start..end).unwrap_or_default();
            start = end;
            let place = Place { log: batch.log, line: number };
            match Record::find(line) {
                Ok(None) => {}
                Ok(Some(record)) => tally.add(place, &record, judges.judge(&record)),
                Err(error) => tally.add_unread(place, error),
            }
        }
    }
    tally
}
