//! What scenarios of what leaves the mesh cannot say: connections that were opened before, configurations for something
//! else, and what does not go out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use ambit_harness::egress::{Configs, Scenario, load_all};
use ambit_harness::host::{Downstream, Options, Proxy};
use ambit_harness::runner::wasm;
use serde_json::{Value, json};

const HELLO: &[u8] = b"\x16\x03\x01";

fn configs(name: &str) -> (Scenario, Configs) {
    let scenario = load_all().unwrap().into_iter().find(|scenario| scenario.name == name).unwrap();
    let configs = Configs::of(&scenario.policy, &scenario.workload, &scenario.internal).unwrap();
    (scenario, configs)
}

fn proxy(config: &str) -> Proxy {
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(config.as_bytes()).accepted);
    proxy
}

fn tls(name: &str) -> Downstream {
    Downstream::plaintext().to(([203, 0, 113, 7], 443).into()).requested_server_name(name)
}

/// A connection that nobody used is used on behalf of someone who may not.
#[test]
fn a_connection_that_was_opened_before_is_judged_when_it_is_used() {
    let (_, configs) = configs("lineage");
    let inbound = proxy(&configs.inbound);
    let mut network = inbound.beside(wasm::module().unwrap(), Options::default());
    network.add_worker();
    assert!(network.configure(configs.network.as_bytes()).accepted);
    let mut unused = network.worker(0).open_connection(tls("api.partner.example"));
    let mut used = network.worker(0).open_connection(tls("api.partner.example"));
    assert!(unused.upstream_connected() && used.downstream_data(HELLO, false));

    let peer = Downstream::mtls("spiffe://cluster.local/ns/mesh/sa/confined");
    let mut request = inbound.worker(0).open_stream(peer);
    let headers = [(":method", "POST"), (":path", "/"), (":authority", "caller.local"), (":scheme", "http")];
    let _ = request.request_headers(&headers, true);
    assert!(request.upstream().headers.is_some(), "it is served");

    assert!(!unused.downstream_data(HELLO, false), "it is closed");
    assert_eq!(unused.sent_upstream(), b"", "and nothing went out");
    // What is in use stays in use: a connection says nothing of what it carries.
    assert!(used.downstream_data(HELLO, false));
    assert!(network.worker(0).open_connection(tls("api.partner.example")).is_closed());
}

/// Whatever a configuration is not for is denied.
#[test]
fn a_configuration_for_something_else_denies() {
    let (_, configs) = configs("hosts");
    for config in ["", &configs.inbound, &configs.outbound] {
        let proxy = proxy(config);
        let mut connection = proxy.worker(0).open_connection(tls("api.partner.example"));
        assert!(connection.is_closed() && !connection.upstream_connected(), "{config}");
        assert!(!connection.downstream_data(HELLO, false));
        assert_eq!(connection.sent_upstream(), b"");
    }
    let proxy = proxy(&configs.network);
    let mut stream = proxy.worker(0).open_stream(Downstream::plaintext());
    let headers =
        [(":method", "GET"), (":path", "/"), (":authority", "api.partner.example"), (":scheme", "http")];
    let _ = stream.request_headers(&headers, true);
    assert_eq!(stream.downstream().status(), Some(403));
    assert!(stream.upstream().headers.is_none());
}

/// What an application writes of lineages and missions does not leave the mesh with a call.
#[test]
fn no_lineage_leaves_the_mesh() {
    let (_, configs) = configs("hosts");
    let proxy = proxy(&configs.outbound);
    let route = ["xds", "cluster_name"];
    let from = Downstream::plaintext().property(&route, "outbound|80||api.partner.example");
    let mut stream = proxy.worker(0).open_stream(from);
    let headers = [
        (":method", "GET"),
        (":path", "/"),
        (":authority", "api.partner.example"),
        (":scheme", "http"),
        ("x-ambit-lineage", "v=1, via=()"),
        ("x_ambit_lineage", "v=1, via=()"),
        ("x-kept", "yes"),
    ];
    let _ = stream.request_headers(&headers, true);
    let sent = stream.upstream();
    assert_eq!(sent.header("x-kept"), Some(&b"yes"[..]));
    assert_eq!((sent.header("x-ambit-lineage"), sent.header("x_ambit_lineage")), (None, None));
}

/// What cannot be meant is refused when it is configured.
#[test]
fn configurations_that_cannot_be_meant_are_refused() {
    let (_, configs) = configs("addresses");
    let inbound: Value = serde_json::from_str(&configs.inbound).unwrap();
    for (change, said) in [
        (json!({"agent": null}), "code=agent-missing"),
        (json!({"agent": "caller"}), "member=agent"),
        (
            json!({"agent": "spiffe://cluster.local/ns/mesh/sa/other"}),
            "code=policy-for-another-workload member=agent",
        ),
        (json!({"policy": inbound["policy"]}), "code=policy-not-of-egress"),
        (json!({"internal": ["10.0.0.0"]}), "member=internal"),
        (json!({"internal": "10.0.0.0/8"}), "member=internal"),
        (json!({"lineage": null}), "code=lineage-missing"),
    ] {
        for config in [&configs.outbound, &configs.network] {
            let mut config: Value = serde_json::from_str(config).unwrap();
            for (member, value) in change.as_object().unwrap() {
                config[member] = value.clone();
            }
            let mut proxy = Proxy::new(wasm::module().unwrap());
            assert!(!proxy.configure(config.to_string().as_bytes()).accepted, "{change}");
            let log: Vec<String> = proxy.take_logs().iter().map(|line| line.text()).collect();
            assert!(log.iter().any(|line| line.contains(said)), "{change}: {log:?}");
        }
    }
}
