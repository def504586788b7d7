//! TCP connections through a filter of type NETWORK.

use ambit_harness::host::{Connection, Proxy};

use crate::guest::{module, peer, proxy, said};

/// Looks for the peer at each event. `$verdict` is what `on_downstream_data` returns.
fn guest(on_connection: u32, on_data: &str) -> String {
    format!(
        r#"(data (i32.const 1024) "connection\00uri_san_peer_certificate")
        (data (i32.const 1072) "connection\00requested_server_name")
        (func $peer
          (call $note 'p' (call $get_property (i32.const 1024) (i32.const 35) (i32.const 0) (i32.const 4))))
        (func (export "proxy_on_new_connection") (param i32) (result i32)
          (call $note 'c' (local.get 0)) (call $peer) (i32.const {on_connection}))
        (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
          (call $note 'd' (local.get 1)) (call $note 'e' (local.get 2)) (call $peer)
          (call $note 'n' (call $get_property (i32.const 1072) (i32.const 32) (i32.const 0) (i32.const 4)))
          (call $said)
          {on_data})
        (func (export "proxy_on_upstream_data") (param i32 i32 i32) (result i32)
          (call $note 'u' (local.get 1)) (i32.const 0))
        (func (export "proxy_on_downstream_connection_close") (param i32 i32) (call $note 'k' (local.get 1)))
        (func (export "proxy_on_done") (param i32) (result i32) (call $note 'f' (local.get 0)) (i32.const 1))
        (func (export "proxy_on_log") (param i32) (call $note 'l' (local.get 0)))
        (func (export "proxy_on_delete") (param i32) (call $note 'x' (local.get 0)))"#
    )
}

fn connect(proxy: &Proxy) -> Connection {
    proxy.worker(0).open_connection(peer().requested_server_name("api.example"))
}

#[test]
fn the_peer_is_known_only_with_the_first_data() {
    let mut proxy = proxy(&guest(1, "(i32.const 0)"));
    let mut connection = connect(&proxy);
    assert_eq!(said(&mut proxy), ["c2", "p1"]);
    assert!(!connection.upstream_connected(), "the guest gates before anything is connected");
    assert!(connection.downstream_data("hello", false));
    assert_eq!(said(&mut proxy), ["d5", "e0", "p0", "n0", "api.example"]);
    assert!(connection.upstream_connected());
    assert_eq!(connection.sent_upstream(), b"hello");
    assert!(connection.upstream_data("hi", false));
    assert_eq!(connection.sent_downstream(), b"hi");
    connection.close();
    assert_eq!(said(&mut proxy), ["u2", "k2", "f2", "l2", "x2"]);
}

#[test]
fn held_data_accumulates_and_a_refused_connection_reaches_nobody() {
    let mut holding = proxy(&guest(1, "(i32.lt_u (local.get 1) (i32.const 6))"));
    let mut connection = connect(&holding);
    connection.downstream_data("abc", false);
    assert_eq!(connection.sent_upstream(), b"");
    connection.downstream_data("def", false);
    assert_eq!(connection.sent_upstream(), b"abcdef");
    assert!(said(&mut holding).contains(&"d6".to_owned()));

    let mut refusing = proxy(&guest(1, "(drop (call $close (i32.const 2))) (i32.const 1)"));
    let mut connection = connect(&refusing);
    assert!(!connection.downstream_data("abc", false));
    assert!(connection.is_closed() && !connection.upstream_connected());
    assert_eq!(connection.sent_upstream(), b"");
    assert_eq!(said(&mut refusing)[7..], ["k1", "f2", "l2", "x2"]);
}

#[test]
fn a_dead_vm_closes_its_connections() {
    let proxy = proxy(&guest(1, "(unreachable)"));
    let (mut first, mut second) = (connect(&proxy), connect(&proxy));
    assert!(!first.downstream_data("abc", false));
    assert!(!second.downstream_data("abc", false));
    assert!(connect(&proxy).is_closed());
}

#[test]
fn no_connection_before_a_configuration() {
    let mut proxy = Proxy::new(&module(&guest(0, "(i32.const 0)")));
    proxy.add_worker();
    assert!(connect(&proxy).is_closed());
}
