//! Kinds of clients, each a connection after the other until all is over.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::client::{Endpoint, Protocol, Request};
use crate::numbered::{decided_by, is_last, mix, verdict};

/// How far the policies have come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last one that Envoy was given.
    pub(super) published: AtomicU64,
    /// The last one that every worker follows.
    pub(super) settled: AtomicU64,
    pub(super) over: AtomicBool,
}

impl Progress {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }
}

/// What became of requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Verdicts that were compared with what the policies in force say.
    pub(super) checked: u64,
    /// What was sent, by kind.
    pub(super) kinds: BTreeMap<&'static str, u64>,
    pub(super) problems: Vec<String>,
}

impl Tally {
    pub(super) fn broken(problem: &str) -> Self {
        Self { problems: vec![problem.to_owned()], ..Self::default() }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.checked += other.checked;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.problems.extend(other.problems);
    }

    fn count(&mut self, kind: &'static str) {
        *self.kinds.entry(kind).or_default() += 1;
    }
}

/// A kind of client.
type Kind = fn(&Endpoint, &Progress) -> Tally;

/// All at once, some of them twice.
pub(super) const KINDS: [Kind; 8] = [
    |endpoint, progress| well_behaved(endpoint, progress, Protocol::Http1, 1),
    |endpoint, progress| well_behaved(endpoint, progress, Protocol::Http1, 1),
    |endpoint, progress| well_behaved(endpoint, progress, Protocol::Http2, 5),
    |endpoint, progress| well_behaved(endpoint, progress, Protocol::Http2, 9),
    malformed,
    |endpoint, progress| in_pieces(endpoint, progress, "slow", Duration::from_millis(2)),
    |endpoint, progress| in_pieces(endpoint, progress, "in pieces", Duration::ZERO),
    aborted,
];

/// Requests whose verdicts are known, one or several at once.
fn well_behaved(endpoint: &Endpoint, progress: &Progress, protocol: Protocol, together: usize) -> Tally {
    let mut tally = Tally::default();
    let mix = mix();
    let mut turns = (0..mix.len()).cycle();
    let mut client = None;
    while progress.goes_on() {
        let open = match client.take().map_or_else(|| endpoint.connect_with(protocol), Ok) {
            Ok(open) => client.insert(open),
            Err(error) => return Tally::broken(&format!("no connection: {error}")),
        };
        let turn: Vec<_> = turns.by_ref().take(together).map(|turn| mix[turn].clone()).collect();
        let requests: Vec<Request> = turn.iter().map(|(request, _)| request.clone()).collect();
        let first = progress.settled.load(Ordering::SeqCst);
        let responses = open.send_together(&requests);
        let in_force = first..=progress.published.load(Ordering::SeqCst);
        let mut is_open = true;
        for ((request, allowed), response) in turn.iter().zip(responses) {
            tally.count(if protocol == Protocol::Http2 { "over HTTP/2" } else { "over HTTP/1.1" });
            if response.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotConnected) {
                // Envoy is closing the connection, and has nothing of it.
                tally.count("not sent, as announced");
                is_open = false;
                continue;
            }
            let outcome = response.map_err(|error| format!("lost: {error:?}")).and_then(|response| {
                is_open &= !is_last(&response);
                let verdict = verdict(&response)?;
                decided_by(*allowed, verdict, in_force.clone())
                    .map(|_| ())
                    .ok_or_else(|| format!("allowed: {verdict}, which no policy says"))
            });
            match outcome {
                Ok(()) => tally.checked += 1,
                Err(problem) => {
                    is_open = false;
                    tally.problems.push(format!("{} {}: {problem}", request.method, request.target));
                }
            }
        }
        if !is_open {
            client = None;
        }
    }
    tally
}

/// Requests that no policy lets pass, whatever it grants.
fn malformed(endpoint: &Endpoint, progress: &Progress) -> Tally {
    let pay = |body: &[u8]| Request::post_json("/pay", body);
    let requests = [
        (Request::get("/open%2f..%2fclosed"), "path-refused"),
        (Request::get("/open").header("x-ambit-lineage", "v=9"), "lineage-malformed"),
        (Request::get("/open").header("x-ambit-lineage", b"v=1, via=(\"\xff\")"), "lineage-malformed"),
        (pay(b"{\"amount\": 1, \"amount\": 2}"), "body-malformed"),
        (pay(b"{\"amount\": "), "body-malformed"),
        (pay(&b"[".repeat(100)), "body-malformed"),
        (pay(b"\xff\xfe"), "body-malformed"),
        (pay(b"{}").header("content-encoding", "gzip"), "body-unreadable"),
        (Request::get("/nothing"), "action-unknown"),
        (Request::get("/open").header("x_ambit_lineage", "v=1, via=()"), "lineage-malformed"),
    ];
    let mut tally = Tally::default();
    for (request, code) in requests.iter().cycle() {
        if !progress.goes_on() {
            break;
        }
        tally.count("malformed");
        match endpoint.send(request) {
            Ok(response) if response.status < 500 && response.header("x-ambit-code") == Some(code) => {
                tally.checked += 1
            }
            Ok(response) => tally.problems.push(format!(
                "{} {}: {} {:?} and not {code}",
                request.method,
                request.target,
                response.status,
                response.header("x-ambit-code")
            )),
            Err(error) => tally.problems.push(format!("{} {}: {error}", request.method, request.target)),
        }
    }
    tally
}

/// Requests that come a few bytes at a time.
fn in_pieces(endpoint: &Endpoint, progress: &Progress, kind: &'static str, pause: Duration) -> Tally {
    let mut tally = Tally::default();
    for (amount, is_allowed) in [(10, true), (500, false)].into_iter().cycle() {
        if !progress.goes_on() {
            break;
        }
        tally.count(kind);
        let request = Request::post_json("/pay", format!("{{\"amount\": {amount}}}")).host("tool.local");
        let outcome = (|| {
            let mut connection = endpoint.raw()?;
            for piece in request.to_bytes().chunks(7) {
                connection.write(piece)?;
                std::thread::sleep(pause);
            }
            connection.read_response()
        })();
        match outcome.map_err(|error: io::Error| error.to_string()).and_then(|response| verdict(&response)) {
            Ok(verdict) if verdict == is_allowed => tally.checked += 1,
            Ok(verdict) => tally.problems.push(format!("{kind}, {amount}: allowed: {verdict}")),
            Err(problem) => tally.problems.push(format!("{kind}, {amount}: {problem}")),
        }
    }
    tally
}

/// Requests that their senders give up in the middle.
fn aborted(endpoint: &Endpoint, progress: &Progress) -> Tally {
    let mut tally = Tally::default();
    let whole =
        Request::post_json("/pay", r#"{"amount": 10, "text": "some more"}"#).host("tool.local").to_bytes();
    for end in (0..whole.len()).step_by(5).cycle() {
        if !progress.goes_on() {
            break;
        }
        tally.count("aborted");
        if let Err(error) = endpoint.raw().and_then(|mut connection| connection.write(&whole[..end])) {
            tally.problems.push(format!("aborted after {end} bytes: {error}"));
        }
    }
    tally
}
