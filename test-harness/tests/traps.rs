//! The filter itself traps in a real Envoy, of a request or for want of memory: nothing passes that no policy lets pass, and
//! `FAIL_RELOAD` brings it back with what it was configured with. What becomes of lineage is in `tests/lineage/traps.rs`.
//!
//! What ships cannot be made to trap, so it is given a way to: see [`fragile`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::time::Instant;

use ambit_harness::artifact;
use ambit_harness::client::{Endpoint, MAX_WAIT, RawConnection, Request, Response};
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::fragile::{self, Death};
use ambit_harness::host::{Inspection, Module};
use ambit_harness::mesh::{Mesh, Workload, WorkloadSpec};
use ambit_harness::numbered::{CALLER, OWN, config, is_last, mix, verdict};

/// Apart from the one function in front it is what ships: no import and no export more, nothing but a way to die.
#[test]
fn what_dies_is_what_ships() {
    let shipped = std::fs::read(artifact::filter(&|line| eprintln!("{line}")).unwrap()).unwrap();
    let fragile = fragile::fragile(&shipped).unwrap();
    let outside = |module: &[u8]| {
        let Inspection { imports, exports, .. } = Module::from_bytes(module).unwrap().inspect();
        (imports, exports)
    };
    assert_eq!(outside(&fragile), outside(&shipped));
    assert!(fragile.len() > shipped.len() && fragile.len() < shipped.len() + 256);
    assert_eq!(fragile::fragile(b"\0asm\x01\0\0\0"), None);
}

#[test]
fn a_worker_that_is_alone() {
    for death in Death::ALL {
        dies(1, death);
    }
}

#[test]
fn a_worker_among_two() {
    for death in Death::ALL {
        dies(2, death);
    }
}

/// Twice: what comes back is as good as what was there.
fn dies(workers: u32, death: Death) {
    let filter = Filter {
        module: fragile::module(&|line| eprintln!("{line}")).unwrap(),
        root_id: "ambit-inbound".to_owned(),
        config: Some(config(0)),
    };
    let workload = WorkloadSpec::new("tool", OWN).workers(workers).filter(Direction::Inbound, filter);
    let mesh = Mesh::builder(&format!("traps-{workers}")).workload(workload).start().unwrap();
    let tool = mesh.workload("tool");
    let endpoint = mesh.direct(&mesh.authority().issue(&[CALLER]), "tool").unwrap();
    let doors = Doors { endpoint: &endpoint, tool };
    let mut allowed = 0;
    for round in 1..=2 {
        allowed += die(&doors, workers, death, round);
        let count = |name: &str| tool.envoy().stat(&format!("wasm.ambit-inbound.{name}")).unwrap();
        assert_eq!((count("vm_reload_success"), count("vm_reload_failure")), (round, 0), "{death:?}");
        // What was allowed arrived, and nothing else did in full.
        assert_eq!(tool.count_received(|one| one.complete), allowed, "{death:?}");
    }
    let trapped = tool.wait_access_log(|entry| entry["details"] == "wasm_fail_stream").unwrap();
    assert_eq!(trapped["status"], 503, "{death:?}");
    assert!(tool.envoy().log_contains("RuntimeError: unreachable").unwrap(), "{death:?}");
}

/// How many requests were allowed meanwhile.
fn die(doors: &Doors<'_>, workers: u32, death: Death, round: u64) -> usize {
    let mut allowed = 0;
    // On each worker one request that is allowed and one that is not, of which the filter has seen the headers only.
    let mut held = Vec::new();
    for worker in 0..workers {
        for (amount, is_allowed) in [(10, true), (500, false)] {
            held.push((
                worker,
                is_allowed,
                doors.hold(worker, amount, &format!("{worker} {amount} {round}")),
            ));
        }
    }
    let mut lines: Vec<Line<'_>> = (0..workers).map(|worker| Line::new(doors, worker)).collect();

    let mark = |request: Request| (0..death.headers()).fold(request, |request, _| request.header("x", "y"));
    let answer = lines[0].send(&mark(Request::get("/open")));
    assert_eq!((answer.status, answer.header("x-ambit-code")), (503, None), "{death:?}");

    for (worker, is_allowed, held) in held {
        let answer = held.finish();
        if worker == 0 {
            assert_eq!(answer.status, 503, "{death:?}: it was under way in a VM that is no more");
        } else {
            assert_eq!(verdict(&answer), Ok(is_allowed), "{death:?}: another worker goes on");
            allowed += usize::from(is_allowed);
        }
    }
    // Until the VM is there again nothing passes.
    let deadline = Instant::now() + MAX_WAIT;
    loop {
        let denied = lines[0].send(&Request::get("/closed"));
        assert!(matches!(denied.status, 403 | 503), "{death:?}: {}", denied.status);
        let answer = lines[0].send(&Request::get("/open"));
        if answer.status == 200 {
            allowed += 1;
            break;
        }
        assert_eq!(answer.status, 503, "{death:?}");
        assert!(Instant::now() < deadline, "{death:?}: the filter does not come back");
    }
    for line in &mut lines {
        for (request, expected) in mix() {
            let verdict = verdict(&line.send(&request));
            assert_eq!(verdict, Ok(expected.under(0)), "{death:?}: {} afterwards", request.target);
            allowed += usize::from(expected.under(0));
        }
    }
    allowed
}

/// Requests that come to one worker, on one connection after the other: Envoy closes those on which it fails.
struct Line<'a> {
    doors: &'a Doors<'a>,
    worker: u32,
    connection: RawConnection,
}

impl<'a> Line<'a> {
    fn new(doors: &'a Doors<'a>, worker: u32) -> Self {
        Self { doors, worker, connection: doors.open(worker) }
    }

    fn send(&mut self, request: &Request) -> Response {
        self.connection.write(&request.clone().host("tool.local").to_bytes()).unwrap();
        let answer = self.connection.read_response().unwrap();
        if is_last(&answer) {
            self.connection = self.doors.open(self.worker);
        }
        answer
    }
}

/// Connections by the worker that has them.
struct Doors<'a> {
    endpoint: &'a Endpoint,
    tool: &'a Workload,
}

impl Doors<'_> {
    fn open(&self, worker: u32) -> RawConnection {
        let listener = format!("listener.{}", self.tool.inbound()).replace(':', "_");
        let come = |worker: &str| {
            self.tool.envoy().stat(&format!("{listener}.{worker}downstream_cx_total")).unwrap()
        };
        let own = format!("worker_{worker}.");
        let deadline = Instant::now() + MAX_WAIT;
        // The kernel chooses: those that came to others are closed again.
        loop {
            let (all, before) = (come(""), come(&own));
            let connection = self.endpoint.raw().unwrap();
            while come("") == all {
                assert!(Instant::now() < deadline, "a connection that does not come");
                std::thread::yield_now();
            }
            if come(&own) > before {
                return connection;
            }
            assert!(Instant::now() < deadline, "no connection to worker {worker}");
        }
    }

    /// Sends the headers of a request, and waits until they have come to the application.
    fn hold(&self, worker: u32, amount: u32, number: &str) -> Held {
        let request = Request::post_json("/pay", format!("{{\"amount\": {amount}}}"))
            .host("tool.local")
            .header("x-number", number);
        let bytes = request.to_bytes();
        let (head, body) = bytes.split_at(bytes.len() - request.body.len());
        let mut connection = self.open(worker);
        connection.write(head).unwrap();
        let deadline = Instant::now() + MAX_WAIT;
        while self.tool.count_received(|one| one.header("x-number") == Some(number)) == 0 {
            assert!(Instant::now() < deadline, "headers that do not come");
            std::thread::yield_now();
        }
        Held { connection, body: body.to_vec() }
    }
}

/// A request whose body is still to come.
struct Held {
    connection: RawConnection,
    body: Vec<u8>,
}

impl Held {
    fn finish(mut self) -> Response {
        // It may have been answered and closed by now.
        let _ = self.connection.write(&self.body);
        self.connection.read_response().unwrap()
    }
}
