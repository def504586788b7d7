//! Signed policy in the simulated host: what VMs that begin at different times make of it, what is logged, and what it
//! costs. What becomes of requests is the scenario `signed`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ambit_compiler::compile::{Options, SigningKey};
use ambit_harness::host::{Downstream, Effect, Fault, Outcome, Place, Proxy, Status, When};
use ambit_harness::policy_directory::compile_text;
use ambit_harness::runner::wasm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/caller";
const OWN: &str = "spiffe://cluster.local/ns/data/sa/orders";
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":path", "/data"), (":authority", "orders"), (":scheme", "http")];

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32]).unwrap()
}

/// A configuration that trusts the keys, with a policy that the first of them has signed. It allows what is asked if it
/// is of an even generation.
fn config(generation: u64, keys: &[u8]) -> Vec<u8> {
    let grants = if generation.is_multiple_of(2) { "[{actions: [orders/read]}]" } else { "[]" };
    let text = format!(
        "apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: orders}}\nspec:\n  \
         workload: {{namespace: data, serviceAccount: orders}}\n  protocol: http\n  \
         actions: [{{name: read, methods: [GET], path: /data}}]\n---\n\
         apiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: caller}}\nspec:\n  \
         identity: [{{namespace: agents, serviceAccount: caller}}]\n  originates: true\n  grants: {grants}\n"
    );
    let signing_key = keys.first().map(|number| key(*number));
    let blobs = compile_text(&text, &Options { generation, signing_key, ..Options::default() }).unwrap();
    let mut config = json!({"policy": STANDARD.encode(&blobs["orders"])});
    if !keys.is_empty() {
        config["keys"] = keys.iter().map(|number| STANDARD.encode(key(*number).public())).collect();
    }
    config.to_string().into_bytes()
}

fn proxy(config: &[u8]) -> Proxy {
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(config).accepted);
    proxy
}

fn peer(own: Option<&str>) -> Downstream {
    let path = ["connection", "uri_san_local_certificate"];
    match own {
        Some(own) => Downstream::mtls(CALLER).property(&path, own),
        None => Downstream::mtls(CALLER).without_property(&path),
    }
}

/// What becomes of a request to a worker: the code of the deny, if it is one.
fn ask(proxy: &Proxy, worker: usize, own: Option<&str>) -> Option<String> {
    let mut stream = proxy.worker(worker).open_stream(peer(own));
    match stream.request_headers(&GET, true) {
        Outcome::LocalReply(_) => {
            let record = String::from_utf8(stream.filter_state("wasm.ambit").unwrap()).unwrap();
            let code = record.split(' ').find_map(|pair| pair.strip_prefix("code="));
            Some(code.unwrap_or(&record).to_owned())
        }
        Outcome::Continue => None,
        other => panic!("{other:?}"),
    }
}

fn logged(proxy: &mut Proxy, place: Place, words: &[&str]) -> bool {
    let lines: Vec<_> = proxy.take_logs().iter().map(|line| (line.place, line.text())).collect();
    lines.iter().any(|(at, text)| *at == place && words.iter().all(|word| text.contains(word)))
}

#[test]
fn an_older_policy_is_taken_and_has_no_effect() {
    let mut proxy = proxy(&config(7, &[1]));
    let denied = Some("not-granted".to_owned());
    assert_eq!(ask(&proxy, 0, Some(OWN)), denied);
    proxy.take_logs();
    // Were it refused here, the worker would be left without the filter: the canary knows of nothing in force.
    assert!(proxy.configure(&config(6, &[1])).accepted);
    assert!(logged(&mut proxy, Place::Worker(0), &["code=policy-rolled-back", "generation=6", "in-force=7"]));
    assert_eq!(ask(&proxy, 0, Some(OWN)), denied);
    // A VM that begins now has no memory of what was.
    let late = proxy.add_worker();
    assert_eq!(ask(&proxy, late, Some(OWN)), None);
    // The newer one is still in force when the older one comes once more, and what is newer replaces both.
    assert!(proxy.configure(&config(4, &[1])).accepted);
    assert_eq!(ask(&proxy, 0, Some(OWN)), denied);
    assert!(proxy.configure(&config(8, &[1])).accepted);
    assert_eq!((ask(&proxy, 0, Some(OWN)), ask(&proxy, late, Some(OWN))), (None, None));
    // Nothing of the former ones is kept.
    assert_eq!(proxy.worker(0).root_contexts(), 1);
}

#[test]
fn a_number_counts_only_by_the_word_of_a_trusted_key() {
    // The same generation again, with other settings, is taken.
    let mut proxy = proxy(&config(8, &[1]));
    assert!(proxy.configure(&config(8, &[1, 2])).accepted);
    assert!(!logged(&mut proxy, Place::Worker(0), &["rolled-back"]));
    // A key that is no longer trusted cannot hold back those that are.
    assert!(proxy.configure(&config(4, &[2])).accepted);
    assert!(proxy.configure(&config(7, &[2, 1])).accepted);
    assert_eq!(ask(&proxy, 0, Some(OWN)), Some("not-granted".to_owned()));
    // Without keys there is no telling who wrote the number.
    assert!(proxy.configure(&config(2, &[])).accepted);
    assert_eq!(ask(&proxy, 0, Some(OWN)), None);
    assert!(proxy.configure(&config(1, &[])).accepted);
    assert_eq!(ask(&proxy, 0, Some(OWN)), Some("not-granted".to_owned()));
}

#[test]
fn what_streams_began_under_does_not_come_back() {
    let mut proxy = proxy(&config(5, &[1]));
    let _long = proxy.worker(0).open_stream(peer(Some(OWN)));
    assert!(proxy.configure(&config(8, &[1])).accepted);
    assert_eq!(proxy.worker(0).root_contexts(), 2);
    assert!(proxy.configure(&config(3, &[1])).accepted);
    assert_eq!(ask(&proxy, 0, Some(OWN)), None, "8 is in force, not 5");
}

#[test]
fn a_policy_of_another_workload_denies() {
    let mut proxy = proxy(&config(2, &[1]));
    // Nothing to compare with: there is no certificate, or it names no service account.
    assert_eq!(ask(&proxy, 0, None), None);
    let foreign = Some("policy-for-another-workload".to_owned());
    for own in ["spiffe://cluster.local/ns/data/sa/invoices", "spiffe://cluster.local/ns/other/sa/orders"] {
        assert!(proxy.configure(&config(2, &[])).accepted);
        assert_eq!(ask(&proxy, 0, Some(own)), None, "it is not asked of an unsigned policy");
        assert!(proxy.configure(&config(2, &[1])).accepted);
        assert_eq!(ask(&proxy, 0, Some(own)), foreign);
        assert!(logged(&mut proxy, Place::Worker(0), &["ambit: the policy is for another workload", own]));
        // It is told once, and never asked again.
        assert_eq!(ask(&proxy, 0, Some(OWN)), foreign);
        assert!(!logged(&mut proxy, Place::Worker(0), &["ambit: the policy is for another workload"]));
    }
    for own in
        ["spiffe://cluster.local/region/eu/orders", "spiffe://other.example/ns/data/sa/orders", "https://x"]
    {
        assert!(proxy.configure(&config(2, &[])).accepted);
        assert!(proxy.configure(&config(2, &[1])).accepted);
        assert_eq!(ask(&proxy, 0, Some(own)), None, "{own}");
    }
}

/// A host that cannot say which certificate it shows has not said that there is none.
#[test]
fn a_workload_that_cannot_be_told_denies() {
    let mut proxy = proxy(&config(2, &[1]));
    let fault = Fault::of("proxy_get_property", Effect::Return(Status(10)));
    proxy.inject(fault.key("connection\0uri_san_local_certificate").when(When::Nth(1)));
    let other = "spiffe://cluster.local/ns/data/sa/invoices";
    assert_eq!(ask(&proxy, 0, Some(other)), Some("internal-fault".to_owned()));
    assert_eq!(ask(&proxy, 0, Some(other)), Some("policy-for-another-workload".to_owned()));
}

#[test]
fn after_the_first_request_it_costs_no_host_call() {
    let calls = |config: &[u8]| {
        let proxy = proxy(config);
        assert_eq!(ask(&proxy, 0, Some(OWN)), None);
        let mut stream = proxy.worker(0).open_stream(peer(Some(OWN)));
        stream.request_headers(&GET, true);
        stream.total_usage().hostcalls
    };
    assert_eq!(calls(&config(2, &[1])), calls(&config(2, &[])));
}

#[test]
fn a_policy_out_of_its_time_is_taken_with_a_warning() {
    let text = "apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {name: orders}\nspec:\n  \
         workload: {namespace: data, serviceAccount: orders}\n  protocol: http\n  \
         actions: [{name: read, methods: [GET], path: /data}]\n";
    for (not_before, not_after, code) in
        [(0, 1_000_000_000, "policy-expired"), (4_000_000_000, 0, "policy-not-yet-valid")]
    {
        let options = Options { not_before, not_after, ..Options::default() };
        let blob = &compile_text(text, &options).unwrap()["orders"];
        let mut proxy = proxy(json!({"policy": STANDARD.encode(blob)}).to_string().as_bytes());
        assert!(logged(&mut proxy, Place::Worker(0), &["the policy denies everything", code]));
        assert_eq!(ask(&proxy, 0, None), Some(code.to_owned()));
    }
}
