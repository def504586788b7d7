//! The module that ships, in a real Envoy: the inbound sidecar of a workload of the [`mesh`](crate::mesh), called with
//! certificates of the mesh's authority. It sees everything, and what other parts of Envoy do on their own.
//!
//! The listener takes plaintext beside mTLS, so that the filter's own answer to plaintext is seen.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Configured, Counters, Evidence, Judged, Observed, Reached, Runner, of_verdicts};
use crate::artifact;
use crate::client::raw::RawConnection;
use crate::client::{Endpoint, Response};
use crate::envoy::config::{Direction, Filter, Tls};
use crate::envoy::process::wait_for;
use crate::mesh::{Mesh, Update, Workload, WorkloadSpec};
use crate::scenario::{Answer, Destination, Exchange, Peer};
use crate::upstream::{Received, Reply};

/// Name of the one workload.
const CALLED: &str = "called";

/// Header by which the application's record tells requests apart: one that was denied may reach it late.
const MARK: &str = "x-harness-request";

/// Envoy's prefix of counters that a filter defines.
const COUNTER_PREFIX: &str = "wasmcustom.";

struct EnvoyRunner {
    authority: String,
    mesh: Mesh,
    /// What the application is to answer next.
    answer: Arc<Mutex<Option<Answer>>>,
    begun: Option<Begun>,
    /// Requests so far.
    requests: usize,
}

struct Begun {
    exchange: Exchange,
    /// None if the connection was refused.
    connection: Option<RawConnection>,
    /// What there was before the request.
    logged: usize,
    accessed: usize,
}

/// Starts the runner.
///
/// # Errors
///
/// When the module or Envoy cannot be had, or the first configuration is refused.
pub fn start(destination: &Destination, config: &[u8]) -> io::Result<Box<dyn Runner>> {
    let module = artifact::filter(&|line| eprintln!("{line}"))?;
    let filter = Filter { module, root_id: "ambit".to_owned(), config: Some(text_of(config)?) };
    let answer = Arc::new(Mutex::new(None));
    let next = Arc::clone(&answer);
    let workload = WorkloadSpec::new(CALLED, &destination.spiffe())
        .app(move |_| reply(next.lock().unwrap_or_else(PoisonError::into_inner).clone()))
        .tls(Tls::Permissive)
        .filter(Direction::Inbound, filter);
    let mesh =
        Mesh::builder(&format!("scenario-{}", destination.service_account)).workload(workload).start()?;
    let authority = destination.authority();
    Ok(Box::new(EnvoyRunner { authority, mesh, answer, begun: None, requests: 0 }))
}

/// The reply that a scenario's answer is: several pieces are sent one by one.
fn reply(answer: Option<Answer>) -> Reply {
    // Also an answer of an MCP server, if not a good one.
    let Some(Answer { status, headers, mut pieces }) = answer else {
        return Reply::new(200, "{}").header("content-type", "application/json");
    };
    let reply = if pieces.len() > 1 {
        let (reply, stream) = Reply::stream(status);
        std::thread::spawn(move || {
            // The filter's side may be gone before all is sent.
            let _ = pieces.into_iter().try_for_each(|piece| stream.send(piece).then_some(()));
        });
        reply
    } else {
        Reply::new(status, pieces.pop().unwrap_or_default())
    };
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    headers.iter().fold(reply, |reply, (name, value)| reply.header(&text(name), value))
}

impl Runner for EnvoyRunner {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn configure(&mut self, config: &[u8]) -> io::Result<Configured> {
        Ok(match self.called().update_policy(&text_of(config)?)? {
            Update::Accepted => Configured::Accepted,
            Update::Rejected { log } => Configured::Refused { log },
        })
    }

    fn begin(&mut self, exchange: &Exchange) -> io::Result<()> {
        self.requests += 1;
        let mut exchange = exchange.clone();
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&exchange.answer);
        exchange.headers.push((MARK.as_bytes().to_vec(), self.requests.to_string().into_bytes()));
        let called = self.called();
        let logged = called.envoy().log_lines()?.len();
        let accessed = called.access_log()?.len();
        let mut connection = self.endpoint(&exchange.peer)?.raw().ok();
        if let Some(open) = &mut connection {
            let held = exchange.pieces.len().saturating_sub(1);
            let pieces = exchange.pieces.iter().take(held).map(|piece| exchange.wire_piece(piece));
            // Envoy may answer and close before it has read everything; what it answered is read later.
            let _ = std::iter::once(exchange.wire_head(&self.authority))
                .chain(pieces)
                .try_for_each(|bytes| open.write(&bytes));
        }
        self.begun = Some(Begun { exchange, connection, logged, accessed });
        Ok(())
    }

    fn hold(&mut self) -> io::Result<()> {
        // The filter lets headers go on before it holds the body, so the application has them when it has begun.
        wait_for("the headers to reach the application", || Ok((!self.received().is_empty()).then_some(())))
    }

    fn finish(&mut self) -> io::Result<Observed> {
        let Begun { exchange, connection, logged, accessed } =
            self.begun.take().ok_or_else(|| io::Error::other("nothing was begun"))?;
        let mut evidence = Evidence::default();
        let mut rest = exchange.pieces.last().map(|piece| exchange.wire_piece(piece)).unwrap_or_default();
        rest.extend(exchange.wire_end());
        let response = connection.and_then(|mut connection| {
            let _ = connection.write(&rest);
            connection.read_response().ok()
        });
        let called = self.called();
        if let Some(Response { status, headers, body, .. }) = response {
            (evidence.status, evidence.headers, evidence.body) = (Some(status), headers, body);
            let entry = wait_for("the request's entry in the access log", || {
                Ok(called.access_log()?.into_iter().nth(accessed))
            })?;
            let field = |name: &str| entry[name].as_str().filter(|text| *text != "-").map(str::to_owned);
            (evidence.details, evidence.record) = (field("details"), field("ambit"));
        }
        evidence.log = called.envoy().log_lines()?.split_off(logged);
        let (reached, target) = match self.received().as_slice() {
            [] => (Reached::Nothing, None),
            [Received { complete: false, target, .. }] => {
                (Reached::Headers, Some(target.clone().into_bytes()))
            }
            [Received { complete: true, target, .. }] => (Reached::Whole, Some(target.clone().into_bytes())),
            several => {
                return Err(io::Error::other(format!(
                    "one request reached the application as several: {several:?}"
                )));
            }
        };
        let judged = evidence.record.as_deref().and_then(Judged::from_record);
        Ok(Observed { reached, target, judged, stage: None, evidence: Some(evidence) })
    }

    fn counters(&mut self, expected: &Counters) -> io::Result<Option<Counters>> {
        let admin = self.called().envoy().admin()?;
        let read = || -> io::Result<Counters> {
            let stats = admin.stats(COUNTER_PREFIX)?.into_iter();
            Ok(of_verdicts(
                stats
                    .filter_map(|(name, value)| Some((name.strip_prefix(COUNTER_PREFIX)?.to_owned(), value))),
            ))
        };
        // The filter hands its counts over on a tick. Too many would show as soon as enough do.
        let total = |counters: &Counters| counters.values().sum::<u64>();
        let _ = wait_for("the counters", || Ok((total(&read()?) >= total(expected)).then_some(())));
        read().map(Some)
    }
}

impl EnvoyRunner {
    fn called(&self) -> &Workload {
        self.mesh.workload(CALLED)
    }

    /// What the application received of the last request.
    fn received(&self) -> Vec<Received> {
        let mark = self.requests.to_string();
        let mut all = self.called().received();
        all.retain(|received| received.header(MARK) == Some(&mark));
        all
    }

    fn endpoint(&self, peer: &Peer) -> io::Result<Endpoint> {
        let Peer::Certificate(sans) = peer else { return Ok(self.mesh.plain(CALLED)) };
        let sans: Option<Vec<&str>> =
            sans.iter().map(|san| std::str::from_utf8(san).ok().filter(|san| san.is_ascii())).collect();
        let sans = sans.ok_or_else(|| io::Error::other("a certificate has only ASCII in a URI SAN"))?;
        self.mesh.direct(&self.mesh.authority().issue(&sans), CALLED)
    }
}

fn text_of(config: &[u8]) -> io::Result<String> {
    let text = String::from_utf8(config.to_vec());
    text.map_err(|_| io::Error::other("Envoy's configuration is JSON, so that of a filter is text"))
}
