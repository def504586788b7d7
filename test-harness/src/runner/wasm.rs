//! The module that ships, in the simulated host. It sees all but TLS, codecs and what a real proxy does on its own.

use std::io;
use std::sync::OnceLock;

use super::{Configured, Counters, Evidence, Judged, Observed, Reached, Runner, of_verdicts};
use crate::artifact;
use crate::host::{Downstream, Metric, Module, Outcome, Proxy, Stream};
use crate::scenario::{Destination, Exchange, Framing, Peer, Stage};

/// Requests take turns on the workers, so that each configuration is in force on all of them.
const WORKERS: usize = 2;

/// The simulated host with the module in it.
pub struct Wasm {
    authority: String,
    /// The URI SAN of the certificate that the proxy shows.
    own_san: String,
    proxy: Proxy,
    requests: usize,
    begun: Option<Begun>,
}

struct Begun {
    exchange: Exchange,
    stream: Stream,
    /// Whether the filter had answered when it had seen the headers.
    decided_at_headers: bool,
    /// Pieces of the body that were sent.
    sent: usize,
}

/// Starts the runner.
///
/// # Errors
///
/// When the module cannot be had, or refuses the first configuration.
pub fn start(destination: &Destination, config: &[u8]) -> io::Result<Box<dyn Runner>> {
    Ok(Box::new(host(destination, config)?))
}

/// Starts the runner, for tests that also have the host do something.
///
/// # Errors
///
/// As [`start`].
pub fn host(destination: &Destination, config: &[u8]) -> io::Result<Wasm> {
    let mut proxy = Proxy::new(module()?);
    for _ in 0..WORKERS {
        proxy.add_worker();
    }
    let (authority, own_san) = (destination.authority(), destination.spiffe());
    let mut runner = Wasm { authority, own_san, proxy, requests: 0, begun: None };
    match runner.configure(config)? {
        Configured::Accepted => Ok(runner),
        Configured::Refused { log } => {
            Err(io::Error::other(format!("the first configuration is refused: {log:?}")))
        }
    }
}

/// The module that ships, compiled once a process.
///
/// # Errors
///
/// When it cannot be built, or is no module of our ABI.
pub fn module() -> io::Result<&'static Module> {
    static MODULE: OnceLock<Result<Module, String>> = OnceLock::new();
    let load = || {
        let path = artifact::filter(&|line| eprintln!("{line}")).map_err(|error| error.to_string())?;
        Module::from_file(path).map_err(|error| error.to_string())
    };
    MODULE.get_or_init(load).as_ref().map_err(|error| io::Error::other(error.clone()))
}

impl Runner for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn configure(&mut self, config: &[u8]) -> io::Result<Configured> {
        let configured = self.proxy.configure(config);
        let log = self.take_log();
        Ok(if configured.accepted { Configured::Accepted } else { Configured::Refused { log } })
    }

    fn begin(&mut self, exchange: &Exchange) -> io::Result<()> {
        let downstream = match &exchange.peer {
            Peer::Plaintext => Downstream::plaintext(),
            Peer::Certificate(sans) => {
                let peer = sans.first().map_or_else(Downstream::mtls_without_uri_san, Downstream::mtls);
                peer.property(&["connection", "uri_san_local_certificate"], self.own_san.as_str())
            }
        };
        let worker = self.proxy.worker(self.requests % WORKERS);
        self.requests += 1;
        let mut stream = worker.open_stream(downstream);
        let headers = exchange.pairs(&self.authority);
        let outcome = stream.request_headers(&headers, exchange.ends_at_headers());
        let mut begun = Begun {
            exchange: exchange.clone(),
            stream,
            decided_at_headers: matches!(outcome, Outcome::LocalReply(_)),
            sent: 0,
        };
        begun.send(begun.exchange.pieces.len().saturating_sub(1));
        self.begun = Some(begun);
        Ok(())
    }

    fn hold(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Observed> {
        let mut begun = self.begun.take().ok_or_else(|| io::Error::other("nothing was begun"))?;
        begun.send(begun.exchange.pieces.len());
        begun.end();
        let Begun { mut stream, decided_at_headers, exchange, .. } = begun;
        let upstream = stream.upstream();
        let reached = match (&upstream.headers, upstream.ended) {
            (None, _) => Reached::Nothing,
            (Some(_), false) => Reached::Headers,
            (Some(_), true) => Reached::Whole,
        };
        if reached == Reached::Whole {
            match &exchange.answer {
                None => drop(stream.response_headers(&[(":status", "200")], true)),
                Some(answer) => {
                    stream.response_headers(&answer.pairs(), answer.pieces.is_empty());
                    for (index, piece) in answer.pieces.iter().enumerate() {
                        stream.response_body(piece, index + 1 == answer.pieces.len());
                    }
                }
            }
        }
        let record = stream.filter_state("wasm.ambit").map(|record| text(&record));
        let downstream = stream.downstream();
        let evidence = Evidence {
            status: downstream.status(),
            headers: downstream
                .headers
                .iter()
                .flat_map(|headers| headers.iter())
                .map(|(name, value)| (text(name), value.to_vec()))
                .collect(),
            body: downstream.body,
            details: stream.details().map(|details| text(&details)),
            record: record.clone(),
            log: self.take_log(),
        };
        let answered = matches!(stream.outcome(), Outcome::LocalReply(_));
        Ok(Observed {
            reached,
            target: upstream.header(":path").map(<[u8]>::to_vec),
            judged: record.as_deref().and_then(Judged::from_record),
            stage: answered.then_some(if decided_at_headers { Stage::Headers } else { Stage::Body }),
            evidence: Some(evidence),
        })
    }

    fn counters(&mut self, _expected: &Counters) -> io::Result<Option<Counters>> {
        self.proxy.tick();
        let counters = self.proxy.metrics().into_iter().filter_map(|(name, metric)| match metric {
            Metric::Counter(value) => Some((name, value)),
            Metric::Gauge(_) | Metric::Histogram(_) => None,
        });
        Ok(Some(of_verdicts(counters)))
    }
}

impl Wasm {
    /// The proxy that is simulated.
    pub fn proxy(&mut self) -> &mut Proxy {
        &mut self.proxy
    }

    fn take_log(&mut self) -> Vec<String> {
        self.proxy.take_logs().iter().map(|line| line.text()).collect()
    }
}

impl Begun {
    /// Sends pieces of the body until `count` of them are sent.
    fn send(&mut self, count: usize) {
        let pieces = &self.exchange.pieces;
        for (index, piece) in pieces.iter().enumerate().take(count).skip(self.sent) {
            let is_end = self.exchange.framing == Framing::Length && index + 1 == pieces.len();
            self.stream.request_body(piece, is_end);
        }
        self.sent = self.sent.max(count);
    }

    /// Sends what follows the last piece.
    fn end(&mut self) {
        if self.exchange.framing != Framing::Chunked {
            return;
        }
        if self.exchange.trailers.is_empty() {
            // The codec learns of the end only with the empty chunk.
            self.stream.request_body(b"", true);
        } else {
            self.stream.request_trailers(&self.exchange.trailers);
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
