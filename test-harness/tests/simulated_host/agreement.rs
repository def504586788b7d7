//! The simulated host and a real Envoy, asked the same, say the same.
//!
//! One guest, told by its configuration what to do, says at each callback what it can see. What it says in a real
//! Envoy must be what it says here, word for word.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ambit_harness::client::MAX_WAIT;
use ambit_harness::envoy::config::{Direction, Filter, Tls};
use ambit_harness::host::{Downstream, LogLevel, LogLine, Message, Module, Options, Outcome, Proxy};
use ambit_harness::mesh::{Mesh, Update, Workload, WorkloadSpec};
use ambit_harness::upstream::Reply;

use crate::guest::source;

/// Modes, by the first letter of the configuration: `p`asses, denies on `h`eaders, on the last of the `b`ody or on the
/// `r`esponse, `t`raps on a body.
const OBSERVER: &str = r#"
  (data (i32.const 1024) "x-tag") (data (i32.const 1040) "request\00headers\00x-tag")
  (data (i32.const 1072) "request\00path") (data (i32.const 1100) "connection")
  (data (i32.const 1120) "connection\00requested_server_name") (data (i32.const 1160) "connection\00mtls")
  (data (i32.const 1180) "response\00code") (data (i32.const 1200) "response\00code_details")
  (data (i32.const 1240) "plugin_root_id") (data (i32.const 1260) "mine") (data (i32.const 1280) "user-agent")
  (data (i32.const 1300) "not granted\09here") (data (i32.const 1330) "no: 100%\0a")
  (data (i32.const 1350) "\01\00\00\00\06\00\00\00\02\00\00\00X-Code\0017\00")
  (global $mode (mut i32) (i32.const 0))
  (func $property (param $path i32) (param $length i32)
    (local $status i32)
    (local.set $status
      (call $get_property (local.get $path) (local.get $length) (i32.const 0) (i32.const 4)))
    (call $note 'p' (local.get $status))
    (if (i32.eqz (local.get $status)) (then (call $said))))
  (func $map (param $map i32)
    (local $status i32)
    (call $note 'm' (local.get $map))
    (local.set $status (call $get_header
      (local.get $map) (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 4)))
    (call $note 'v' (local.get $status))
    (if (i32.eqz (local.get $status)) (then (call $said)))
    (call $note 'q' (call $get_pairs (local.get $map) (i32.const 0) (i32.const 4)))
    (call $note 'z' (i32.eqz (i32.load (i32.const 4)))))
  (func $buffer (param $buffer i32)
    (call $note 'u' (call $get_buffer_status (local.get $buffer) (i32.const 0) (i32.const 4))))
  (func $look
    (call $map (i32.const 0)) (call $map (i32.const 1)) (call $map (i32.const 2)) (call $map (i32.const 3))
    (call $property (i32.const 1040) (i32.const 21)) (call $property (i32.const 1072) (i32.const 12))
    (call $property (i32.const 1100) (i32.const 10)) (call $property (i32.const 0) (i32.const 0))
    (call $property (i32.const 1120) (i32.const 32)) (call $property (i32.const 1160) (i32.const 15))
    (call $property (i32.const 1180) (i32.const 13)) (call $property (i32.const 1200) (i32.const 21))
    (call $property (i32.const 1240) (i32.const 14))
    (call $buffer (i32.const 0)) (call $note 'u' (i32.load (i32.const 0)))
    (call $buffer (i32.const 1)) (call $buffer (i32.const 2)) (call $buffer (i32.const 4))
    (call $buffer (i32.const 5)) (call $buffer (i32.const 6)) (call $buffer (i32.const 7))
    (call $buffer (i32.const 8)) (call $buffer (i32.const 9)))
  (func $deny_if (param $mode i32)
    (if (i32.eq (global.get $mode) (local.get $mode)) (then (call $note 'd' (call $reply (i32.const 403)
      (i32.const 1300) (i32.const 16) (i32.const 1330) (i32.const 9) (i32.const 1350) (i32.const 22)
      (i32.const -1))))))
  (func (export "proxy_on_context_create") (param i32 i32)
    (call $note 'c' (i32.eqz (local.get 1))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $note 'o' (local.get 1)) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (call $note 'g' (local.get 1)) (call $look)
    (drop (call $get_buffer (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4)))
    (global.set $mode (i32.load8_u (i32.load (i32.const 0))))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (call $note 'h' (local.get 2)) (call $look)
    (drop (call $get_header (i32.const 0) (i32.const 1280) (i32.const 10) (i32.const 0) (i32.const 4))) (call $said)
    (call $note 's' (call $set_property (i32.const 1260) (i32.const 4) (i32.const 1260) (i32.const 4)))
    (call $deny_if 'h')
    (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
    (call $note 'b' (local.get 1)) (call $note 'e' (local.get 2)) (call $look)
    (drop (call $get_buffer (i32.const 0) (i32.const 1) (i32.const 99) (i32.const 0) (i32.const 4))) (call $said)
    (if (i32.eq (global.get $mode) 't') (then (unreachable)))
    (if (local.get 2) (then (call $deny_if 'b')))
    (i32.eqz (local.get 2)))
  (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
    (call $note 't' (local.get 1)) (call $look) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (call $note 'r' (local.get 2)) (call $look) (call $deny_if 'r') (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
    (call $note 'y' (local.get 1)) (call $note 'e' (local.get 2)) (call $look) (i32.const 0))
  (func (export "proxy_on_log") (param i32) (call $note 'l' (i32.const 0)) (call $look) (call $property (i32.const 1260) (i32.const 4)))
  (func (export "proxy_on_done") (param i32) (result i32) (call $note 'f' (i32.const 0)) (i32.const 1))
  (func (export "proxy_on_delete") (param i32) (call $note 'x' (i32.const 0)))
"#;

/// Fails on every thread but the canary's.
const FICKLE: &str = r#"
  (data (i32.const 1024) "seen")
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (local $first i32)
    (local.set $first (call $get_shared (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 8)))
    (drop (call $set_shared (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4) (i32.const 0)))
    (local.get $first))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (unreachable))
"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Body,
    Trailers,
}

fn build(name: &str, body: &str) -> (PathBuf, Module) {
    let bytes = wat::parse_str(source(body)).expect("valid Wasm text");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("agreement-{name}.wasm"));
    std::fs::write(&path, &bytes).expect("a directory for the module");
    (path, Module::from_bytes(&bytes).expect("a module"))
}

fn mesh(name: &str, module: PathBuf, config: &str) -> Mesh {
    let filter = Filter { module, root_id: "observer".into(), config: Some(config.into()) };
    let workload = WorkloadSpec::new("app", "spiffe://cluster.local/ns/app/sa/app")
        .tls(Tls::Plaintext)
        .workers(1)
        .app(|_| Reply::new(200, "ok").header("x-tag", "rs"))
        .filter(Direction::Inbound, filter);
    Mesh::builder(name).workload(workload).start().expect("a mesh")
}

const HEADERS: [(&str, &str); 8] = [
    (":authority", "app.local"),
    (":path", "/p?q=1"),
    (":method", "POST"),
    (":scheme", "http"),
    ("x-tag", "one"),
    ("x-tag", "two"),
    ("user-agent", "u1"),
    ("user-agent", "u2"),
];

/// The request in HTTP/1.1. Envoy's codec hands on the body, then an empty piece that ends it; trailers it drops, as Istio
/// configures it.
fn http1() -> Vec<u8> {
    let mut wire = b"POST /p?q=1 HTTP/1.1\r\nhost: app.local\r\n".to_vec();
    for (name, value) in &HEADERS[4..] {
        wire.extend(format!("{name}: {value}\r\n").bytes());
    }
    wire.extend(b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    wire
}

/// The request in HTTP/2, with trailers.
fn http2() -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let literal = |(name, value): &(&str, &str)| {
        let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
        [vec![0], text(name), text(value)].concat()
    };
    let (data, headers, settings) = (0, 1, 4);
    let (end_stream, end_headers) = (1, 4);
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(settings, 0, 0, &[]),
        frame(headers, end_headers, 1, &HEADERS.iter().map(literal).collect::<Vec<_>>().concat()),
        frame(data, 0, 1, b"abc"),
        frame(headers, end_headers | end_stream, 1, &literal(&("x-tag", "trailer"))),
    ]
    .concat()
}

/// What guests of a real Envoy have said from word `from` on, as soon as that is enough.
fn words_of_envoy(workload: &Workload, from: usize, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
    let start = Instant::now();
    loop {
        let lines = workload.envoy().log_lines().expect("a log");
        let said = lines.iter().filter_map(|line| line.split_once("wasm log ")?.1.split_once(':'));
        let words = said.map(|(_prefix, word)| word.strip_prefix(' ').unwrap_or(word).to_owned());
        let words: Vec<String> = words.skip(from).collect();
        if enough(&words) {
            return words;
        }
        assert!(start.elapsed() < MAX_WAIT, "envoy says no more than {words:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn words_of_host(proxy: &mut Proxy) -> Vec<String> {
    let logs = proxy.take_logs();
    logs.iter().filter(|line| line.level == LogLevel::Info).map(LogLine::text).collect()
}

/// Drives the request through the simulated host; the application answers as the real one does.
fn simulate(proxy: &Proxy, end: End) -> Message {
    let mut stream = proxy.worker(0).open_stream(Downstream::plaintext());
    stream.request_headers(&HEADERS, false);
    stream.request_body("abc", false);
    match end {
        End::Body => stream.request_body("", true),
        End::Trailers => stream.request_trailers(&[("x-tag", "trailer")]),
    };
    if stream.outcome() == Outcome::Continue {
        stream.response_headers(&[(":status", "200"), ("x-tag", "rs")], false);
        // HTTP/1 ends a body with an empty piece, HTTP/2 with the last.
        stream.response_body("ok", end == End::Trailers);
        stream.response_body("", true);
    }
    stream.downstream()
}

#[test]
fn a_real_envoy_says_the_same() {
    let (path, module) = build("observer", OBSERVER);
    let mesh = mesh("host-agreement", path, "p");
    let (workload, endpoint) = (mesh.workload("app"), mesh.plain("app"));
    let options = Options { root_id: "observer".into(), ..Options::default() };
    let mut proxy = Proxy::with_options(&module, options);
    proxy.add_worker();
    assert!(proxy.configure(b"p").accepted);
    let mut before = words_of_host(&mut proxy).len();
    let cases = [
        ("p", End::Body),
        ("p", End::Trailers),
        ("h", End::Body),
        ("b", End::Body),
        ("b", End::Trailers),
        ("r", End::Body),
        ("t", End::Body),
    ];
    for (index, (mode, end)) in cases.into_iter().enumerate() {
        let case = format!("{mode}{index} {end:?}");
        assert_eq!(workload.update_policy(&case).expect("an answer"), Update::Accepted);
        assert!(proxy.configure(case.as_bytes()).accepted);
        // Canary, main thread and worker take turns as they please, so only the sum is compared.
        let mut expected = words_of_host(&mut proxy);
        let mut words = words_of_envoy(workload, before, |words| words.len() >= expected.len());
        before += words.len();
        expected.sort();
        words.sort();
        assert_eq!(words, expected, "configuration {case}");

        let mut connection = endpoint.raw().expect("a connection");
        let downstream = simulate(&proxy, end);
        let expected = words_of_host(&mut proxy);
        if end == End::Trailers {
            connection.write(&http2()).expect("an open connection");
        } else {
            connection.write(&http1()).expect("an open connection");
            let response = connection.read_response().expect("a response");
            assert_eq!(
                (Some(response.status), response.body),
                (downstream.status(), downstream.body),
                "{case}"
            );
        }
        let words = words_of_envoy(workload, before, |words| words.len() >= expected.len());
        before += words.len();
        assert_eq!(words, expected, "{case}");
    }
}

#[test]
fn a_filter_that_fails_only_on_workers_is_left_out_by_a_real_envoy_too() {
    let (path, module) = build("fickle", FICKLE);
    let mesh = mesh("host-agreement-fickle", path, "x");
    let mut connection = mesh.plain("app").raw().expect("a connection");
    connection.write(&http1()).expect("an open connection");
    assert_eq!(connection.read_response().expect("a response").status, 200);
    let mut proxy = Proxy::new(&module);
    proxy.add_worker();
    assert!(proxy.configure(b"x").accepted);
    assert_eq!(simulate(&proxy, End::Body).status(), Some(200));
}
