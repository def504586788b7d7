//! The filter's library as ordinary code. It sees verdicts and when they fall; there is no host, so no reply, no log
//! and no counter.

use std::io;
use std::rc::Rc;

use ambit_bytecode::Code;
use ambit_eval::Verdict;
use ambit_filter::decision::Decision;
use ambit_filter::head::Pairs;
use ambit_filter::inbound::{self, Inbound, Step};
use ambit_filter::policy::Policy;
use ambit_filter::settings::Settings;

use super::{Configured, Counters, Judged, Observed, Reached, Runner};
use crate::scenario::{Destination, Exchange, Hop, Peer, Stage};

/// The time of every decision, in Unix seconds: that at which the simulated host starts, 2026-01-01.
const NOW: u64 = 1_767_225_600;

struct Native {
    authority: String,
    settings: Rc<Settings>,
    begun: Option<Begun>,
}

struct Begun {
    settings: Rc<Settings>,
    exchange: Exchange,
}

/// Starts the runner.
///
/// # Errors
///
/// When the first configuration is refused.
pub fn start(destination: &Destination, config: &[u8]) -> io::Result<Box<dyn Runner>> {
    let settings = Settings::parse(config)
        .map_err(|error| io::Error::other(format!("configuration refused: {error}")))?;
    Ok(Box::new(Native { authority: destination.authority(), settings: Rc::new(settings), begun: None }))
}

impl Runner for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn configure(&mut self, config: &[u8]) -> io::Result<Configured> {
        match Settings::parse(config) {
            Ok(settings) => {
                self.settings = Rc::new(settings);
                Ok(Configured::Accepted)
            }
            // As the root context logs it.
            Err(error) => {
                Ok(Configured::Refused { log: vec![format!("ambit: configuration refused: {error}")] })
            }
        }
    }

    fn begin(&mut self, exchange: &Exchange) -> io::Result<()> {
        self.begun = Some(Begun { settings: Rc::clone(&self.settings), exchange: exchange.clone() });
        Ok(())
    }

    fn hold(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Observed> {
        let Begun { settings, exchange } =
            self.begun.take().ok_or_else(|| io::Error::other("nothing was begun"))?;
        let Some(policy) = &settings.policy else {
            let judged = Judged { code: Code::NoPolicy.word().to_owned(), hop: Hop::None };
            let (reached, stage) = (Reached::Nothing, Some(Stage::Headers));
            return Ok(Observed { reached, target: None, judged: Some(judged), stage, evidence: None });
        };
        let inbound = Inbound {
            pairs: Pairs::from_headers(&exchange.pairs(&self.authority)),
            peer: match &exchange.peer {
                Peer::Plaintext => inbound::Peer::None,
                Peer::Certificate(sans) => {
                    sans.first().cloned().map_or(inbound::Peer::Nameless, inbound::Peer::San)
                }
            },
            peer_address: b"10.0.0.1:40000".to_vec(),
            is_recorded: false,
        };
        let (verdict, stage) = judge(policy, &inbound, &exchange);
        let reached = match (verdict.passes(), stage) {
            (true, _) => Reached::Whole,
            (false, Stage::Headers) => Reached::Nothing,
            (false, Stage::Body) => Reached::Headers,
        };
        let hop = match verdict.hop {
            None => Hop::None,
            Some(ambit_eval::Hop::Member(place)) => Hop::Member(place),
            Some(ambit_eval::Hop::Mission(place)) => Hop::Mission(place),
        };
        let judged = Some(Judged { code: verdict.code.word().to_owned(), hop });
        Ok(Observed { reached, target: None, judged, stage: Some(stage), evidence: None })
    }

    fn counters(&mut self, _expected: &Counters) -> io::Result<Option<Counters>> {
        Ok(None)
    }
}

/// Judges a request as its pieces come.
fn judge(policy: &Policy, inbound: &Inbound, exchange: &Exchange) -> (Verdict, Stage) {
    let mut reading = match inbound.begin(policy, exchange.ends_at_headers(), NOW) {
        Step::Decided(decision) => {
            return pass(policy, inbound, &exchange.pieces, &decision, Stage::Headers);
        }
        Step::Read(reading) => reading,
    };
    for (place, piece) in exchange.pieces.iter().enumerate() {
        if let Some(decision) = reading.push(inbound, policy, piece, NOW) {
            return pass(policy, inbound, &exchange.pieces[place..], &decision, Stage::Body);
        }
    }
    (reading.last(inbound, policy, b"", NOW).verdict, Stage::Body)
}

/// Lets a body pass as far as a decision says.
fn pass(
    policy: &Policy,
    inbound: &Inbound,
    pieces: &[Vec<u8>],
    decision: &Decision,
    stage: Stage,
) -> (Verdict, Stage) {
    let mut passing = decision.passing;
    let mut large =
        pieces.iter().filter_map(|piece| passing.as_mut()?.push(inbound, policy, piece.len(), NOW));
    large.next().map_or((decision.verdict, stage), |decision| (decision.verdict, Stage::Body))
}
