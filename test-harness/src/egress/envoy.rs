//! The module that ships, in a real Envoy with everything that is outside behind it: the sidecar of the workload, whose
//! outbound listeners are configured as istiod does it for registered hosts. Beyond what istiod does, the filter also
//! stands where connections pass through, so that its verdict on them is seen.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Configs, Departure, Runner, Scenario, Seen, What, traceparent, world};
use crate::artifact;
use crate::client::{MAX_WAIT, Request};
use crate::envoy::config::{Direction, Filter};
use crate::envoy::process::wait_for;
use crate::mesh::{Mesh, Port, WorkloadSpec};
use crate::outside::{
    Answer, Chain, Leads, Outgoing, Route, Server, Speaks, captured, client_hello, http_routes,
};
use crate::pki::Authority;
use crate::runner::{Counters, Judged, of_verdicts};
use crate::upstream::Reply;

/// Name of the one workload.
const CALLER: &str = "caller";

/// Envoy's prefix of counters that a filter defines.
const COUNTER_PREFIX: &str = "wasmcustom.";

/// What an application sends where it need not be anything.
const BYTES: &[u8] = b"GET / HTTP/1.1\r\nhost: anywhere\r\n\r\n";

struct EnvoyRunner {
    mesh: Mesh,
    outside: Outside,
    /// Where connections are captured.
    connections: Port,
    served: Arc<Served>,
}

/// All servers outside.
struct Outside {
    authority: Arc<Authority>,
    http: Vec<Server>,
    https: Vec<Server>,
    others: Vec<Server>,
}

/// Requests that the application holds.
#[derive(Default)]
struct Served {
    state: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    begun: usize,
    is_open: bool,
}

/// Starts the runner.
///
/// # Errors
///
/// When the module or Envoy cannot be had, or a configuration is refused.
pub fn start(scenario: &Scenario, configs: &Configs) -> io::Result<Box<dyn Runner>> {
    let module = artifact::filter(&|line| eprintln!("{line}"))?;
    let filter = |root_id: &str, config: &str| Filter {
        module: module.clone(),
        root_id: root_id.to_owned(),
        config: Some(config.to_owned()),
    };
    let name = format!("egress-{}", scenario.name);
    let authority = Arc::new(Authority::new(&name));
    let outside = Outside::start(&authority)?;
    let connections = Port::reserve()?;
    let (routes, chains) = (outside.routes(), outside.chains());
    let network = filter("network", &configs.network);
    let at = connections.address();
    let served = Arc::<Served>::default();
    let application = Arc::clone(&served);
    let workload = WorkloadSpec::new(CALLER, &scenario.workload.spiffe())
        .workers(1)
        .app(move |_| application.hold())
        .filter(Direction::Inbound, filter("inbound", &configs.inbound))
        .filter(Direction::Outbound, filter("outbound", &configs.outbound))
        .amend(move |bootstrap| {
            http_routes(bootstrap, &routes);
            captured(bootstrap, "connections", at, Some(&network), &chains);
        });
    let mesh = Mesh::builder(&name).authority(authority).workload(workload).start()?;
    Ok(Box::new(EnvoyRunner { mesh, outside, connections, served }))
}

impl Outside {
    fn start(authority: &Arc<Authority>) -> io::Result<Self> {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let start = |name: &str, speaks| Server::start(name, ip, speaks, authority);
        let each =
            |speaks| world::NAMED.into_iter().map(|name| start(name, speaks)).collect::<io::Result<_>>();
        let others = vec![
            start(world::STRANGER, Speaks::Http)?,
            start(world::DATABASE, Speaks::First)?,
            start(world::IN_MESH, Speaks::Http)?,
        ];
        let (http, https) = (each(Speaks::Http)?, each(Speaks::Https)?);
        Ok(Self { authority: Arc::clone(authority), http, https, others })
    }

    fn other(&self, name: &str) -> Leads {
        let server = self.others.iter().find(|server| server.name() == name);
        Leads::To(server.expect("a server of the world").address())
    }

    fn routes(&self) -> Vec<Route> {
        let route = |name: &str, leads| Route {
            cluster: world::cluster(80, name),
            domains: vec![name.to_owned()],
            leads,
        };
        let named = self.http.iter().zip(&self.https).map(|(http, https)| match http.name() {
            name if name == world::ORIGINATED => route(name, Leads::Tls(https.address(), name.to_owned())),
            name => route(name, Leads::To(http.address())),
        });
        let stranger = Route {
            cluster: world::PASSTHROUGH.to_owned(),
            domains: vec!["*".to_owned()],
            leads: self.other(world::STRANGER),
        };
        named.chain([route(world::IN_MESH, self.other(world::IN_MESH)), stranger]).collect()
    }

    fn chains(&self) -> Vec<Chain> {
        let named = self.https.iter().map(|server| Chain {
            cluster: world::cluster(443, server.name()),
            server_names: vec![server.name().to_owned()],
            address: None,
            leads: Leads::To(server.address()),
        });
        let at = |cluster: String, name, address| Chain {
            cluster,
            server_names: Vec::new(),
            address,
            leads: self.other(name),
        };
        let database = world::cluster(5432, world::DATABASE);
        let others = [world::DATABASE_AT, world::DATABASE_AT_V6]
            .map(|address| at(database.clone(), world::DATABASE, Some((address.ip(), address.port()))));
        let stranger = at(world::PASSTHROUGH.to_owned(), world::STRANGER, None);
        named.chain(others).chain([stranger]).collect()
    }

    /// How many connections each server has had, in one order.
    fn counts(&self) -> Vec<(String, usize)> {
        let all = self.http.iter().chain(&self.https).chain(&self.others);
        all.map(|server| (server.name().to_owned(), server.connections().len())).collect()
    }
}

impl Served {
    /// Answers when it may.
    fn hold(&self) -> Reply {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun += 1;
        self.changed.notify_all();
        let held = self.changed.wait_timeout_while(state, MAX_WAIT, |state| !state.is_open);
        drop(held);
        Reply::new(200, "done")
    }

    fn wait_begun(&self, count: usize) -> io::Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .changed
            .wait_timeout_while(state, MAX_WAIT, |state| state.begun < count)
            .unwrap_or_else(PoisonError::into_inner);
        if state.begun < count { Err(io::Error::other("a request is not served")) } else { Ok(()) }
    }

    fn set(&self, held: Held) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = held;
        self.changed.notify_all();
    }
}

impl Runner for EnvoyRunner {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn depart(&mut self, departure: &Departure) -> io::Result<Seen> {
        let envoy = self.mesh.workload(CALLER).envoy();
        let logged = envoy.log_lines()?.len();
        let before = self.outside.counts();
        self.served.set(Held::default());
        let mut serving = Vec::new();
        for (place, peer) in departure.live.iter().enumerate() {
            let identity = self.mesh.authority().issue(&[peer]);
            let endpoint = self.mesh.direct(&identity, CALLER)?;
            let request =
                Request::post_json("/", "{}").header("traceparent", traceparent(departure.line, place));
            serving.push(std::thread::spawn(move || endpoint.send(&request)));
            self.served.wait_begun(place + 1)?;
        }
        let left = match &departure.what {
            What::Call { .. } => self.call(departure),
            What::Connect { server_name, address } => {
                let outgoing = Outgoing { listener: self.connections.address(), original: *address };
                self.connect(outgoing, server_name.as_deref())
            }
        };
        self.served.set(Held { begun: 0, is_open: true });
        for request in serving {
            request.join().map_err(|_| io::Error::other("a request broke off"))??;
        }
        let (passed, status) = left?;
        let after = self.outside.counts();
        let mut reached = before.iter().zip(&after).filter(|((_, before), (_, after))| before < after);
        let reached = match (reached.next(), reached.next()) {
            (None, _) => None,
            (Some((_, (name, _))), None) => Some(name.clone()),
            (Some(one), Some(other)) => {
                return Err(io::Error::other(format!("it reached several: {one:?} {other:?}")));
            }
        };
        if passed != reached.is_some() {
            return Err(io::Error::other(format!("it was answered: {passed}, and reached {reached:?}")));
        }
        let log = self.mesh.workload(CALLER).envoy().log_lines()?.split_off(logged);
        if !departure.live.is_empty() {
            wait_for("those requests to limit no one any more", || Ok(self.is_quiet()?.then_some(())))?;
        }
        Ok(Seen { passed, reached, judged: Judged::from_log(&log), status, log })
    }

    fn counters(&mut self, expected: &Counters) -> io::Result<Option<Counters>> {
        let admin = self.mesh.workload(CALLER).envoy().admin()?;
        let read = || -> io::Result<Counters> {
            let stats = admin.stats(COUNTER_PREFIX)?.into_iter();
            Ok(of_verdicts(
                stats
                    .filter_map(|(name, value)| Some((name.strip_prefix(COUNTER_PREFIX)?.to_owned(), value))),
            ))
        };
        let total = |counters: &Counters| counters.values().sum::<u64>();
        let _ = wait_for("the counters", || Ok((total(&read()?) >= total(expected)).then_some(())));
        read().map(Some)
    }
}

impl EnvoyRunner {
    fn in_mesh(&self) -> &Server {
        let mut others = self.outside.others.iter();
        others.find(|server| server.name() == world::IN_MESH).expect("a server of the world")
    }

    /// Whether a call to the mesh is stamped as one that begins with the workload.
    fn is_quiet(&self) -> io::Result<bool> {
        let request = format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world::IN_MESH);
        let listener = self.mesh.workload(CALLER).outbound();
        Outgoing { listener, original: listener }.send(request.as_bytes())?;
        let connections = self.in_mesh().connections();
        let last = String::from_utf8_lossy(connections.last().map_or(&[], Vec::as_slice)).into_owned();
        Ok(last.contains("via=()"))
    }

    fn call(&self, departure: &Departure) -> io::Result<(bool, Option<u16>)> {
        let What::Call { method, authority, target, headers, original } = &departure.what else {
            return Err(io::Error::other("it is no call"));
        };
        let mut lines =
            vec![(b"host".to_vec(), authority.clone()), (b"connection".to_vec(), b"close".to_vec())];
        lines.extend(headers.iter().cloned());
        if departure.is_tied {
            lines.push((b"traceparent".to_vec(), traceparent(departure.line, 0).into_bytes()));
        }
        let mut request = [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"].concat();
        for (name, value) in lines {
            request.extend([&name[..], b": ", &value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let listener = self.mesh.workload(CALLER).outbound();
        let answer = Outgoing { listener, original: *original }.send(&request)?;
        let Answer::Bytes(bytes) = answer else { return Err(io::Error::other("no answer came")) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status == Some(200), status))
    }

    fn connect(&self, outgoing: Outgoing, server_name: Option<&[u8]>) -> io::Result<(bool, Option<u16>)> {
        let is_database = [world::DATABASE_AT, world::DATABASE_AT_V6].contains(&outgoing.original);
        let named = server_name.and_then(|name| std::str::from_utf8(name).ok());
        let answer = match (named.filter(|name| world::NAMED.contains(name)), server_name) {
            (Some(name), _) => {
                let answer = outgoing.send_tls(name, &self.outside.authority, BYTES);
                // A handshake that is cut short is a connection that was closed.
                answer.unwrap_or(Answer::Closed)
            }
            (None, Some(name)) => outgoing.send(&client_hello(Some(name)))?,
            // The server speaks first, and nothing is sent to it before.
            (None, None) if is_database => outgoing.first_word()?,
            (None, None) => outgoing.send(BYTES)?,
        };
        Ok((answer != Answer::Closed, None))
    }
}
