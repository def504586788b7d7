//! What the module that ships holds of bodies, and for how long, in the simulated host.

use ambit_compiler::compile::Options;
use ambit_harness::host::{Downstream, Outcome, Proxy, Stream};
use ambit_harness::policy_directory::{compile_text, inbound_config};
use ambit_harness::runner::wasm;

/// Streams that are open at a time.
const STREAMS: usize = 200;

/// The most that the VM's memory may grow for each of them while its body is read.
const MAX_HELD_BYTES: usize = 8 * 1024;

const POLICY: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: s}
spec: {workload: {namespace: n, serviceAccount: s}, protocol: mcp, actions: [{tool: query}, {method: tools/list}]}
---
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {name: web}
spec: {workload: {namespace: n, serviceAccount: s}, protocol: http, actions: [{name: upload, methods: [PUT], path: /files}]}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: a}
spec:
  identity: [{namespace: n, serviceAccount: a}]
  originates: true
  grants:
    - {actions: [web/upload, s/tools.list]}
    - {actions: [s/query], when: args.table == 'orders'}
";

fn proxy() -> Proxy {
    let blobs = compile_text(POLICY, &Options::default()).unwrap();
    let blob = blobs.values().next().unwrap();
    assert!(blobs.values().all(|other| other == blob), "one workload");
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(inbound_config(blob, None).as_bytes()).accepted);
    proxy
}

fn open(proxy: &Proxy, method: &str, path: &str) -> Stream {
    let mut stream = proxy.worker(0).open_stream(Downstream::mtls("spiffe://cluster.local/ns/n/sa/a"));
    let headers = [
        (":method", method),
        (":path", path),
        (":authority", "s.local"),
        ("content-type", "application/json"),
    ];
    assert_eq!(stream.request_headers(&headers, false), Outcome::Continue);
    stream
}

/// A call of the tool with this much in an argument that no condition reads.
fn call(size: usize) -> Vec<u8> {
    let text = "x".repeat(size);
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"query","arguments":{{"table":"orders","text":"{text}"}}}}}}"#
    )
    .into_bytes()
}

/// Where no body is needed, each piece goes on as it comes.
#[test]
fn a_body_that_is_not_read_is_not_held() {
    let proxy = proxy();
    let mut stream = open(&proxy, "PUT", "/files");
    for count in 1..=64 {
        assert_eq!(stream.request_body(vec![0xff; 32_768], false), Outcome::Continue);
        assert_eq!(stream.upstream().body.len(), count * 32_768);
    }
}

/// Where it is, nothing of it goes on before the end, and all of it at the end.
#[test]
fn a_body_that_is_read_goes_on_with_its_last_byte() {
    let proxy = proxy();
    let mut stream = open(&proxy, "POST", "/mcp");
    let body = call(900_000);
    let (last, pieces) = body.split_last().unwrap();
    for piece in pieces.chunks(32_768) {
        assert_eq!(stream.request_body(piece, false), Outcome::Paused);
        assert_eq!(stream.upstream().body, b"");
    }
    assert_eq!(stream.request_body([*last], true), Outcome::Continue);
    assert_eq!(stream.upstream().body, body);
    assert!(stream.upstream().ended);
}

/// What the VM holds of a request does not grow with its body.
#[test]
fn memory_does_not_grow_with_bodies() {
    let proxy = proxy();
    let body = call(250_000);
    let pieces = &body[..body.len() - 1];
    let mut warm = open(&proxy, "POST", "/mcp");
    pieces.chunks(32_768).for_each(|piece| drop(warm.request_body(piece, false)));
    let before = proxy.worker(0).memory_bytes();
    let streams: Vec<Stream> = (0..STREAMS)
        .map(|_| {
            let mut stream = open(&proxy, "POST", "/mcp");
            pieces.chunks(32_768).for_each(|piece| drop(stream.request_body(piece, false)));
            stream
        })
        .collect();
    let grown = proxy.worker(0).memory_bytes() - before;
    println!("{} bytes for each of {} requests in flight", grown / streams.len(), streams.len());
    assert!(grown <= STREAMS * MAX_HELD_BYTES, "{grown} bytes for {STREAMS} requests");
}

/// Replies that are held are bounded together, and what is refused makes room.
#[test]
fn lists_that_are_held_are_bounded() {
    let mut proxy = proxy();
    let reply =
        format!(r#"{{"result":{{"tools":[{{"name":"query","description":"{}"}}]}}}}"#, "x".repeat(450_000));
    let (start, end) = reply.as_bytes().split_at(reply.len() - 1);
    let list = |proxy: &Proxy| {
        let mut stream = open(proxy, "POST", "/mcp");
        stream.request_body(br#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#, true);
        stream.response_headers(&[(":status", "200"), ("content-type", "application/json")], false);
        start.chunks(32_768).for_each(|piece| drop(stream.response_body(piece, false)));
        stream
    };
    let mut streams: Vec<Stream> = (0..16).map(|_| list(&proxy)).collect();
    let grown = proxy.worker(0).memory_bytes();
    assert!(grown < 8 << 20, "{grown} bytes");
    let mut refused = 0;
    for stream in &mut streams {
        stream.response_body(end, true);
        let body = stream.downstream().body;
        if body == reply.as_bytes() {
            continue;
        }
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains(r#""id":7,"error""#) && body.contains("list-too-many-at-once"), "{body}");
        refused += 1;
    }
    assert!((8..16).contains(&refused), "{refused} of 16");
    drop(streams);
    let mut again = list(&proxy);
    again.response_body(end, true);
    assert_eq!(again.downstream().body, reply.as_bytes());
    proxy.tick();
    assert_eq!(proxy.counter("ambit.deny.reply-unreadable"), refused);
}
