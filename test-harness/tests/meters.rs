//! What the filter tells of itself in the simulated host, beside verdicts: which policy is in force, and how many steps it
//! takes. Verdicts are counted in every scenario.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ambit_compiler::compile::{Options, SigningKey};
use ambit_harness::egress::{self, Configs};
use ambit_harness::host::{Downstream, Metric, Proxy};
use ambit_harness::policy_directory::{LineageSettings, compile_text, inbound_config, with_settings};
use ambit_harness::runner::wasm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const CALLER: &str = "spiffe://cluster.local/ns/agents/sa/caller";
const SECOND_NS: u64 = 1_000_000_000;

fn policy(mode: &str, grants: &str) -> String {
    format!(
        "apiVersion: ambit.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec: {{mode: {mode}}}\n---\n\
         apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: orders}}\nspec:\n  \
         workload: {{namespace: data, serviceAccount: orders}}\n  protocol: http\n  \
         actions:\n    - {{name: read, methods: [GET], path: /data}}\n    - {{name: write, methods: [POST], path: /data}}\n\
         ---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: caller}}\nspec:\n  \
         identity: [{{namespace: agents, serviceAccount: caller}}]\n  originates: true\n  grants: {grants}\n"
    )
}

fn blob(text: &str, options: &Options) -> String {
    STANDARD.encode(&compile_text(text, options).unwrap()["orders"])
}

/// A configuration with a policy of this generation that is valid until then.
fn config(generation: u64, not_after: u64) -> Vec<u8> {
    let options = Options { generation, not_after, ..Options::default() };
    json!({"policy": blob(&policy("enforce", "[]"), &options)}).to_string().into_bytes()
}

/// The same, signed.
fn signed(generation: u64) -> Vec<u8> {
    let key = SigningKey::from_seed([1; 32]).unwrap();
    let trusted = [STANDARD.encode(key.public())];
    let options = Options { generation, signing_key: Some(key), ..Options::default() };
    json!({"policy": blob(&policy("enforce", "[]"), &options), "keys": trusted}).to_string().into_bytes()
}

fn proxy(config: &[u8]) -> Proxy {
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(config).accepted);
    proxy
}

/// What a gauge shows after a tick; none if there is no such.
fn gauge(proxy: &mut Proxy, name: &str) -> Option<u64> {
    assert!(proxy.tick());
    match proxy.metric(name)? {
        Metric::Gauge(value) => Some(value),
        other => panic!("{name} is no gauge: {other:?}"),
    }
}

fn generation(proxy: &mut Proxy) -> Option<u64> {
    gauge(proxy, "ambit.policy.generation")
}

/// What access logs see of a request.
fn ask(proxy: &Proxy, method: &str) -> Option<String> {
    let mut stream = proxy.worker(0).open_stream(Downstream::mtls(CALLER));
    let head = [(":method", method), (":path", "/data"), (":authority", "orders"), (":scheme", "http")];
    stream.request_headers(&head, true);
    stream.filter_state("wasm.ambit").map(|facts| String::from_utf8(facts).unwrap())
}

fn fact<'a>(facts: &'a str, key: &str) -> Option<&'a str> {
    facts.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

#[test]
fn gauges_show_the_policy_in_force() {
    let mut proxy = proxy(b"");
    assert_eq!(generation(&mut proxy), None, "there is no policy");
    let now = proxy.wall_clock_ns() / SECOND_NS;
    assert!(proxy.configure(&config(7, now + 3_600)).accepted);
    assert_eq!(generation(&mut proxy), Some(7));
    assert_eq!(gauge(&mut proxy, "ambit.policy.since"), Some(now));
    assert_eq!(gauge(&mut proxy, "ambit.policy.until"), Some(now + 3_600));
    // Time alone changes none of them.
    for _ in 0..30 {
        proxy.tick();
    }
    assert_eq!(gauge(&mut proxy, "ambit.policy.since"), Some(now));
    let later = proxy.wall_clock_ns() / SECOND_NS;
    assert!(later > now + 30);
    assert!(proxy.configure(&config(8, 0)).accepted);
    assert_eq!(generation(&mut proxy), Some(8));
    assert_eq!(gauge(&mut proxy, "ambit.policy.since"), Some(later));
    assert_eq!(gauge(&mut proxy, "ambit.policy.until"), Some(0), "the former end is taken back");
    // Without keys, an older one is taken, and told.
    assert!(proxy.configure(&config(3, 0)).accepted);
    assert_eq!(generation(&mut proxy), Some(3));
}

#[test]
fn a_policy_without_an_end_shows_none() {
    let mut proxy = proxy(&config(7, 0));
    assert_eq!((generation(&mut proxy), gauge(&mut proxy, "ambit.policy.until")), (Some(7), None));
}

#[test]
fn what_streams_began_under_is_not_shown() {
    let mut proxy = proxy(&config(7, 0));
    let long = proxy.worker(0).open_stream(Downstream::mtls(CALLER));
    assert!(proxy.configure(&config(8, 0)).accepted);
    assert_eq!(proxy.worker(0).root_contexts(), 2, "the former one ticks, too");
    for _ in 0..5 {
        assert_eq!(generation(&mut proxy), Some(8));
    }
    drop(long);
    assert_eq!(generation(&mut proxy), Some(8));
}

#[test]
fn a_superseded_policy_is_not_shown() {
    let mut proxy = proxy(&signed(7));
    assert!(proxy.configure(&signed(6)).accepted);
    for _ in 0..5 {
        assert_eq!(generation(&mut proxy), Some(7));
    }
    // A worker that begins now takes the older one. It ticks after the others, and the gauge has the last word.
    proxy.add_worker();
    assert_eq!(generation(&mut proxy), Some(6));
}

#[test]
fn of_several_roles_the_one_behind_is_shown() {
    let scenario = egress::load_all().unwrap().into_iter().find(|scenario| scenario.name == "hosts").unwrap();
    let first = Configs::of(&scenario.policy, &scenario.workload, &scenario.internal).unwrap();
    let mut proxy = proxy(first.outbound.as_bytes());
    let call = proxy.worker(0).open_stream(Downstream::plaintext());
    // Its workload has another policy for what comes in.
    assert!(proxy.configure(&config(7, 0)).accepted);
    assert_eq!(generation(&mut proxy), Some(1), "what leaves is judged by the first");
    drop(call);
    assert_eq!(generation(&mut proxy), Some(7));
}

#[test]
fn each_is_defined_once_a_vm() {
    let mut proxy = proxy(&config(1, 4_000_000_000));
    for generation in 2..20 {
        assert!(proxy.configure(&config(generation, 4_000_000_000)).accepted);
        ask(&proxy, "GET");
        proxy.tick();
    }
    // Three gauges, the steps, and one verdict.
    assert_eq!(proxy.worker(0).metric_definitions(), 5);
}

#[test]
fn access_logs_are_told_what_metrics_count() {
    let shadow = blob(&policy("shadow", "[]"), &Options { generation: 9, ..Options::default() });
    let mut proxy = proxy(json!({"policy": shadow}).to_string().as_bytes());
    let facts = ask(&proxy, "GET").unwrap();
    let found = ["verdict", "code", "enforced", "generation"].map(|key| fact(&facts, key));
    assert_eq!(found, [Some("deny"), Some("not-granted"), Some("false"), Some("9")], "{facts}");
    let steps: u64 = fact(&facts, "steps").unwrap().parse().unwrap();
    assert!(steps > 0);
    proxy.tick();
    assert_eq!(proxy.counter("ambit.steps"), steps);
    // An enforced one does not say so.
    assert!(proxy.configure(&config(10, 0)).accepted);
    let facts = ask(&proxy, "GET").unwrap();
    assert_eq!((fact(&facts, "enforced"), fact(&facts, "generation")), (None, Some("10")), "{facts}");
}

#[test]
fn steps_are_counted_of_allows_too_and_of_every_judgement() {
    let granted =
        policy("enforce", "[{actions: [orders/read]}, {actions: [orders/write], when: args.amount <= 5}]");
    let config = json!({"policy": blob(&granted, &Options::default())}).to_string();
    let mut proxy = proxy(config.as_bytes());
    assert_eq!(ask(&proxy, "GET"), None, "it is allowed");
    proxy.tick();
    let of_one = proxy.counter("ambit.steps");
    assert!(of_one > 0);
    for _ in 0..9 {
        ask(&proxy, "GET");
    }
    proxy.tick();
    assert_eq!((proxy.counter("ambit.steps"), proxy.counter("ambit.allow")), (10 * of_one, 10));
    // A request that waits for its body is judged at its headers, and again.
    let mut stream = proxy.worker(0).open_stream(Downstream::mtls(CALLER));
    let head = [
        (":method", "POST"),
        (":path", "/data"),
        (":authority", "orders"),
        (":scheme", "http"),
        ("content-type", "application/json"),
    ];
    stream.request_headers(&head, false);
    proxy.tick();
    let at_headers = proxy.counter("ambit.steps");
    assert!(at_headers > 10 * of_one);
    stream.request_body(br#"{"amount": 7}"#, true);
    let facts = String::from_utf8(stream.filter_state("wasm.ambit").unwrap()).unwrap();
    proxy.tick();
    let last: u64 = fact(&facts, "steps").unwrap().parse().unwrap();
    assert!(proxy.counter("ambit.steps") >= at_headers + last, "{facts}");
}

/// What access logs see of a call of the workload.
fn call(proxy: &Proxy) -> Option<String> {
    let mut stream = proxy.worker(0).open_stream(Downstream::plaintext());
    let head = [(":method", "GET"), (":path", "/"), (":authority", "billing.local"), (":scheme", "http")];
    stream.request_headers(&head, true);
    stream.filter_state("wasm.ambit").map(|facts| String::from_utf8(facts).unwrap())
}

#[test]
fn access_logs_are_told_of_a_lost_lineage() {
    let lineage = LineageSettings { secret: *b"sixteen byte key", window_ms: None, strict: false };
    let granted = blob(&policy("enforce", "[{actions: [orders/read]}]"), &Options::default());
    let mut proxy = proxy(inbound_config(&STANDARD.decode(granted).unwrap(), Some(&lineage)).as_bytes());
    let mut served = proxy.worker(0).open_stream(Downstream::mtls(CALLER));
    let head = [(":method", "GET"), (":path", "/data"), (":authority", "orders"), (":scheme", "http")];
    served.request_headers(&head, true);
    assert_eq!(served.downstream().status(), None, "it is being served");
    assert!(proxy.configure(lineage.outbound_config().as_bytes()).accepted);
    assert_eq!(call(&proxy).as_deref(), Some("lineage=lost"));
    proxy.tick();
    assert_eq!(proxy.counter("ambit.lineage.lost"), 1);
}

#[test]
fn access_logs_are_told_of_a_refused_call() {
    let lineage = LineageSettings { secret: *b"sixteen byte key", window_ms: None, strict: false };
    let budget = json!({"budgets": ["window=1/60000"]});
    let config = with_settings(&lineage.outbound_config(), budget.as_object().unwrap());
    let proxy = proxy(config.as_bytes());
    assert_eq!(call(&proxy), None, "one is within the budget");
    let facts = call(&proxy).unwrap();
    assert_eq!(
        (fact(&facts, "verdict"), fact(&facts, "code")),
        (Some("deny"), Some("budget-exhausted")),
        "{facts}"
    );
    assert_eq!(fact(&facts, "id").map(str::len), Some(16), "{facts}");
}
