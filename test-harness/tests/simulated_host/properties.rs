//! Properties and filter state.

use ambit_harness::host::{Downstream, Value};

use crate::guest::{GET, OK, PEER, peer, proxy, said};

/// A guest that reads one property on request headers, says the status and the value's length, then the value.
fn reads(path: &str) -> String {
    let escaped = path.replace('\0', "\\00");
    format!(
        r#"(data (i32.const 1024) "{escaped}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
          (local $status i32)
          (i32.store (i32.const 4) (i32.const 0))
          (local.set $status
            (call $get_property (i32.const 1024) (i32.const {length}) (i32.const 0) (i32.const 4)))
          (call $note 's' (local.get $status)) (call $note 'n' (i32.load (i32.const 4)))
          (if (i32.eqz (local.get $status)) (then (call $said))) (i32.const 0))"#,
        length = path.len()
    )
}

fn read(path: &str, downstream: Downstream) -> Result<Vec<u8>, String> {
    let mut proxy = proxy(&reads(path));
    let mut stream = proxy.worker(0).open_stream(downstream);
    stream.request_headers(&GET, true);
    let mut logs = proxy.take_logs();
    let status = logs[0].text();
    if status == "s0" {
        let value = logs.pop().expect("the value").message;
        assert_eq!(logs[1].text(), format!("n{}", value.len()));
        Ok(value)
    } else {
        assert_eq!(logs[1].text(), "n0", "nothing is returned with a status");
        Err(status)
    }
}

#[test]
fn identity_is_there_only_with_a_certificate_that_has_it() {
    let san = "connection\0uri_san_peer_certificate";
    assert_eq!(read(san, peer()), Ok(PEER.into()));
    assert_eq!(
        read(san, Downstream::mtls(b"spiffe://a\0b\xff")),
        Ok(b"spiffe://a\0b\xff".to_vec()),
        "any bytes"
    );
    assert_eq!(read(san, Downstream::plaintext()), Err("s1".into()));
    assert_eq!(read(san, Downstream::mtls_without_uri_san()), Err("s1".into()));
    assert_eq!(read(san, Downstream::behind_waypoint(PEER)), Err("s1".into()));
    assert_eq!(
        read("filter_state\0io.istio.peer_principal", Downstream::behind_waypoint(PEER)),
        Ok(PEER.into())
    );
    assert_eq!(read("filter_state\0io.istio.peer_principal", peer()), Err("s1".into()));
}

#[test]
fn values_are_serialized_by_type() {
    assert_eq!(read("connection\0mtls", peer()), Ok(vec![1]));
    assert_eq!(read("connection\0mtls", Downstream::mtls_without_uri_san()), Ok(vec![1]));
    assert_eq!(read("connection\0mtls", Downstream::plaintext()), Ok(vec![0]));
    assert_eq!(read("connection\0id", peer()), Ok(1_u64.to_le_bytes().to_vec()));
    assert_eq!(read("source\0port", peer()), Ok(40_000_i64.to_le_bytes().to_vec()));
    assert_eq!(read("destination\0address", peer()), Ok(b"10.0.0.2:8080".to_vec()));
    assert_eq!(
        read("connection\0requested_server_name", Downstream::plaintext()),
        Ok(Vec::new()),
        "not NotFound"
    );
    let named = peer().requested_server_name("outbound_.80_._.orders.shop.svc");
    assert_eq!(
        read("connection\0requested_server_name", named),
        Ok(b"outbound_.80_._.orders.shop.svc".to_vec())
    );
}

#[test]
fn request_attributes_come_from_the_headers() {
    for (attribute, value) in [
        ("path", "/v1/orders?id=7"),
        ("url_path", "/v1/orders"),
        ("query", "id=7"),
        ("host", "orders"),
        ("method", "GET"),
        ("scheme", "http"),
    ] {
        assert_eq!(read(&format!("request\0{attribute}"), peer()), Ok(value.into()), "{attribute}");
    }
    assert_eq!(read("request\0headers\0X-None", peer()), Err("s1".into()));
}

#[test]
fn a_test_may_set_any_property_or_take_it_away() {
    let direction = ["xds", "listener_direction"];
    assert_eq!(read("xds\0listener_direction", peer()), Err("s1".into()));
    let inbound = peer().property(&direction, 1_i64);
    assert_eq!(read("xds\0listener_direction", inbound.clone()), Ok(vec![1, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(
        read("xds\0listener_direction\0", inbound.clone()),
        Ok(vec![1, 0, 0, 0, 0, 0, 0, 0]),
        "a NUL at the end"
    );
    assert_eq!(read("xds", inbound), Err("s3".into()), "a group cannot be serialized");
    let odd = peer().property(&["connection", "mtls"], Value::Bytes(b"yes".to_vec()));
    assert_eq!(read("connection\0mtls", odd), Ok(b"yes".to_vec()));
    assert_eq!(read("connection\0mtls", peer().without_property(&["connection", "mtls"])), Err("s1".into()));
    assert_eq!(read("", peer()), Err("s3".into()));
}

#[test]
fn what_a_guest_sets_is_filter_state_under_a_prefix() {
    let mut proxy = proxy(
        r#"(data (i32.const 1024) "ambit") (data (i32.const 1032) "v=deny")
           (data (i32.const 1040) "filter_state\00wasm.ambit")
           (func $set (call $note 's' (call $set_property
             (i32.const 1024) (i32.const 5) (i32.const 1032) (i32.const 6))))
           (func $get (param i32 i32)
             (call $note 'g' (call $get_property (local.get 0) (local.get 1) (i32.const 0) (i32.const 4)))
             (call $said))
           (func (export "proxy_on_configure") (param i32 i32) (result i32) (call $set) (i32.const 1))
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
             (call $set)
             (call $get (i32.const 1040) (i32.const 23)) (call $get (i32.const 1024) (i32.const 5)) (i32.const 0))
           (func (export "proxy_on_tick") (param i32) (call $set))"#,
    );
    let mut stream = proxy.worker(0).open_stream(peer().filter_state("wasm.other", "theirs"));
    stream.request_headers(&GET, true);
    assert_eq!(said(&mut proxy), ["s0", "g0", "v=deny", "g0", "v=deny"]);
    assert_eq!(stream.filter_state("wasm.ambit"), Some(b"v=deny".to_vec()));
    assert_eq!(stream.filter_state("wasm.other"), Some(b"theirs".to_vec()));
    let other = proxy.worker(0).open_stream(peer());
    assert_eq!(other.filter_state("wasm.ambit"), None, "it belongs to the stream");
    assert!(proxy.configure(b"second").accepted);
    assert_eq!(said(&mut proxy), ["s1"], "a root context has no stream to keep it in");
}

#[test]
fn the_log_reads_the_response_too() {
    let guest = r#"(data (i32.const 1024) "response\00code")
      (func (export "proxy_on_log") (param i32)
        (call $note 's' (call $get_property (i32.const 1024) (i32.const 13) (i32.const 0) (i32.const 4)))
        (call $note 'c' (i32.load (i32.load (i32.const 0)))))"#;
    let mut proxy = proxy(guest);
    let mut stream = proxy.worker(0).open_stream(peer());
    stream.request_headers(&GET, true);
    stream.response_headers(&OK, true);
    assert_eq!(said(&mut proxy), ["s0", "c200"]);
    assert_eq!(stream.details(), Some(b"via_upstream".to_vec()));
}
