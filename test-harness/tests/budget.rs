//! What the filter may cost, in numbers that are the same on every machine: size, imports, Wasm instructions, host
//! calls, allocations. `budget.json` has them; `BLESS=1 cargo test -p ambit-harness --test budget` writes it anew.
//!
//! Lists and host calls are compared exactly. Sizes and instructions may drift a little with the compiler, and are
//! blessed when they leave the band, in either direction: a gain that is not written down can be lost unseen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::generate::large;
use ambit_harness::egress::{self, Configs, Expected, What, world};
use ambit_harness::host::{Downstream, Proxy, Usage};
use ambit_harness::policy_directory::{LineageSettings, inbound_config};
use ambit_harness::runner::wasm;
use ambit_harness::scenario::{self, Ending, Peer, Press, Scenario, Step};
use serde_json::{Map, Value, json};

/// The module may not be larger, blessed or not.
const MAX_MODULE_BYTES: usize = 400 * 1024;

/// The VM of a worker may not take more with a policy of 1,000 agents, blessed or not.
const MAX_MEMORY_BYTES: usize = 4 << 20;

/// By how much of itself a number may drift: one part in this many.
const DRIFT: u64 = 20;

/// What a request of a well-behaved client carries beside what decides.
const USUAL_HEADERS: [(&str, &str); 10] = [
    ("user-agent", "python-httpx/0.28.1"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("x-forwarded-proto", "http"),
    ("x-request-id", "5b1c5b0e-2ae9-4f2e-8d9a-3c1f5f5d6f3a"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "rojo=00f067aa0ba902b7"),
    ("x-envoy-attempt-count", "1"),
    (
        "x-forwarded-client-cert",
        "By=spiffe://cluster.local/ns/data/sa/orders-db;Hash=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef;Subject=\"\";URI=spiffe://cluster.local/ns/ops/sa/admin-agent",
    ),
    ("x-b3-sampled", "1"),
];

/// Requests that are measured: a name here, the scenario, the case, and what it ends in.
const MEASURED: [(&str, &str, &str, &str); 7] = [
    ("allow", "seed", "support has admin read a row", "allow"),
    ("allow, four hops", "lineage", "four hops", "allow"),
    ("deny", "seed", "support has admin drop a table", "deny"),
    ("allow by the body", "body", "as the condition asks", "allow"),
    ("deny by the body", "body", "too much", "deny"),
    ("allow by 4 KiB of MCP", "mcp", "a call of 4 KiB", "allow"),
    ("allow by 64 KiB of MCP", "mcp", "a call of 64 KiB", "allow"),
];

/// How many requests a proxy that remembers their lineage has served within the last window, where one more is measured.
const SERVED: [u32; 3] = [1, 300, 6_000];

/// Departures that are measured: a name here, the case in `egress/hosts`, and what it ends in.
const LEAVING: [(&str, &str, &str); 5] = [
    ("a call within the mesh", "a service of the mesh", "allow"),
    ("a call that leaves, allow", "an approved host", "allow"),
    ("a call that leaves, deny", "a host that the mesh knows, and the agent may not call", "deny"),
    ("a connection that leaves, allow", "TLS to an approved host", "allow"),
    (
        "a connection that leaves, deny",
        "TLS to a host that the mesh knows, and the agent may not call",
        "deny",
    ),
];

#[test]
fn budget() {
    let mut found = Map::new();
    let inspection = wasm::module().unwrap().inspect();
    let imports: Vec<String> =
        inspection.imports.iter().map(|import| format!("{}.{}", import.module, import.name)).collect();
    found.insert("module bytes".to_owned(), inspection.size_bytes.into());
    found.insert("module imports".to_owned(), imports.into());
    found.insert("module exports".to_owned(), inspection.exports.clone().into());
    for name in ["seed", "body"] {
        found.insert(format!("blob bytes, {name}"), blob_bytes(&scenario(name)).into());
    }
    found.insert("memory bytes of a VM, no policy".to_owned(), memory_bytes(b"").into());
    for agents in [1_000, 10_000] {
        let blob = large_blob(agents);
        found.insert(format!("blob bytes, {agents} agents"), blob.len().into());
        let memory = memory_bytes(inbound_config(&blob, None).as_bytes());
        found.insert(format!("memory bytes of a VM, {agents} agents"), memory.into());
        assert!(agents > 1_000 || memory <= MAX_MEMORY_BYTES, "the VM has {memory} bytes");
    }
    for (name, file, case, ending) in MEASURED {
        found.insert(name.to_owned(), in_json(&measure(&scenario(file), case, ending)));
    }
    for served in SERVED {
        let name = format!("allow, and remember for its calls, after {served}");
        found.insert(name, in_json(&measure_remembering(&scenario("seed"), served)));
    }
    let leaving = egress::load_all().unwrap().into_iter().find(|scenario| scenario.name == "hosts").unwrap();
    for (name, case, ending) in LEAVING {
        found.insert(name.to_owned(), in_json(&measure_leaving(&leaving, case, ending)));
    }
    let instructions = |name: &str| found[name]["instructions"].as_u64().unwrap();
    let (small, large) = (instructions("allow by 4 KiB of MCP"), instructions("allow by 64 KiB of MCP"));
    assert!(large <= 16 * small, "{small} instructions for 4 KiB, and {large} for 64 KiB");
    compare(&Value::Object(found));
    assert!(
        inspection.size_bytes <= MAX_MODULE_BYTES,
        "the module has {} bytes, and may have {MAX_MODULE_BYTES}",
        inspection.size_bytes
    );
}

fn in_json(usage: &Usage) -> Value {
    json!({
        "instructions": usage.fuel,
        "host calls": usage.hostcalls,
        "allocations for the host": usage.allocations,
        "bytes allocated for the host": usage.allocated_bytes,
        "bytes allocated": usage.guest_bytes,
    })
}

/// What the second departure of a kind costs. A call within the mesh is made where nothing judges what leaves it.
fn measure_leaving(scenario: &egress::Scenario, case: &str, ending: &str) -> Usage {
    let departure = scenario.departures.iter().find(|departure| departure.name == case);
    let departure = departure.unwrap_or_else(|| panic!("`{}` has no such case any more", scenario.name));
    let configs = Configs::of(&scenario.policy, &scenario.workload, &scenario.internal).unwrap();
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    let stamping = LineageSettings { secret: *b"sixteen byte key", window_ms: None, strict: false };
    let config = match (&departure.expected, &departure.what) {
        (Expected::Stays, _) => stamping.outbound_config(),
        (_, What::Call { .. }) => configs.outbound,
        (_, What::Connect { .. }) => configs.network,
    };
    assert!(proxy.configure(config.as_bytes()).accepted);
    let mut usage = Usage::default();
    for _ in 0..2 {
        let from = Downstream::plaintext();
        let passed;
        (passed, usage) = match &departure.what {
            What::Call { authority, target, original, .. } => {
                let cluster = world::cluster_of_call(authority);
                let from = from.to(*original).property(&["xds", "cluster_name"], cluster.as_str());
                let mut stream = proxy.worker(0).open_stream(from);
                let mut headers: Vec<(Vec<u8>, Vec<u8>)> = vec![
                    (b":authority".to_vec(), authority.clone()),
                    (b":path".to_vec(), target.clone()),
                    (b":method".to_vec(), b"GET".to_vec()),
                    (b":scheme".to_vec(), b"http".to_vec()),
                ];
                headers.extend(USUAL_HEADERS.map(|(name, value)| (name.into(), value.into())));
                let _ = stream.request_headers(&headers, true);
                if stream.upstream().headers.is_some() {
                    let _ = stream.response_headers(&[(":status", "200")], true);
                }
                (stream.downstream().status() == Some(200), stream.total_usage())
            }
            What::Connect { server_name, address } => {
                let from = from.to(*address).requested_server_name(server_name.clone().unwrap_or_default());
                let mut connection = proxy.worker(0).open_connection(from);
                connection.downstream_data(b"hello", false);
                connection.close();
                (connection.sent_upstream() == b"hello", connection.total_usage())
            }
        };
        assert_eq!(passed, ending == "allow", "{case}");
    }
    usage
}

/// A blob for agents with ten grants each on one service.
fn large_blob(agents: u32) -> Vec<u8> {
    let size = large::Size { agents, grants: 10, services: 1, actions: 40, conditions: 0 };
    compile(&large::large(size), &large::workload(0), &Options::default()).unwrap().blob
}

/// The memory of a worker's VM that has taken up a configuration.
fn memory_bytes(config: &[u8]) -> usize {
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(config).accepted);
    proxy.worker(0).memory_bytes()
}

fn scenario(name: &str) -> Scenario {
    scenario::load(&scenario::directory().join(name).with_extension("yaml")).unwrap()
}

fn blob_bytes(scenario: &Scenario) -> usize {
    Press::default().blob(&scenario.setting, &scenario.destination).unwrap().len()
}

/// What the second request of a kind costs, after a first one has warmed up the allocator.
fn measure(scenario: &Scenario, case: &str, ending: &str) -> Usage {
    let case = scenario.steps.iter().find_map(|step| match step {
        Step::Case(found) if found.name == case => Some(found),
        _ => None,
    });
    let case = case.unwrap_or_else(|| panic!("`{}` has no such case any more", scenario.name));
    let is_denied = matches!(case.expectation.ending, Ending::Deny { .. });
    assert_eq!(is_denied, ending == "deny", "{}: {}", scenario.name, case.name);
    let config = Press::default().config(&scenario.setting, &scenario.destination).unwrap();
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(&config).accepted);
    let Peer::Certificate(sans) = &case.exchange.peer else { panic!("a peer with a certificate") };
    let mut headers = case.exchange.pairs(&scenario.destination.authority());
    headers.extend(USUAL_HEADERS.map(|(name, value)| (name.into(), value.into())));
    let mut usage = Usage::default();
    for _ in 0..2 {
        let mut stream = proxy.worker(0).open_stream(Downstream::mtls(&sans[0]));
        let _ = stream.request_headers(&headers, case.exchange.ends_at_headers());
        if let [body] = case.exchange.pieces.as_slice() {
            let _ = stream.request_body(body, true);
        }
        if !is_denied {
            let _ = stream.response_headers(&[(":status", "200")], true);
        }
        assert_eq!(stream.downstream().status(), Some(if is_denied { 403 } else { 200 }));
        usage = stream.total_usage();
    }
    usage
}

/// What a request costs whose lineage is remembered, once some were: the table of all is one value of the host's.
fn measure_remembering(scenario: &Scenario, served: u32) -> Usage {
    let blob = Press::default().blob(&scenario.setting, &scenario.destination).unwrap();
    let lineage = LineageSettings { secret: *b"sixteen byte key", window_ms: None, strict: false };
    let mut proxy = Proxy::new(wasm::module().unwrap());
    proxy.add_worker();
    assert!(proxy.configure(inbound_config(&blob, Some(&lineage)).as_bytes()).accepted);
    let mut before = Usage::default();
    for request in 0..=served {
        before = proxy.worker(0).total_usage();
        let id = format!("{request:032x}");
        let trace = format!("00-{id}-00f067aa0ba902b7-01");
        let mut headers = vec![
            (":method", "GET"),
            (":path", "/tables/orders/rows/17"),
            (":authority", "orders-db.local"),
            (":scheme", "http"),
            (
                "x-ambit-lineage",
                "v=1, root=\"t1\", via=(\"spiffe://cluster.local/ns/support/sa/support-agent\")",
            ),
        ];
        headers.extend(USUAL_HEADERS.map(|(name, value)| match name {
            "x-request-id" => (name, id.as_str()),
            "traceparent" => (name, trace.as_str()),
            _ => (name, value),
        }));
        let peer = "spiffe://cluster.local/ns/ops/sa/admin-agent";
        let mut stream = proxy.worker(0).open_stream(Downstream::mtls(peer));
        let _ = stream.request_headers(&headers, true);
        let _ = stream.response_headers(&[(":status", "200")], true);
        assert_eq!(stream.downstream().status(), Some(200));
    }
    proxy.worker(0).total_usage().since(&before)
}

fn compare(found: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("budget.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{found:#}\n")).unwrap();
        return;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let budget = leaves(&serde_json::from_str(&text).unwrap());
    let found = leaves(found);
    let mut changes = Vec::new();
    for name in budget.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>() {
        let (old, new) = (budget.get(name), found.get(name));
        let same = match (old.and_then(Value::as_u64), new.and_then(Value::as_u64)) {
            (Some(old), Some(new)) if drifts(name) => old.abs_diff(new) <= old / DRIFT,
            _ => old == new,
        };
        if !same {
            let show = |value: Option<&Value>| value.map_or("absent".to_owned(), ToString::to_string);
            changes.push(format!("{name}: was {}, is {}", show(old), show(new)));
        }
    }
    assert!(
        changes.is_empty(),
        "the budget has changed:\n  {}\nif that is meant: `BLESS=1 cargo test -p ambit-harness --test budget`, \
         and say why in the commit",
        changes.join("\n  ")
    );
}

/// Whether a number depends on how the compiler happens to arrange things.
fn drifts(name: &str) -> bool {
    ["bytes", "instructions"].iter().any(|word| name.contains(word))
}

/// Everything in nested objects, by the path to it.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    let Value::Object(members) = value else { return BTreeMap::from([(String::new(), value.clone())]) };
    let mut all = BTreeMap::new();
    for (name, member) in members {
        for (rest, leaf) in leaves(member) {
            all.insert(if rest.is_empty() { name.clone() } else { format!("{name} / {rest}") }, leaf);
        }
    }
    all
}
