//! A swarm on real Envoys: two agents that start work, four that pass tasks on, a tool, and someone outside.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ambit_compiler::compile::Options;
use ambit_harness::client::{MAX_WAIT, Request, Response};
use ambit_harness::envoy::config::{Direction, Filter};
use ambit_harness::mesh::{Mesh, Update, WorkloadSpec};
use ambit_harness::policy_directory::{LineageSettings, compile_text, inbound_config, outbound_settings};
use ambit_harness::upstream::{Call, Received, Reply};
use ambit_harness::{artifact, envoy};
use serde_json::{Map, Value, json};

const AGENTS: [&str; 6] = ["alice", "bob", "hop1", "hop2", "hop3", "hop4"];
pub(crate) const HOPS: [&str; 4] = ["hop1", "hop2", "hop3", "hop4"];

/// How long requests limit after their response, unless a test says otherwise.
const WINDOW_MS: u32 = 500;

/// The policy of the swarm: everyone may pass tasks to every hop; all but bob may read the tool's data. Beside that what
/// a test needs.
#[derive(Default)]
pub(crate) struct Policy<'a> {
    /// `spec` of the mesh.
    pub(crate) mesh: &'a str,
    /// Lines of `spec` of agents, in place of those that they would have.
    pub(crate) agents: &'a [(&'a str, &'a str)],
    /// Missions by name, and what they may do besides passing tasks on; then more lines.
    pub(crate) missions: &'a [(&'a str, &'a str, &'a str)],
}

const PASS_ON: &str = "\"hop1-api/*\", \"hop2-api/*\", \"hop3-api/*\", \"hop4-api/*\"";

impl Policy<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut document = |kind: &str, name: &str, lines: &[String]| {
            write!(
                text,
                "---\napiVersion: ambit.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
            )
            .unwrap();
            for line in lines {
                writeln!(text, "  {line}").unwrap();
            }
        };
        if !self.mesh.is_empty() {
            document("Mesh", "mesh", &[self.mesh.to_owned()]);
        }
        let mut service = |name: &str, account: &str, actions: &str| {
            let workload = format!("workload: {{namespace: mesh, serviceAccount: {account}}}");
            document("Service", name, &[workload, "protocol: http".into(), format!("actions: [{actions}]")]);
        };
        service("tool", "tool", "{name: read, methods: [GET], path: /data, effects: [read]}");
        for hop in HOPS {
            service(&format!("{hop}-api"), hop, "{name: task, methods: [POST], path: /tasks}");
        }
        for agent in AGENTS {
            let read = if agent == "bob" { "" } else { ", tool/read" };
            let mut spec = BTreeMap::from([
                ("identity", format!("[{{namespace: mesh, serviceAccount: {agent}}}]")),
                ("originates", matches!(agent, "alice" | "bob").to_string()),
                ("delegates", "{to: [hop1, hop2, hop3, hop4]}".to_owned()),
                ("grants", format!("[{{actions: [{PASS_ON}{read}]}}]")),
            ]);
            for (_, line) in self.agents.iter().filter(|(name, _)| *name == agent) {
                let (field, value) = line.split_once(": ").unwrap();
                spec.insert(field, value.replace("PASS_ON", PASS_ON));
            }
            let lines: Vec<String> = spec.iter().map(|(field, value)| format!("{field}: {value}")).collect();
            document("Agent", agent, &lines);
        }
        for (name, actions, more) in self.missions {
            let grants = format!("grants: [{{actions: [{PASS_ON}{actions}]}}]");
            document("Mission", name, &[grants, (*more).to_owned()]);
        }
        text
    }
}

/// Holds tasks back until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let open = self.is_open.lock().unwrap();
        let (open, _) = self.changed.wait_timeout_while(open, MAX_WAIT, |open| !*open).unwrap();
        assert!(*open, "no one opened the gate");
    }
}

/// What all applications share.
#[derive(Default)]
struct Stage {
    gate: Gate,
    /// What came of calls that were made after the response.
    later: Mutex<Vec<(u16, String)>>,
}

pub(crate) struct Swarm {
    pub(crate) mesh: Mesh,
    stage: Arc<Stage>,
    settings: LineageSettings,
}

/// What a workload of the swarm is, before it starts.
type Change<'a> = &'a dyn Fn(&str, WorkloadSpec) -> WorkloadSpec;

impl Swarm {
    pub(crate) fn start(name: &str, workers: u32) -> Self {
        Self::start_with(name, workers, &|_, workload| workload)
    }

    pub(crate) fn start_with(name: &str, workers: u32, change: Change<'_>) -> Self {
        let quiet = |_: &str| {};
        let module = artifact::filter(&quiet).unwrap();
        let settings =
            LineageSettings { secret: *b"sixteen byte key", window_ms: Some(WINDOW_MS), strict: false };
        let stage = Arc::new(Stage::default());
        let mut builder = Mesh::builder(name).envoy(envoy::binary::locate(&quiet).unwrap());
        let configs = configs(&Policy::default(), &settings, &|_, _, _| {});
        for name in AGENTS.into_iter().chain(["tool"]) {
            let mut workload = WorkloadSpec::new(name, &format!("spiffe://cluster.local/ns/mesh/sa/{name}"))
                .workers(workers);
            for direction in [Direction::Inbound, Direction::Outbound] {
                if let Some(config) = configs.get(&(name.to_owned(), direction)) {
                    let root_id = format!("{direction:?}");
                    let filter = Filter { module: module.clone(), root_id, config: Some(config.clone()) };
                    workload = workload.filter(direction, filter);
                }
            }
            if name != "tool" {
                let stage = Arc::clone(&stage);
                workload = workload.app(move |call| pass_on(call, name, &stage));
            }
            builder = builder.workload(change(name, workload));
        }
        let outside = WorkloadSpec::new("outside", "spiffe://cluster.local/ns/mesh/sa/outside");
        builder = builder.workload(outside.workers(1));
        Self { mesh: builder.start().unwrap(), stage, settings }
    }

    /// Puts a policy in force everywhere.
    pub(crate) fn apply(&self, policy: &Policy<'_>) {
        self.apply_with(policy, &|_, _, _| {});
    }

    /// The same, with changes to the member `lineage` of plugin configurations, by workload and direction.
    pub(crate) fn apply_with(&self, policy: &Policy<'_>, change: Edit<'_>) {
        for ((name, direction), config) in configs(policy, &self.settings, change) {
            let update =
                self.mesh.workload(&name).update(direction, |filter| filter.config = Some(config)).unwrap();
            assert_eq!(update, Update::Accepted, "{name}");
        }
    }

    /// `who` has a task done by `through`; what came of it.
    pub(crate) fn ask(&self, who: &str, through: &[&str], task: Value, headers: &[(&str, &str)]) -> Response {
        let mut request = self.task(through, task);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.mesh.between(who, through[0]).send(&request).unwrap()
    }

    fn task(&self, through: &[&str], mut task: Value) -> Request {
        task["through"] = json!(through[1..]);
        Request::post_json("/tasks", task.to_string())
    }

    /// `who` reads the tool's data itself.
    pub(crate) fn read(&self, who: &str, headers: &[(&str, &str)]) -> Response {
        let request =
            headers.iter().fold(Request::get("/data"), |all, (name, value)| all.header(name, value));
        self.mesh.between(who, "tool").send(&request).unwrap()
    }

    /// How many requests have reached the application of a workload.
    pub(crate) fn mark(&self, workload: &str) -> usize {
        self.mesh.workload(workload).received().len()
    }

    /// The requests that have since reached it.
    pub(crate) fn since(&self, workload: &str, mark: usize) -> Vec<Received> {
        self.mesh.workload(workload).received().split_off(mark)
    }

    /// The lineage headers with which requests have since reached it, whole.
    pub(crate) fn lineages_since(&self, workload: &str, mark: usize) -> Vec<String> {
        let header = |request: &Received| request.header("x-ambit-lineage").unwrap_or("none").to_owned();
        self.since(workload, mark).iter().map(header).collect()
    }

    /// Lets the tasks go on that are held back.
    pub(crate) fn open_gate(&self) {
        *self.stage.gate.is_open.lock().unwrap() = true;
        self.stage.gate.changed.notify_all();
    }

    /// Holds back the tasks that come from now on.
    pub(crate) fn close_gate(&self) {
        *self.stage.gate.is_open.lock().unwrap() = false;
    }

    /// Waits for what came of the calls that were made after a response, and forgets it.
    pub(crate) fn later(&self) -> (u16, String) {
        let mut found = None;
        wait("a call after the response", || {
            found = self.stage.later.lock().unwrap().pop();
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until a request more has reached a workload.
    pub(crate) fn wait_arrival(&self, workload: &str, mark: usize) {
        wait("a request to arrive", || self.mark(workload) > mark);
    }

    /// Repeats a request until it is answered so.
    pub(crate) fn until(&self, expected: (u16, &str), what: &str, ask: impl Fn(&Self) -> Response) {
        wait(what, || outcome(&ask(self)) == expected);
    }

    /// Waits until nothing that was live limits any more.
    pub(crate) fn until_quiet(&self, hops: &[&str]) {
        for hop in hops {
            self.until((403, "may-not-originate"), "nothing is live", |swarm| {
                swarm.mesh.between(hop, "tool").send(&Request::get("/data")).unwrap()
            });
        }
    }
}

/// What an edit is told: the workload, the direction, and the member `lineage` that it may change.
pub(crate) type Edit<'a> = &'a dyn Fn(&str, Direction, &mut Map<String, Value>);

fn configs(
    policy: &Policy<'_>,
    settings: &LineageSettings,
    edit: Edit<'_>,
) -> BTreeMap<(String, Direction), String> {
    let text = policy.text();
    let options = Options { generation: 1, require_stamp: true, ..Options::default() };
    let blobs = compile_text(&text, &options).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let agents = outbound_settings(&text).unwrap();
    let nothing = Map::new();
    let inbound = blobs
        .iter()
        .map(|(name, blob)| ((name.clone(), Direction::Inbound), inbound_config(blob, Some(settings))));
    let names = AGENTS.into_iter().chain(["tool"]);
    let outbound = names.map(|name| ((name.to_owned(), Direction::Outbound), settings.outbound_config()));
    let edited = |((name, direction), config): ((String, Direction), String)| {
        let mut config: Value = serde_json::from_str(&config).unwrap();
        for (member, value) in agents.get(&name).unwrap_or(&nothing) {
            config["lineage"][member] = value.clone();
        }
        edit(&name, direction, config["lineage"].as_object_mut().unwrap());
        ((name, direction), config.to_string())
    };
    inbound.chain(outbound).map(edited).collect()
}

/// The application of every hop: it hands the task to the next, or reads the tool's data.
///
/// A task says what is out of the ordinary, for all hops or below `at` for one: headers that are handed on (`carry`) or
/// written (`forge`), how many `calls` are made, whether the answer is held back (`hold`), streamed (`stream`), or given
/// before the call is made (`later`).
fn pass_on(call: &Call, me: &str, stage: &Arc<Stage>) -> Reply {
    let mut task: Value = serde_json::from_slice(&call.request.body).unwrap();
    let own = task["at"][me].clone();
    let said =
        |task: &Value, key: &str| if own[key].is_null() { task[key].clone() } else { own[key].clone() };
    let (hold, stream, later) = (said(&task, "hold"), said(&task, "stream"), said(&task, "later"));
    let (calls, carry, forge) = (said(&task, "calls"), said(&task, "carry"), said(&task, "forge"));
    let mut through: Vec<Value> = task["through"].as_array().cloned().unwrap_or_default();
    let mut onward = if through.is_empty() {
        Request::get("/data").host("tool.local")
    } else {
        let next = through.remove(0);
        task["through"] = json!(through);
        Request::post_json("/tasks", task.to_string()).host(&format!("{}.local", next.as_str().unwrap()))
    };
    let carry: Vec<&str> = carry.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    onward = onward.carry(&call.request.headers, &carry);
    for line in forge.as_array().into_iter().flatten() {
        onward = onward.header(line[0].as_str().unwrap(), line[1].as_str().unwrap());
    }
    let go = {
        let outbound = call.outbound().cloned().unwrap();
        move || match outbound.send(&onward) {
            Ok(answer) => {
                (answer.status, answer.header("x-ambit-code").unwrap_or_default().to_owned(), answer.body)
            }
            Err(error) => (502, String::new(), error.to_string().into_bytes()),
        }
    };
    if later == true {
        let stage = Arc::clone(stage);
        std::thread::spawn(move || {
            stage.gate.pass();
            let (status, code, _) = go();
            stage.later.lock().unwrap().push((status, code));
        });
        return Reply::new(202, "");
    }
    if stream == true {
        let (reply, events) = Reply::stream(200);
        let stage = Arc::clone(stage);
        std::thread::spawn(move || {
            assert!(events.send("data: working\n\n"));
            stage.gate.pass();
            let (status, code, _) = go();
            let _ = events.send(format!("data: {status} {code}\n\n"));
        });
        return reply.header("content-type", "text/event-stream");
    }
    if hold == true {
        stage.gate.pass();
    }
    let mut outcomes = Vec::new();
    for _ in 1..calls.as_u64().unwrap_or(1) {
        let (status, code, _) = go();
        outcomes.push(json!([status, code]));
    }
    let (status, code, body) = go();
    outcomes.push(json!([status, code]));
    let body = if calls.is_null() { body } else { json!(outcomes).to_string().into_bytes() };
    Reply::new(status, body).header("x-ambit-code", code)
}

pub(crate) fn outcome(response: &Response) -> (u16, &str) {
    (response.status, response.header("x-ambit-code").unwrap_or_default())
}

pub(crate) const ALLOWED: (u16, &str) = (200, "");
pub(crate) const NOT_GRANTED: (u16, &str) = (403, "not-granted");

/// How often each outcome came of the calls that a task made.
pub(crate) fn tally(response: &Response) -> BTreeMap<(u64, String), usize> {
    let outcomes: Vec<(u64, String)> = serde_json::from_slice(&response.body).unwrap();
    let mut tally = BTreeMap::new();
    for outcome in outcomes {
        *tally.entry(outcome).or_default() += 1;
    }
    tally
}

/// That tally, written down.
pub(crate) fn outcomes<const N: usize>(expected: [(u64, &str, usize); N]) -> BTreeMap<(u64, String), usize> {
    expected.into_iter().map(|(status, code, count)| ((status, code.to_owned()), count)).collect()
}

pub(crate) fn via(members: &[&str]) -> String {
    let members: Vec<_> =
        members.iter().map(|name| format!("\"spiffe://cluster.local/ns/mesh/sa/{name}\"")).collect();
    format!("via=({})", members.join(" "))
}

/// A `traceparent` of its own for each number.
pub(crate) fn trace(number: usize) -> String {
    format!("00-{:032x}-{:016x}-01", number + 1, number + 1)
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + MAX_WAIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
