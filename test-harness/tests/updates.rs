//! Policy changes while requests come in, on a real Envoy that takes them as istiod delivers them: no request is lost,
//! and each is judged by a policy that was in force while it was under way.
//!
//! Policies are numbered. The next is published only when every worker has been seen to follow the one before, so that
//! at any time two at most are in force. Which of them decided is told by what one allows and the other does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use ambit_harness::artifact;
use ambit_harness::client::{Client, Endpoint, MAX_WAIT, Protocol, Request};
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, Update, WorkloadSpec};
use ambit_harness::numbered::{Allowed, CALLER, OWN, config, decided_by, is_last, mix, verdict};
use ambit_harness::upstream::Reply;

const UPDATES: u64 = 200;

/// Connections that bring requests, of each protocol.
const CONNECTIONS: u64 = 3;

/// Requests that each of them brings, at least, while one policy follows another.
const REQUESTS_PER_UPDATE: u64 = 9;

/// How far the policies have come.
#[derive(Default)]
struct Progress {
    /// The last one that Envoy was given.
    published: AtomicU64,
    /// The last one that every worker follows.
    settled: AtomicU64,
    over: AtomicBool,
}

/// What became of the requests of one connection, or of several.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    allowed: u64,
    denied: u64,
    /// Requests for which only one verdict was possible.
    certain: u64,
    /// Connections that Envoy closed after it had said so.
    closed: u64,
    /// Requests without a response, or with a wrong one.
    problems: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.allowed += other.allowed;
        self.denied += other.denied;
        self.certain += other.certain;
        self.closed += other.closed;
        self.problems.extend(other.problems);
    }
}

/// A connection that brings requests until all is over.
struct Load<'a> {
    endpoint: &'a Endpoint,
    protocol: Protocol,
    progress: &'a Progress,
    /// Requests answered so far.
    answered: &'a AtomicU64,
    /// How many are sent at once.
    together: usize,
}

impl Load<'_> {
    fn run(&self) -> Tally {
        let mut tally = Tally::default();
        let mut client = self.endpoint.connect_with(self.protocol).unwrap();
        // What this connection is known to follow. It stays with one worker, so that there is no way back.
        let mut follows = 0;
        let mix = mix();
        let mut turns = (0..mix.len()).cycle();
        while !self.progress.over.load(Ordering::SeqCst) {
            let turn: Vec<_> = turns.by_ref().take(self.together).map(|turn| mix[turn].clone()).collect();
            let requests: Vec<Request> = turn.iter().map(|(request, _)| request.clone()).collect();
            let first = follows.max(self.progress.settled.load(Ordering::SeqCst));
            let responses = client.send_together(&requests);
            let in_force = first..=self.progress.published.load(Ordering::SeqCst);
            let mut open = true;
            for ((request, allowed), response) in turn.iter().zip(responses) {
                tally.sent += 1;
                let (verdict, goes_on) = match response.map_err(|error| format!("lost: {error}")) {
                    Ok(response) => (verdict(&response), !is_last(&response)),
                    Err(problem) => (Err(problem), false),
                };
                let decided = verdict.and_then(|verdict| {
                    let policy = decided_by(*allowed, verdict, in_force.clone())
                        .ok_or_else(|| format!("allowed: {verdict}, which no policy says"))?;
                    Ok((verdict, policy))
                });
                match decided {
                    Ok((verdict, policy)) => {
                        follows = follows.max(policy);
                        let is_certain = in_force.clone().all(|policy| allowed.under(policy) == verdict);
                        tally.certain += u64::from(is_certain);
                        tally.allowed += u64::from(verdict);
                        tally.denied += u64::from(!verdict);
                    }
                    Err(problem) => {
                        let Request { method, target, .. } = request;
                        tally
                            .problems
                            .push(format!("{:?} {method} {target}, {in_force:?}: {problem}", self.protocol));
                    }
                }
                open &= goes_on;
            }
            self.answered.fetch_add(requests.len() as u64, Ordering::SeqCst);
            if !open {
                tally.closed += 1;
                client = self.endpoint.connect_with(self.protocol).unwrap();
                follows = 0;
            }
        }
        tally
    }
}

/// One connection for each worker at least, of requests that Envoy never closes a connection for.
struct Probes(Vec<Client>);

impl Probes {
    fn open(endpoint: &Endpoint, mesh: &Mesh) -> Self {
        let workload = mesh.workload("tool");
        let listener = format!("listener.{}", workload.inbound()).replace(':', "_");
        let (mut probes, mut reached) = (Vec::new(), BTreeMap::new());
        while reached.len() < 2 {
            let mut probe = endpoint.connect().unwrap();
            assert!(verdict(&probe.send(&Request::get("/open").header("x-probe", "1")).unwrap()).unwrap());
            probes.push(probe);
            for worker in ["worker_0", "worker_1"] {
                let connections = workload.envoy().stat(&format!("{listener}.{worker}.downstream_cx_active"));
                match connections.unwrap() {
                    0 => {}
                    count => drop(reached.insert(worker, count)),
                }
            }
            assert!(probes.len() < 200, "connections to one worker only: {reached:?}");
        }
        Self(probes)
    }

    /// Waits until every worker follows a policy.
    fn follow(&mut self, policy: u64) {
        let target = if policy.is_multiple_of(2) { "/even" } else { "/odd" };
        let request = Request::get(target).header("x-probe", "1");
        for probe in &mut self.0 {
            until(&format!("policy {policy}"), || verdict(&probe.send(&request).unwrap()).unwrap());
        }
    }
}

#[test]
fn policies_change_under_load() {
    let module = artifact::filter(&|line| eprintln!("{line}")).unwrap();
    let filter = Filter { module, root_id: "ambit-inbound".to_owned(), config: Some(config(0)) };
    let workload = WorkloadSpec::new("tool", OWN).app(|_| Reply::new(200, "ok"));
    let mesh =
        Mesh::builder("updates").workload(workload.filter(Direction::Inbound, filter)).start().unwrap();
    let tool = mesh.workload("tool");
    let endpoint = mesh.direct(&mesh.authority().issue(&[CALLER]), "tool").unwrap();
    let mut probes = Probes::open(&endpoint, &mesh);

    let progress = Progress::default();
    let answered: Vec<AtomicU64> = (0..2 * CONNECTIONS).map(|_| AtomicU64::new(0)).collect();
    let mut tally = Tally::default();
    let mut held = 0;
    std::thread::scope(|scope| {
        let loads: Vec<_> = answered
            .iter()
            .zip([(Protocol::Http1, 1), (Protocol::Http2, 5)].into_iter().cycle())
            .map(|(answered, (protocol, together))| {
                let load = Load { endpoint: &endpoint, protocol, progress: &progress, answered, together };
                scope.spawn(move || load.run())
            })
            .collect();
        // However this ends, the others end too.
        let over = Over(&progress);
        for policy in 1..=UPDATES {
            // A request of which the policy before has seen the headers, and the next one is in force for the body.
            let waiting = Held::send(&endpoint, &mesh, policy);
            let before: Vec<u64> = answered.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            progress.published.store(policy, Ordering::SeqCst);
            assert_eq!(tool.update_policy(&config(policy)).unwrap(), Update::Accepted, "{policy}");
            probes.follow(policy);
            for (count, before) in answered.iter().zip(before) {
                until("requests of every connection", || {
                    assert!(!loads.iter().any(|load| load.is_finished()), "a connection's thread ended");
                    count.load(Ordering::SeqCst) >= before + REQUESTS_PER_UPDATE
                });
            }
            progress.settled.store(policy, Ordering::SeqCst);
            held += u64::from(waiting.finish(policy));
        }
        drop(over);
        for load in loads {
            tally.add(load.join().unwrap());
        }
    });

    eprintln!(
        "{UPDATES} updates; {} requests sent, {} lost or judged wrongly; {} allowed, {} denied; {} with one possible \
         verdict; {} connections closed as announced; {UPDATES} requests held over an update, {held} of them allowed",
        tally.sent,
        tally.problems.len(),
        tally.allowed,
        tally.denied,
        tally.certain,
        tally.closed,
    );
    assert_eq!(tally.problems, Vec::<String>::new());
    assert!(tally.sent >= UPDATES * 2 * CONNECTIONS * REQUESTS_PER_UPDATE);
    assert_eq!(tally.sent, tally.allowed + tally.denied);
    // What was allowed arrived, and nothing else did in full.
    let arrived = tool.count_received(|one| one.complete && one.header("x-probe").is_none());
    assert_eq!(arrived as u64, tally.allowed + held);
    assert_eq!(tool.count_received(|one| one.target == "/closed"), 0);
    // Envoy kept its listeners, and with them all connections.
    let envoy = tool.envoy();
    assert_eq!(envoy.stat("listener_manager.total_listeners_draining").unwrap(), 0);
    assert_eq!(envoy.stat("listener_manager.listener_modified").unwrap(), 0);
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + MAX_WAIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// Ends the load when dropped.
struct Over<'a>(&'a Progress);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// A request whose body is still to come.
struct Held {
    connection: ambit_harness::client::RawConnection,
    body: Vec<u8>,
}

impl Held {
    /// Sends the headers, and waits until the proxy has passed them on: they were looked at then.
    fn send(endpoint: &Endpoint, mesh: &Mesh, policy: u64) -> Self {
        let target = "/pay";
        let request = Request::post_json(target, r#"{"amount": 75}"#)
            .host("tool.local")
            .header("x-number", policy.to_string());
        let mut connection = endpoint.raw().unwrap();
        let bytes = request.to_bytes();
        let (head, body) = bytes.split_at(bytes.len() - request.body.len());
        connection.write(head).unwrap();
        let number = policy.to_string();
        let tool = mesh.workload("tool");
        until("headers of a request", || {
            tool.count_received(|one| one.header("x-number") == Some(&number)) > 0
        });
        Self { connection, body: body.to_vec() }
    }

    /// Sends the rest. The policy that was in force when it began decides.
    fn finish(mut self, policy: u64) -> bool {
        self.connection.write(&self.body).unwrap();
        let response = self.connection.read_response().unwrap();
        let verdict = verdict(&response).unwrap();
        assert_eq!(verdict, Allowed::Even.under(policy - 1), "held over update {policy}");
        verdict
    }
}
