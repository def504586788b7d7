//! The module that ships, in the simulated host: three plugins of one proxy, as istiod configures them.

use std::io;
use std::time::Duration;

use super::native::pairs;
use super::{Configs, Departure, Runner, Scenario, Seen, What, traceparent, world};
use crate::host::{Downstream, Metric, Options, Outcome, Proxy, Stream};
use crate::runner::{Counters, Judged, of_verdicts, wasm};

/// Longer than a window and a tick.
const SETTLED: Duration = Duration::from_secs(3);

/// What a client of TLS says first, as far as anyone looks.
const HELLO: &[u8] = b"\x16\x03\x01";

struct Wasm {
    inbound: Proxy,
    outbound: Proxy,
    network: Proxy,
    /// The URI SAN of the certificate that the proxy shows.
    own_san: String,
}

/// Starts the runner.
///
/// # Errors
///
/// When the module cannot be had, or refuses a configuration.
pub fn start(scenario: &Scenario, configs: &Configs) -> io::Result<Box<dyn Runner>> {
    let module = wasm::module()?;
    let inbound = Proxy::new(module);
    let beside = || inbound.beside(module, Options::default());
    let (outbound, network) = (beside(), beside());
    let mut runner = Wasm { inbound, outbound, network, own_san: scenario.workload.spiffe() };
    for (proxy, config) in [
        (&mut runner.inbound, &configs.inbound),
        (&mut runner.outbound, &configs.outbound),
        (&mut runner.network, &configs.network),
    ] {
        proxy.add_worker();
        if !proxy.configure(config.as_bytes()).accepted {
            let log: Vec<_> = proxy.take_logs().iter().map(|line| line.text()).collect();
            return Err(io::Error::other(format!("a configuration is refused: {log:?}")));
        }
    }
    // What was configured is logged, too.
    runner.take_log();
    Ok(Box::new(runner))
}

impl Runner for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn depart(&mut self, departure: &Departure) -> io::Result<Seen> {
        let live: Vec<Stream> = departure
            .live
            .iter()
            .enumerate()
            .map(|(place, peer)| self.serve(departure, place, peer))
            .collect();
        if let Some(refused) = live.iter().find(|stream| stream.outcome() != Outcome::Continue) {
            return Err(io::Error::other(format!("a request is not served: {:?}", refused.outcome())));
        }
        let (passed, reached, status) = match &departure.what {
            What::Call { authority, original, .. } => {
                let cluster = world::cluster_of_call(authority);
                let from = Downstream::plaintext()
                    .to(*original)
                    .property(&["xds", "cluster_name"], cluster.as_str());
                let mut stream = self.outbound.worker(0).open_stream(from);
                let _ = stream.request_headers(&pairs(departure), true);
                let passed = stream.upstream().headers.is_some();
                if passed {
                    let _ = stream.response_headers(&[(":status", "200")], true);
                }
                let reached = passed.then(|| world::server_of_cluster(&cluster).to_owned());
                (passed, reached, stream.downstream().status())
            }
            What::Connect { server_name, address } => {
                let from = Downstream::plaintext()
                    .to(*address)
                    .requested_server_name(server_name.clone().unwrap_or_default());
                let mut connection = self.network.worker(0).open_connection(from);
                let is_led = connection.upstream_connected();
                connection.downstream_data(HELLO, false);
                let passed = connection.sent_upstream() == HELLO;
                if is_led != passed || passed == connection.is_closed() {
                    return Err(io::Error::other("what is connected is not what something is sent on"));
                }
                let server = world::server_of_connection(server_name.as_deref(), *address);
                (passed, passed.then(|| server.to_owned()), None)
            }
        };
        for mut stream in live {
            let _ = stream.response_headers(&[(":status", "200")], true);
        }
        self.pass_time();
        let log = self.take_log();
        Ok(Seen { passed, reached, judged: Judged::from_log(&log), status, log })
    }

    fn counters(&mut self, _expected: &Counters) -> io::Result<Option<Counters>> {
        self.pass_time();
        let counters = self.inbound.metrics().into_iter().filter_map(|(name, metric)| match metric {
            Metric::Counter(value) => Some((name, value)),
            Metric::Gauge(_) | Metric::Histogram(_) => None,
        });
        Ok(Some(of_verdicts(counters)))
    }
}

impl Wasm {
    /// A request of a peer reaches the application, and is not answered yet.
    fn serve(&self, departure: &Departure, place: usize, peer: &str) -> Stream {
        let from = Downstream::mtls(peer)
            .property(&["connection", "uri_san_local_certificate"], self.own_san.as_str());
        let mut stream = self.inbound.worker(0).open_stream(from);
        let traceparent = traceparent(departure.line, place);
        let headers = [
            (":authority", "called.local"),
            (":path", "/"),
            (":method", "POST"),
            (":scheme", "http"),
            ("traceparent", traceparent.as_str()),
        ];
        let _ = stream.request_headers(&headers, true);
        stream
    }

    /// Until what was served limits no one any more, and everything is counted.
    fn pass_time(&mut self) {
        self.inbound.advance(SETTLED);
        self.outbound.advance(Duration::ZERO);
        self.network.advance(Duration::ZERO);
    }

    fn take_log(&mut self) -> Vec<String> {
        self.inbound.take_logs().iter().map(|line| line.text()).collect()
    }
}
