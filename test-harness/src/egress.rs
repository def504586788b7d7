//! Scenarios of what leaves the mesh: calls and connections of one workload, on behalf of requests that it serves, and
//! what becomes of them.
//!
//! As [`scenario`](crate::scenario), these are data files that are true for every runner or not at all: the filter as
//! ordinary code ([`native`]), the module that ships in a simulated host ([`wasm`]), and the same module in a real Envoy
//! ([`envoy`]). What is outside is the same for all of them ([`world`]).

pub mod envoy;
mod file;
pub mod native;
mod play;
mod policy;
pub mod wasm;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use file::load_all;
pub(crate) use play::faults;
pub use play::play;
pub use policy::Configs;

use crate::runner::{Counters, Judged};
use crate::scenario::{Destination, Ending};

/// One file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The file's name, without `.yaml`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The workload that calls.
    pub workload: Destination,
    /// The policy's text.
    pub policy: String,
    /// Addresses that are of the mesh.
    pub internal: Vec<String>,
    /// What leaves, in order.
    pub departures: Vec<Departure>,
}

/// Something that leaves, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Departure {
    /// What it shows.
    pub name: String,
    /// The line of the file.
    pub line: u64,
    /// A call or a connection.
    pub what: What,
    /// The SPIFFE ids of those whose requests are being served meanwhile.
    pub live: Vec<String>,
    /// The call carries the trace of the request of the first of them.
    pub is_tied: bool,
    /// What becomes of it.
    pub expected: Expected,
    /// The server that it reaches; not compared if the scenario does not say.
    pub reaches: Option<String>,
    /// Each is in a line of the filter's log.
    pub log: Vec<String>,
    /// Runners that cannot play it.
    pub not: Vec<String>,
}

/// A call or a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A request that the proxy sees.
    Call {
        /// The method.
        method: String,
        /// The authority.
        authority: Vec<u8>,
        /// The request target.
        target: Vec<u8>,
        /// Further headers.
        headers: Vec<(Vec<u8>, Vec<u8>)>,
        /// Where the application connected to.
        original: SocketAddr,
    },
    /// A connection.
    Connect {
        /// The server name that its client asks for.
        server_name: Option<Vec<u8>>,
        /// Where the application connected to.
        address: SocketAddr,
    },
}

/// What is expected of something that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is of the mesh: it passes, and nobody judges it.
    Stays,
    /// It is judged, or the proxy answers by itself.
    Ends(Ending),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// It went on.
    pub passed: bool,
    /// The server that it reached, if that can be seen.
    pub reached: Option<String>,
    /// The verdict, as far as it left a trace.
    pub judged: Option<Judged>,
    /// The status of the reply, if there was one and it can be seen.
    pub status: Option<u16>,
    /// What the filter logged.
    pub log: Vec<String>,
}

/// How to start a runner.
pub type Start = fn(&Scenario, &Configs) -> io::Result<Box<dyn Runner>>;

/// The sidecar of the workload.
pub trait Runner {
    /// The name by which scenarios speak of it.
    fn name(&self) -> &'static str;

    /// Lets something leave, while requests are served.
    ///
    /// # Errors
    ///
    /// When that cannot be done, or not be observed.
    fn depart(&mut self, departure: &Departure) -> io::Result<Seen>;

    /// The counters so far, or none if there are none to be seen. Waits for `expected` for a while.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn counters(&mut self, expected: &Counters) -> io::Result<Option<Counters>>;
}

/// The value of `traceparent` by which the request at this place is known.
fn traceparent(departure: u64, place: usize) -> String {
    format!(
        "00-{departure:016x}{place:016x}-00000000000000aa-01",
        departure = departure + 1,
        place = place + 1
    )
}
