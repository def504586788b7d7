//! Three ways to play a [`Scenario`](crate::scenario::Scenario): the filter as ordinary code ([`native`]), the module
//! that ships in a simulated host ([`wasm`]), and the same module in a real Envoy ([`envoy`]).
//!
//! A runner brings requests and configurations to its filter and says what came of them; [`play`] compares that with
//! the scenario. What a runner cannot observe it leaves out of [`Observed`], and is then not asked for. What it
//! cannot *play*, the scenario says, with the reason.

mod check;
pub mod envoy;
pub mod native;
mod play;
pub mod wasm;

use std::collections::BTreeMap;
use std::io;

use crate::scenario::{Destination, Exchange, Hop, Stage};

pub use play::play;

/// Counters of the filter by name.
pub type Counters = BTreeMap<String, u64>;

/// Of all metrics by name, the counters of verdicts. What else there is hangs on how bodies come, or on the clock.
pub(crate) fn of_verdicts(metrics: impl IntoIterator<Item = (String, u64)>) -> Counters {
    let is_other = |name: &str| name == "ambit.steps" || name.starts_with("ambit.policy.");
    metrics.into_iter().filter(|(name, _)| !is_other(name)).collect()
}

/// How to start a runner: the workload that is called, and its first configuration.
pub type Start = fn(&Destination, &[u8]) -> io::Result<Box<dyn Runner>>;

/// A filter that requests and configurations can be brought to, one at a time.
pub trait Runner {
    /// The name by which scenarios speak of it.
    fn name(&self) -> &'static str;

    /// Brings a configuration, which is in force for every later request if it is taken.
    ///
    /// # Errors
    ///
    /// When it cannot be brought at all.
    fn configure(&mut self, config: &[u8]) -> io::Result<Configured>;

    /// Sends a request up to the last piece of its body, if it has one.
    ///
    /// # Errors
    ///
    /// When it cannot be sent at all. A refusal is no error.
    fn begin(&mut self, exchange: &Exchange) -> io::Result<()>;

    /// Waits until the filter has begun on what was sent.
    ///
    /// # Errors
    ///
    /// When it does not.
    fn hold(&mut self) -> io::Result<()>;

    /// Sends the rest of the request, and observes what becomes of it.
    ///
    /// # Errors
    ///
    /// When that cannot be observed.
    fn finish(&mut self) -> io::Result<Observed>;

    /// The counters of all requests so far, or none if there are none to be seen. Waits for `expected` for a while.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn counters(&mut self, expected: &Counters) -> io::Result<Option<Counters>>;
}

/// What became of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// It is in force.
    Accepted,
    /// What was in force before still is.
    Refused {
        /// What was logged about it.
        log: Vec<String>,
    },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What the application received of it.
    pub reached: Reached,
    /// The request target that it received.
    pub target: Option<Vec<u8>>,
    /// The verdict, as far as it left a trace.
    pub judged: Option<Judged>,
    /// When it was decided.
    pub stage: Option<Stage>,
    /// What the caller and the operator saw.
    pub evidence: Option<Evidence>,
}

/// What an application received of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing at all.
    Nothing,
    /// Its headers, and never the end of it.
    Headers,
    /// All of it.
    Whole,
}

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The word of its code.
    pub code: String,
    /// Who limits the request.
    pub hop: Hop,
}

/// What the caller and the operator saw of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The status of the response; none if there was no response.
    pub status: Option<u16>,
    /// Header lines of the response, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body of the response.
    pub body: Vec<u8>,
    /// The response-code details of the access log.
    pub details: Option<String>,
    /// What the filter left for access logs.
    pub record: Option<String>,
    /// What the filter logged.
    pub log: Vec<String>,
}

impl Evidence {
    /// The first header line called `name`, if it is text.
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }
}
