//! The mesh itself: identity, routing between workloads, and filters that change while it runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::path::PathBuf;
use std::process::Command;

use ambit_harness::client::{Endpoint, MAX_WAIT, Protocol, Request};
use ambit_harness::envoy::config::{Direction, Filter, Tls};
use ambit_harness::mesh::{Mesh, Update, Workload, WorkloadSpec};
use ambit_harness::pki::Authority;
use ambit_harness::upstream::{Call, Received, Reply};

/// How a caller reaches the inbound listener of a workload.
type Caller<'a> = &'a dyn Fn(&str) -> Endpoint;

const SUPPORT: &str = "spiffe://cluster.local/ns/support/sa/support-agent";
const ADMIN: &str = "spiffe://cluster.local/ns/admin/sa/admin-agent";

/// The stand-in filter of `tests/data/probe.wat`, which does what the first byte of its configuration says.
fn probe(config: Option<&str>) -> Filter {
    let module = wat::parse_str(include_str!("data/probe.wat")).unwrap();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    // Another test may be reading the file, so it is put there in one step.
    let (file, draft) = (
        directory.join("probe.wasm"),
        directory.join(format!("{}-{:?}", std::process::id(), std::thread::current().id())),
    );
    std::fs::write(&draft, module).unwrap();
    std::fs::rename(draft, &file).unwrap();
    Filter { module: file, root_id: "probe".to_owned(), config: config.map(str::to_owned) }
}

fn probed(config: Option<&str>) -> WorkloadSpec {
    WorkloadSpec::new("admin", ADMIN).filter(Direction::Inbound, probe(config))
}

/// A scenario may share a mesh between threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Mesh>();
};

fn targets(workload: &Workload) -> Vec<String> {
    workload
        .received()
        .into_iter()
        .filter(|received| received.complete)
        .map(|received| received.target)
        .collect()
}

/// What the peer's certificate says reaches the access log, whatever it says.
#[test]
fn peer_identity() {
    let mesh = Mesh::builder("peer-identity").workload(WorkloadSpec::new("admin", ADMIN)).start().unwrap();
    let cases: [(&[&str], Option<&str>, u16); 6] = [
        (&[SUPPORT], Some(SUPPORT), 200),
        (&["spiffe://elsewhere.example/ns/x/sa/y"], Some("spiffe://elsewhere.example/ns/x/sa/y"), 200),
        (&["spiffe://a/ns/a b/sa/%2e\""], Some("spiffe://a/ns/a b/sa/%2e\""), 200),
        // Envoy itself lets no NUL into the `x-forwarded-client-cert` that it sends on.
        (&["spiffe://a/ns/a/sa/b\0c"], Some("spiffe://a/ns/a/sa/b\0c"), 503),
        (&[], None, 200),
        (
            &["spiffe://a/ns/a/sa/b", "spiffe://a/ns/c/sa/d"],
            Some("spiffe://a/ns/a/sa/b,spiffe://a/ns/c/sa/d"),
            200,
        ),
    ];
    for (index, (uris, peer, status)) in cases.into_iter().enumerate() {
        let path = format!("/{index}");
        let caller = mesh.direct(&mesh.authority().issue(uris), "admin").unwrap();
        assert_eq!(caller.send(&Request::get(&path)).unwrap().status, status, "{uris:?}");
        let entry = mesh.workload("admin").wait_access_log(|entry| entry["path"] == path.as_str()).unwrap();
        assert_eq!(entry["peer"].as_str(), peer, "{uris:?}");
    }
}

/// Who gets through to the application, by what the listener takes.
#[test]
fn transport_security() {
    let mesh = [("strict", Tls::Strict), ("permissive", Tls::Permissive), ("plaintext", Tls::Plaintext)]
        .into_iter()
        .fold(Mesh::builder("transport-security"), |mesh, (name, tls)| {
            mesh.workload(WorkloadSpec::new(name, ADMIN).tls(tls))
        })
        .start()
        .unwrap();
    let stranger = Authority::new("stranger").issue(&[SUPPORT]);
    let member = mesh.authority().issue(&[SUPPORT]);
    let cases: [(&str, Caller<'_>, [bool; 3]); 4] = [
        ("member", &|to| mesh.direct(&member, to).unwrap(), [true, true, false]),
        ("plaintext", &|to| mesh.plain(to), [false, true, true]),
        ("no certificate", &|to| mesh.anonymous(to).unwrap(), [false, false, false]),
        ("another authority", &|to| mesh.direct(&stranger, to).unwrap(), [false, false, false]),
    ];
    for (caller, endpoint, expected) in cases {
        for (to, expected) in ["strict", "permissive", "plaintext"].into_iter().zip(expected) {
            let answer = endpoint(to).send(&Request::get("/"));
            assert_eq!(answer.is_ok(), expected, "{caller} to {to}: {answer:?}");
        }
    }
    for (name, workload) in mesh.workloads() {
        let expected = cases.iter().filter(|(_, _, reached)| reached[index_of(name)]).count();
        assert_eq!(targets(workload).len(), expected, "{name}");
    }
}

fn index_of(name: &str) -> usize {
    ["strict", "permissive", "plaintext"].into_iter().position(|known| known == name).unwrap()
}

/// An agent's call onward goes through its own Envoy and arrives under its own identity.
#[test]
fn two_hops() {
    let relay = |call: &Call| {
        let onward = Request::post_json("/tables?x=1", "{}")
            .host("admin.local")
            .carry(&call.request.headers, &["traceparent", "x-request-id"]);
        match call.forward(&onward) {
            Ok(answer) => Reply::new(answer.status, format!("admin says {}", answer.text())),
            Err(error) => Reply::new(502, error.to_string()),
        }
    };
    let mesh = Mesh::builder("two-hops")
        .workload(WorkloadSpec::new("support", SUPPORT).app(relay))
        .workload(WorkloadSpec::new("admin", ADMIN).app(|_| Reply::new(201, "done")))
        .start()
        .unwrap();
    let user = mesh.authority().issue(&["spiffe://cluster.local/ns/web/sa/front"]);
    let request = Request::get("/ask").header("traceparent", "00-11-22-01");
    let answer = mesh.direct(&user, "support").unwrap().send(&request).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (201, "admin says done"));

    let [received]: [Received; 1] = mesh.workload("admin").received().try_into().unwrap();
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/tables?x=1"));
    assert_eq!((received.body.as_slice(), received.complete), (b"{}".as_slice(), true));
    assert_eq!(received.header("traceparent"), Some("00-11-22-01"));
    let hops = [("support", "inbound"), ("support", "outbound"), ("admin", "inbound")];
    let entries = hops.map(|(name, direction)| {
        mesh.workload(name).wait_access_log(|entry| entry["direction"] == direction).unwrap()
    });
    let peers = ["spiffe://cluster.local/ns/web/sa/front", "", SUPPORT];
    for ((entry, peer), hop) in entries.iter().zip(peers).zip(hops) {
        assert_eq!(entry["peer"].as_str().unwrap_or_default(), peer, "{hop:?}");
        assert_eq!(entry["request_id"], entries[0]["request_id"], "{hop:?}");
    }

    let unknown = mesh.between("support", "nobody").send(&Request::get("/")).unwrap();
    assert_eq!(unknown.status, 502, "an unknown host goes nowhere");
}

/// A changed configuration is in force on every worker and on connections that were already open.
#[test]
fn update_without_restart() {
    let mesh = Mesh::builder("update").workload(probed(Some("a"))).start().unwrap();
    let admin = mesh.workload("admin");
    let endpoint = mesh.impersonate("admin", "admin").unwrap();
    // More connections than workers, so that each worker very likely has some.
    let mut connections: Vec<_> = (0..16).map(|_| endpoint.connect().unwrap()).collect();
    // The configuration, whether it is taken, and what is in force afterwards. An empty one still is one.
    let steps = [
        ("a", true, 200, "a"),
        ("d", true, 403, "d"),
        ("r1", false, 403, "d"),
        ("a2", true, 200, "a"),
        ("r2", false, 200, "a"),
        ("r2", false, 200, "a"),
        ("a", true, 200, "a"),
        ("d", true, 403, "d"),
    ];
    for (step, (config, accepted, status, mode)) in steps.into_iter().enumerate() {
        match admin.update_policy(config).unwrap() {
            Update::Accepted => assert!(accepted, "step {step}"),
            Update::Rejected { log } => {
                assert!(!accepted, "step {step}: {log:?}");
                assert!(log.iter().any(|line| line.contains("rejected")), "step {step}: {log:?}");
            }
        }
        for connection in &mut connections {
            let answer = connection.send(&Request::get(&format!("/{step}"))).unwrap();
            assert_eq!(answer.status, status, "step {step}");
        }
        let entry = admin.wait_access_log(|entry| entry["path"] == format!("/{step}")).unwrap();
        assert_eq!((entry["ambit"].as_str(), entry["status"].as_u64()), (Some(mode), Some(status.into())));
        let details = if mode == "d" { "probe_deny" } else { "via_upstream" };
        assert_eq!(entry["details"], details, "step {step}");
    }
    let reached = steps.iter().filter(|(_, _, status, _)| *status == 200).count() * connections.len();
    assert_eq!(targets(admin).len(), reached, "a denied request reached the application");
    let count = |name| admin.envoy().stat(name).unwrap();
    assert_eq!(count("http.inbound.downstream_cx_total"), 16, "a connection was opened anew");
    assert_eq!(
        count("listener_manager.listener_modified") + count("listener_manager.total_listeners_draining"),
        0
    );
}

/// A workload's two filters are told apart, though they share a module and so a VM.
#[test]
fn outbound_filter() {
    let support = WorkloadSpec::new("support", SUPPORT)
        .filter(Direction::Inbound, probe(Some("a")))
        .filter(Direction::Outbound, probe(Some("d")));
    let admin = WorkloadSpec::new("admin", ADMIN);
    let mesh = Mesh::builder("outbound-filter").workload(support).workload(admin).start().unwrap();
    let out = || mesh.between("support", "admin").send(&Request::get("/")).unwrap().status;
    let in_ = || mesh.impersonate("admin", "support").unwrap().send(&Request::get("/")).unwrap().status;
    assert_eq!((out(), in_()), (403, 200));
    assert!(mesh.workload("admin").received().is_empty());
    let set = |direction, config: &str| {
        mesh.workload("support").update(direction, |filter| filter.config = Some(config.to_owned())).unwrap()
    };
    assert_eq!(set(Direction::Outbound, "a"), Update::Accepted);
    assert_eq!((out(), in_()), (200, 200));
    assert_eq!(set(Direction::Inbound, "d"), Update::Accepted);
    assert_eq!((out(), in_()), (200, 403));
    assert!(
        mesh.workload("admin").update_policy("a").is_err(),
        "a workload without a filter has none to update"
    );
}

/// A filter that never had an accepted configuration lets nothing through, and recovers with the first good one.
#[test]
fn refused_at_the_start() {
    let error =
        Mesh::builder("refused").workload(probed(Some("r"))).start().map(drop).unwrap_err().to_string();
    assert!(error.contains("`ambit-inbound` refuses its configuration"), "{error}");
    assert!(error.contains("Unable to create Wasm plugin"), "{error}");

    let mesh = Mesh::builder("refused").workload(probed(Some("r")).may_refuse()).start().unwrap();
    let admin = mesh.workload("admin");
    let call = || mesh.between("admin", "admin").send(&Request::get("/")).unwrap().status;
    assert_eq!((call(), targets(admin).len()), (500, 0));
    let entry = admin.wait_access_log(|entry| entry["direction"] == "inbound").unwrap();
    assert_eq!(entry["flags"], "NFCF");
    assert_eq!(admin.update_policy("a").unwrap(), Update::Accepted);
    assert_eq!((call(), targets(admin).len()), (200, 1));
}

/// Without configuration the module is told so, by a size of 0.
#[test]
fn no_configuration() {
    let mesh = Mesh::builder("no-configuration").workload(probed(None)).start().unwrap();
    assert_eq!(mesh.between("admin", "admin").send(&Request::get("/")).unwrap().status, 403);
    assert_eq!(targets(mesh.workload("admin")).len(), 0);
}

/// A body that is held and then denied never reaches the application, though the headers may.
#[test]
fn denied_body() {
    let mesh = Mesh::builder("denied-body").workload(probed(Some("b"))).start().unwrap();
    let answer = mesh.between("admin", "admin").send(&Request::post_json("/", "{\"a\": 1}")).unwrap();
    assert_eq!(answer.status, 403);
    let received = mesh.workload("admin").received();
    assert!(received.iter().all(|received| !received.complete && received.body.is_empty()), "{received:?}");
}

/// A trap in the filter answers 503 and passes nothing until Envoy has made a new machine, by itself.
#[test]
fn trapped_filter() {
    let mesh = Mesh::builder("trapped").workload(probed(Some("t")).workers(1)).start().unwrap();
    let admin = mesh.workload("admin");
    let status = |request: &Request| mesh.between("admin", "admin").send(request).unwrap().status;
    let fatal = (0..20).fold(Request::get("/fatal"), |request, _| request.header("x", "y"));
    assert_eq!(status(&Request::get("/before")), 200);
    assert_eq!(status(&fatal), 503);
    assert!(admin.envoy().log_contains("RuntimeError: unreachable").unwrap());
    let deadline = std::time::Instant::now() + MAX_WAIT;
    while status(&Request::get("/after")) != 200 {
        assert!(std::time::Instant::now() < deadline, "the filter does not come back");
    }
    assert_eq!(targets(admin), ["/before", "/after"]);
    assert_eq!(admin.envoy().stat("wasm.ambit-inbound.vm_reload_success").unwrap(), 1);
}

/// Bytes that no well-behaved client sends arrive as they were sent.
#[test]
fn raw_bytes() {
    let mesh = Mesh::builder("raw").workload(WorkloadSpec::new("admin", ADMIN)).start().unwrap();
    let mut connection = mesh.impersonate("admin", "admin").unwrap().raw().unwrap();
    let request = Request::get("/a//b/../c?%zz")
        .host("admin.local")
        .header("X-Twice", "1")
        .header("x-twice", b"\xff\xfe");
    connection.write(&request.to_bytes()).unwrap();
    assert_eq!(connection.read_response().unwrap().status, 200);
    let chunks = b"POST /chunked HTTP/1.1\r\nhost: admin.local\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n";
    connection.write(chunks).unwrap();
    assert_eq!(connection.read_response().unwrap().text(), "ok");
    connection.write(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").unwrap();
    assert_eq!(connection.read_response().unwrap().status, 400);
    assert!(connection.read_some().unwrap().is_empty(), "envoy closes after a broken request");

    let received = mesh.workload("admin").received();
    let values =
        received[0].headers.iter().filter(|(name, _)| name == "x-twice").map(|(_, value)| value.as_slice());
    assert_eq!(values.collect::<Vec<_>>(), [b"1".as_slice(), b"\xff\xfe"]);
    assert_eq!(received[0].target, "/a//c?%zz", "normalised as Istio does by default");
    assert_eq!((received[1].body.as_slice(), received.len()), (b"abc".as_slice(), 2));
}

/// HTTP/2 stays HTTP/2 on the way, with the trailers that gRPC needs.
#[test]
fn http2() {
    let app = |_: &Call| {
        Reply::new(200, "frame").header("content-type", "application/grpc").trailer("grpc-status", "7")
    };
    let mesh = Mesh::builder("http2").workload(WorkloadSpec::new("admin", ADMIN).app(app)).start().unwrap();
    let endpoints = [mesh.between("admin", "admin"), mesh.impersonate("admin", "admin").unwrap()];
    for endpoint in endpoints {
        let mut client = endpoint.connect_with(Protocol::Http2).unwrap();
        let mut request =
            Request::new("POST", "/bank.Ledger/Move").header("content-type", "application/grpc");
        request = request.header("te", "trailers");
        request.body = b"\0\0\0\0\0".to_vec();
        for _ in 0..2 {
            let answer = client.send(&request).unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, "frame"));
            assert_eq!(answer.trailers, [("grpc-status".to_owned(), b"7".to_vec())]);
        }
    }
    let received = mesh.workload("admin").received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|received| received.header("te") == Some("trailers")), "{received:?}");
    assert!(received.iter().all(|received| received.header("host") == Some("admin.local")), "{received:?}");
}

/// What an application streams arrives piece by piece, while the application still works.
#[test]
fn streamed_reply() {
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(Some(wait));
    let app = move |_: &Call| {
        let wait = wait.lock().unwrap().take().expect("only one request");
        let (reply, stream) = Reply::stream(200);
        std::thread::spawn(move || {
            assert!(stream.send("data: first\n\n"));
            wait.recv().unwrap();
            assert!(stream.send("data: second\n\n"));
        });
        reply.header("content-type", "text/event-stream")
    };
    let mesh =
        Mesh::builder("streamed").workload(WorkloadSpec::new("admin", ADMIN).app(app)).start().unwrap();
    let mut connection = mesh.between("admin", "admin").raw().unwrap();
    connection.write(&Request::get("/events").host("admin.local").to_bytes()).unwrap();
    let mut seen = String::new();
    let mut go_on = Some(go_on);
    while !seen.ends_with("0\r\n\r\n") {
        let some = connection.read_some().unwrap();
        assert!(!some.is_empty(), "the stream ended early: {seen}");
        seen.push_str(&String::from_utf8(some).unwrap());
        if seen.contains("first")
            && let Some(go_on) = go_on.take()
        {
            assert!(!seen.contains("second"));
            go_on.send(()).unwrap();
        }
    }
    assert!(seen.contains("second"), "{seen}");
}

/// Envoys end with their mesh, and with a harness that is killed before it can end them.
#[test]
fn no_orphans() {
    let start = || Mesh::builder("orphans").workload(WorkloadSpec::new("admin", ADMIN)).start().unwrap();
    // This test runs itself once more, as the process to be killed.
    if std::env::var_os("AMBIT_TEST_TO_BE_KILLED").is_some() {
        let mesh = start();
        println!("port {}.", mesh.workload("admin").outbound().port());
        loop {
            std::thread::park();
        }
    }
    let mesh = start();
    let endpoint = mesh.plain("admin");
    drop(mesh);
    assert!(endpoint.connect().is_err(), "an Envoy outlives its mesh");

    let mut harness = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_orphans", "--nocapture"])
        .env("AMBIT_TEST_TO_BE_KILLED", "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(harness.stdout.take().unwrap());
    let port = loop {
        let mut line = String::new();
        assert!(std::io::BufRead::read_line(&mut output, &mut line).unwrap() > 0, "it ended early");
        if let Some((_, rest)) = line.split_once("port ") {
            break rest.trim_end_matches(['.', '\n']).parse::<u16>().unwrap();
        }
    };
    let endpoint = Endpoint::plain(([127, 0, 0, 1], port).into(), "admin.local");
    assert!(endpoint.connect().is_ok());
    harness.kill().unwrap();
    harness.wait().unwrap();
    let deadline = std::time::Instant::now() + MAX_WAIT;
    while endpoint.connect().is_ok() {
        assert!(std::time::Instant::now() < deadline, "an Envoy outlives a harness that was killed");
        std::thread::yield_now();
    }
}
