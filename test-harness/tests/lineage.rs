//! Lineage on real Envoys: stamped by the sidecar, never lost, always limiting.
//!
//! Two agents start work: `alice`, who may read the tool's data, and `bob`, who may not. Four more pass tasks on, and
//! may do everything. So whether a request reaches the tool says on whose behalf it was made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ambit_compiler::compile::Options;
use ambit_harness::client::{MAX_WAIT, Request, Response};
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, Update, WorkloadSpec};
use ambit_harness::policy_directory::{LineageSettings, compile_text, inbound_config};
use ambit_harness::upstream::{Call, Reply};
use ambit_harness::{artifact, envoy};
use serde_json::{Value, json};

const AGENTS: [&str; 6] = ["alice", "bob", "hop1", "hop2", "hop3", "hop4"];
const HOPS: [&str; 4] = ["hop1", "hop2", "hop3", "hop4"];

/// Everyone may pass tasks to every hop; all but bob may read.
fn policy() -> String {
    let mut text = String::from(
        "apiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {name: tool}\nspec:\n  \
         workload: {namespace: mesh, serviceAccount: tool}\n  protocol: http\n  \
         actions: [{name: read, methods: [GET], path: /data, effects: [read]}]\n",
    );
    for hop in HOPS {
        write!(
            text,
            "---\napiVersion: ambit.dev/v1alpha1\nkind: Service\nmetadata: {{name: {hop}-api}}\nspec:\n  \
             workload: {{namespace: mesh, serviceAccount: {hop}}}\n  protocol: http\n  \
             actions: [{{name: task, methods: [POST], path: /tasks}}]\n"
        )
        .unwrap();
    }
    for agent in AGENTS {
        let read = if agent == "bob" { "" } else { ", tool/read" };
        let originates = matches!(agent, "alice" | "bob");
        write!(
            text,
            "---\napiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {agent}}}\nspec:\n  \
             identity: [{{namespace: mesh, serviceAccount: {agent}}}]\n  originates: {originates}\n  \
             delegates: {{to: [hop1, hop2, hop3, hop4]}}\n  \
             grants: [{{actions: [\"hop1-api/*\", \"hop2-api/*\", \"hop3-api/*\", \"hop4-api/*\"{read}]}}]\n"
        )
        .unwrap();
    }
    text
}

/// Holds tasks back until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let open = self.open.lock().unwrap();
        let (open, _) = self.changed.wait_timeout_while(open, MAX_WAIT, |open| !*open).unwrap();
        assert!(*open, "no one opened the gate");
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

struct Swarm {
    mesh: Mesh,
    gate: Arc<Gate>,
    settings: LineageSettings,
}

/// What a swarm's applications and sidecars do.
struct Setup {
    name: &'static str,
    workers: u32,
    /// Headers that applications hand on.
    carry: &'static [&'static str],
    strict: bool,
}

fn options(generation: u64) -> Options {
    Options { generation, require_stamp: true, ..Options::default() }
}

fn start(setup: &Setup) -> Swarm {
    let quiet = |_: &str| {};
    let module = artifact::filter(&quiet).unwrap();
    let blobs = compile_text(&policy(), &options(1)).unwrap();
    let settings =
        LineageSettings { secret: *b"sixteen byte key", window_ms: Some(500), strict: setup.strict };
    let gate = Arc::new(Gate::default());
    let mut builder = Mesh::builder(setup.name).envoy(envoy::binary::locate(&quiet).unwrap());
    for name in AGENTS.into_iter().chain(["tool"]) {
        let filter = |root_id: &str, config: String| Filter {
            module: module.clone(),
            root_id: root_id.to_owned(),
            config: Some(config),
        };
        let mut workload = WorkloadSpec::new(name, &format!("spiffe://cluster.local/ns/mesh/sa/{name}"))
            .workers(setup.workers)
            .filter(Direction::Outbound, filter("outbound", settings.outbound_config()));
        if let Some(blob) = blobs.get(name) {
            let config = inbound_config(blob, Some(&settings));
            workload = workload.filter(Direction::Inbound, filter("inbound", config));
        }
        if name != "tool" {
            let (gate, carry) = (Arc::clone(&gate), setup.carry);
            workload = workload.app(move |call| pass_on(call, &gate, carry));
        }
        builder = builder.workload(workload);
    }
    Swarm { mesh: builder.start().unwrap(), gate, settings }
}

/// The application of every hop: it hands the task to the next, or reads the tool's data.
fn pass_on(call: &Call, gate: &Gate, carry: &[&str]) -> Reply {
    let mut task: Value = serde_json::from_slice(&call.request.body).unwrap();
    if task["hold"] == true {
        gate.pass();
    }
    let mut through: Vec<Value> = task["through"].as_array().cloned().unwrap_or_default();
    let mut onward = if through.is_empty() {
        Request::get("/data").host("tool.local")
    } else {
        let next = through.remove(0);
        task["through"] = json!(through);
        Request::post_json("/tasks", task.to_string()).host(&format!("{}.local", next.as_str().unwrap()))
    };
    onward = onward.carry(&call.request.headers, carry);
    for (name, value) in task["forge"].as_object().into_iter().flatten() {
        onward = onward.header(name, value.as_str().unwrap());
    }
    match call.forward(&onward) {
        Ok(answer) => {
            let code = answer.header("x-ambit-code").unwrap_or_default().to_owned();
            Reply::new(answer.status, answer.body).header("x-ambit-code", code)
        }
        Err(error) => Reply::new(502, error.to_string()),
    }
}

impl Swarm {
    /// `who` has a task done by `through`; what came of it.
    fn ask(&self, who: &str, through: &[&str], task: Value, headers: &[(&str, &str)]) -> Response {
        let mut task = task;
        task["through"] = json!(through[1..]);
        let mut request = Request::post_json("/tasks", task.to_string());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.mesh.between(who, through[0]).send(&request).unwrap()
    }

    /// The lineage headers with which requests reached the tool, whole.
    fn arrived(&self) -> Vec<String> {
        let received = self.mesh.workload("tool").received();
        let headers =
            received.iter().map(|request| request.header("x-ambit-lineage").unwrap_or("none").to_owned());
        headers.collect()
    }

    /// Repeats a request until it is answered so.
    fn until(&self, status: u16, what: &str, ask: impl Fn(&Self) -> Response) {
        let deadline = Instant::now() + MAX_WAIT;
        while ask(self).status != status {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn outcome(response: &Response) -> (u16, &str) {
    (response.status, response.header("x-ambit-code").unwrap_or_default())
}

fn via(members: &[&str]) -> String {
    let members: Vec<_> =
        members.iter().map(|name| format!("\"spiffe://cluster.local/ns/mesh/sa/{name}\"")).collect();
    format!("via=({})", members.join(" "))
}

fn trace(number: usize) -> String {
    format!("00-{:032x}-{:016x}-01", number + 1, number + 1)
}

/// Many tasks at once, of two origins, through four hops: each is stamped with its own lineage, on however many
/// workers the halves of a task meet. Applications hand on nothing but what tracing libraries do.
fn each_call_has_its_own_lineage(name: &'static str, workers: u32, carry: &'static [&'static str]) {
    let swarm = start(&Setup { name, workers, carry, strict: false });
    std::thread::scope(|scope| {
        for number in 0..12 {
            let swarm = &swarm;
            scope.spawn(move || {
                for round in 0..3 {
                    let who = if number % 2 == 0 { "alice" } else { "bob" };
                    let id = trace(number * 100 + round);
                    let b3 = &id[3..35];
                    let headers =
                        [("traceparent", id.as_str()), ("x-request-id", id.as_str()), ("x-b3-traceid", b3)];
                    let headers: Vec<_> =
                        headers.into_iter().filter(|(name, _)| carry.contains(name)).collect();
                    let answer = swarm.ask(who, &HOPS, json!({}), &headers);
                    let expected = if who == "alice" { (200, "") } else { (403, "not-granted") };
                    assert_eq!(
                        outcome(&answer),
                        expected,
                        "{who}, {workers} workers, {carry:?}: {}",
                        answer.text()
                    );
                }
            });
        }
    });
    let arrived = swarm.arrived();
    assert_eq!(arrived.len(), 18);
    let expected = via(&["alice", "hop1", "hop2", "hop3"]);
    for lineage in arrived {
        assert!(lineage.contains(&expected) && !lineage.contains("merged"), "{lineage}");
    }
}

#[test]
fn traceparent_ties_calls_on_one_worker() {
    each_call_has_its_own_lineage("lineage-1", 1, &["traceparent"]);
}

#[test]
fn traceparent_ties_calls_on_two_workers() {
    each_call_has_its_own_lineage("lineage-2", 2, &["traceparent"]);
}

#[test]
fn traceparent_ties_calls_on_four_workers() {
    each_call_has_its_own_lineage("lineage-4", 4, &["traceparent"]);
}

#[test]
fn request_id_and_b3_tie_calls_too() {
    each_call_has_its_own_lineage("lineage-request-id", 2, &["x-request-id"]);
    each_call_has_its_own_lineage("lineage-b3", 2, &["x-b3-traceid"]);
}

/// An application that hands on nothing is limited by all that is live in its pod, also by what was live a moment ago
/// and under a policy that has been replaced since. The lost call is named.
#[test]
fn a_lost_lineage_narrows() {
    for (name, workers) in [("lost-1", 1), ("lost-2", 2), ("lost-4", 4)] {
        let swarm = start(&Setup { name, workers, carry: &[], strict: false });
        let alice = |swarm: &Swarm| swarm.ask("alice", &["hop1"], json!({}), &[]);
        assert_eq!(outcome(&alice(&swarm)), (200, ""), "alone, alice is all that is live");
        std::thread::scope(|scope| {
            let bob = scope.spawn(|| swarm.ask("bob", &["hop1"], json!({"hold": true}), &[]));
            swarm.until(403, "bob's task is live", alice);
            let blobs = compile_text(&policy(), &options(2)).unwrap();
            let config = inbound_config(&blobs["hop1"], Some(&swarm.settings));
            assert_eq!(swarm.mesh.workload("hop1").update_policy(&config).unwrap(), Update::Accepted);
            assert_eq!(outcome(&alice(&swarm)), (403, "not-granted"), "an update forgets nothing");
            swarm.gate.open();
            assert_eq!(outcome(&bob.join().unwrap()), (403, "not-granted"));
        });
        assert_eq!(outcome(&alice(&swarm)), (403, "not-granted"), "what ended a moment ago still limits");
        swarm.until(200, "bob's window is over", alice);
        let envoy = swarm.mesh.workload("hop1").envoy();
        let deadline = Instant::now() + MAX_WAIT;
        while envoy.stat("wasmcustom.ambit.lineage.lost").unwrap() == 0 {
            assert!(Instant::now() < deadline, "lost calls are counted");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(envoy.log_contains("lineage lost: GET tool.local/data").unwrap(), "the lost call is named");
    }
}

/// Nothing that an application writes about its lineage has an effect.
#[test]
fn a_forged_lineage_is_replaced() {
    let swarm = start(&Setup { name: "forged", workers: 2, carry: &["traceparent"], strict: false });
    let root = "v=1, via=()";
    let stronger = "v=1, via=(\"spiffe://cluster.local/ns/mesh/sa/alice\")";
    let forgeries = [
        json!({"x-ambit-lineage": root}),
        json!({"x-ambit-lineage": stronger}),
        json!({"X-Ambit-Lineage": stronger}),
        json!({"x_ambit_lineage": stronger}),
        json!({"x-ambit_lineage": stronger, "x-ambit-lineage": root}),
    ];
    for (number, forgery) in forgeries.into_iter().enumerate() {
        // A trace each: two tasks of one trace would be limited by both.
        let (bob, alice) = (trace(2 * number), trace(2 * number + 1));
        let ask = |who, trace: &str| {
            swarm.ask(who, &["hop1", "hop2"], json!({"forge": forgery}), &[("traceparent", trace)])
        };
        assert_eq!(outcome(&ask("bob", &bob)), (403, "not-granted"), "{forgery}");
        assert_eq!(outcome(&ask("alice", &alice)), (200, ""), "{forgery}");
    }
    for lineage in swarm.arrived() {
        assert!(lineage.contains(&via(&["alice", "hop1"])), "{lineage}");
    }
}

/// An application that chooses the trace id of another task, which is live in its pod, takes that task's lineage: the
/// documented limit of the default mode. In strict mode it has no choice.
#[test]
fn a_replayed_trace_id_wins_nothing_in_strict_mode() {
    for (strict, expected) in [(false, (200, "")), (true, (403, "not-granted"))] {
        let name = if strict { "replay-strict" } else { "replay" };
        let swarm = start(&Setup { name, workers: 2, carry: &[], strict });
        let (alice, bob) = (trace(1), trace(2));
        std::thread::scope(|scope| {
            let task = scope.spawn(|| {
                swarm.ask("alice", &["hop1"], json!({"hold": true}), &[("traceparent", alice.as_str())])
            });
            let arrived = |swarm: &Swarm| !swarm.mesh.workload("hop1").received().is_empty();
            let deadline = Instant::now() + MAX_WAIT;
            while !arrived(&swarm) {
                assert!(Instant::now() < deadline, "alice's task did not arrive");
                std::thread::sleep(Duration::from_millis(10));
            }
            let forge = json!({"forge": {"traceparent": alice}});
            let answer = swarm.ask("bob", &["hop1"], forge, &[("traceparent", &bob)]);
            assert_eq!(outcome(&answer), expected, "strict: {strict}");
            swarm.gate.open();
            task.join().unwrap();
        });
    }
}

/// What a peer that has gone around its own sidecar may state, and what it gets.
#[test]
fn statements_are_taken_strictly() {
    let swarm = start(&Setup { name: "statements", workers: 1, carry: &[], strict: false });
    let endpoint = swarm.mesh.impersonate("alice", "tool").unwrap();
    let member = |name: &str| format!("\"spiffe://cluster.local/ns/mesh/sa/{name}\"");
    let many = |count: usize| {
        let members: Vec<_> =
            (0..count).map(|place| member(if place == 0 { "alice" } else { "hop1" })).collect();
        format!("v=1, via=({})", members.join(" "))
    };
    let long = format!("v=1, via=(), root=\"{}\"", "a".repeat(5 * 1024));
    let cases: [(&[String], u16, &str); 9] = [
        (&["v=1, via=()".to_owned()], 200, ""),
        (&[], 403, "lineage-missing"),
        (&["v=1, via=()".to_owned(), "v=1, via=()".to_owned()], 403, "lineage-repeated"),
        (&["v=1, via=(), v=1".to_owned()], 403, "lineage-malformed"),
        (&["v=2, via=()".to_owned()], 403, "lineage-malformed"),
        (&[long], 403, "lineage-too-long"),
        (&[many(17)], 403, "lineage-too-many-members"),
        (&[many(9)], 403, "depth-exceeded"),
        (&[format!("v=1, via=({})", member("nobody"))], 403, "lineage-member-unmapped"),
    ];
    for (values, status, code) in cases {
        let request = values
            .iter()
            .fold(Request::get("/data"), |request, value| request.header("x-ambit-lineage", value));
        let answer = endpoint.send(&request).unwrap();
        assert_eq!(outcome(&answer), (status, code), "{values:?}");
    }
}
