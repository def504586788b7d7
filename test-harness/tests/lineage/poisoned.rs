//! Another plugin of the proxy writes the shared store, or the host fails at it: what a call is stamped with is the same or
//! narrower, or the call is denied. The module that ships, in the simulated host, as two plugins with two workers each.
//!
//! The other plugin knows more than it could: all keys, and every value that there ever was. It does not know the secret.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ambit_compiler::compile::Options;
use ambit_harness::host::{Downstream, Effect, Fault, Options as Plugin, Outcome, Proxy, Status, Stream};
use ambit_harness::policy_directory::{LineageSettings, compile_text, inbound_config};
use ambit_harness::runner::wasm::module;
use ambit_lineage::header;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::swarm::{Policy, trace};

const SETTINGS: LineageSettings =
    LineageSettings { secret: *b"sixteen byte key", window_ms: Some(WINDOW_S as u32 * 1_000), strict: false };
const WINDOW_S: u64 = 10;
/// The longest quarantine: a window and three ticks, and a tick to notice.
const QUARANTINE_S: u64 = WINDOW_S + 20;
/// How much longer than its window a request that ended may limit: its end is written a tick later if the store fails.
const LATE_S: u64 = 10;
const PER_ROOT: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Begin { bob: bool, trace: usize, worker: usize },
    End(Index),
    Call { trace: Option<usize>, worker: usize },
    Pass(u64),
    Configure,
    Write { key: Index, value: Poison },
    Fail(Failing),
}

#[derive(Clone, Debug)]
enum Poison {
    Bytes(Vec<u8>),
    Flipped(Index),
    Cut(Index),
    /// What once stood under some key.
    Old(Index),
    Same,
}

#[derive(Clone, Debug)]
enum Failing {
    Get(u32),
    GetNothing,
    GetShort(usize),
    GetOther(Vec<u8>),
    Set(u32),
}

fn any_op() -> impl Strategy<Value = Op> {
    let poison = prop_oneof![
        any::<Vec<u8>>().prop_map(Poison::Bytes),
        any::<Index>().prop_map(Poison::Flipped),
        any::<Index>().prop_map(Poison::Cut),
        any::<Index>().prop_map(Poison::Old),
        Just(Poison::Same),
    ];
    let failing = prop_oneof![
        (1..14_u32).prop_map(Failing::Get),
        Just(Failing::GetNothing),
        (0..200_usize).prop_map(Failing::GetShort),
        any::<Vec<u8>>().prop_map(Failing::GetOther),
        (1..14_u32).prop_map(Failing::Set),
    ];
    prop_oneof![
        6 => (any::<bool>(), 0..3_usize, 0..2_usize).prop_map(|(bob, trace, worker)| Op::Begin { bob, trace, worker }),
        3 => any::<Index>().prop_map(Op::End),
        10 => (prop::option::of(0..3_usize), 0..2_usize).prop_map(|(trace, worker)| Op::Call { trace, worker }),
        2 => (1..2 * QUARANTINE_S).prop_map(Op::Pass),
        1 => Just(Op::Configure),
        3 => (any::<Index>(), poison).prop_map(|(key, value)| Op::Write { key, value }),
        2 => failing.prop_map(Op::Fail),
    ]
}

/// A request, as the model knows it.
struct Request {
    who: &'static str,
    trace: usize,
    stream: Option<Stream>,
    /// When its window is over, in seconds of the proxy's life.
    owed_until: Option<u64>,
}

struct World {
    inbound: Proxy,
    outbound: Proxy,
    config: Value,
    generation: u64,
    requests: Vec<Request>,
    now_s: u64,
    old: Vec<Vec<u8>>,
    spent: BTreeMap<(usize, &'static str), usize>,
    /// Whether a call has been denied, and how many were not.
    denied: usize,
    stamped: usize,
}

impl World {
    fn new() -> Self {
        let module = module().unwrap();
        let mut inbound = Proxy::new(module);
        let mut outbound = inbound.beside(module, Plugin::default());
        for _ in 0..2 {
            inbound.add_worker();
            outbound.add_worker();
        }
        let blobs = compile_text(&Policy::default().text(), &Options::default()).unwrap();
        let config: Value = serde_json::from_str(&inbound_config(&blobs["hop1"], Some(&SETTINGS))).unwrap();
        let mut call_config: Value = serde_json::from_str(&SETTINGS.outbound_config()).unwrap();
        call_config["lineage"]["budgets"] = json!([format!("root={PER_ROOT}")]);
        assert!(inbound.configure(config.to_string().as_bytes()).accepted);
        assert!(outbound.configure(call_config.to_string().as_bytes()).accepted);
        Self {
            inbound,
            outbound,
            config,
            generation: 0,
            requests: Vec::new(),
            now_s: 0,
            old: Vec::new(),
            spent: BTreeMap::new(),
            denied: 0,
            stamped: 0,
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Begin { bob, trace, worker } => self.begin(*bob, *trace, *worker),
            Op::End(which) => self.end(*which),
            Op::Call { trace, worker } => self.call(*trace, *worker),
            Op::Pass(seconds) => self.pass(*seconds),
            Op::Configure => {
                self.generation += 1;
                // Another configuration of the same policy.
                self.config["lineage"]["hide"] = json!(self.generation.is_multiple_of(2));
                assert!(self.inbound.configure(self.config.to_string().as_bytes()).accepted);
            }
            Op::Write { key, value } => self.write(*key, value),
            Op::Fail(failing) => self.fail(failing),
        }
        for key in self.inbound.shared_keys() {
            let value = self.inbound.shared_data(&key).unwrap();
            if self.old.last() != Some(&value) {
                self.old.push(value);
            }
        }
        let owed: BTreeSet<_> = self.owed().map(|request| (request.trace, request.who)).collect();
        self.spent.retain(|work, _| owed.contains(work));
    }

    fn begin(&mut self, bob: bool, number: usize, worker: usize) {
        let who = if bob { "bob" } else { "alice" };
        let principal = format!("spiffe://cluster.local/ns/mesh/sa/{who}");
        let mut stream = self.inbound.worker(worker).open_stream(Downstream::mtls(principal));
        let lineage = format!("v=1, root=\"root-{number}\", via=()");
        let id = trace(number);
        let headers = [
            (":method", "POST"),
            (":path", "/tasks"),
            (":authority", "hop1.local"),
            ("x-ambit-lineage", &lineage),
            ("traceparent", &id),
        ];
        if stream.request_headers(&headers, true) == Outcome::Continue {
            self.requests.push(Request { who, trace: number, stream: Some(stream), owed_until: None });
        }
    }

    fn end(&mut self, which: Index) {
        if self.requests.is_empty() {
            return;
        }
        let at = which.index(self.requests.len());
        let request = &mut self.requests[at];
        if let Some(mut stream) = request.stream.take() {
            stream.response_headers(&[(":status", "200")], true);
            // The guest's clock is as of its last tick, a second ago at most.
            request.owed_until = Some(self.now_s + WINDOW_S - 1);
        }
    }

    fn owed(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.owed_until.is_none_or(|end| self.now_s < end))
    }

    /// Whether a request with this id may still limit, though it need not.
    fn may_be_found(&self, number: Option<usize>) -> bool {
        self.requests.iter().any(|request| {
            number == Some(request.trace) && request.owed_until.is_some_and(|end| self.now_s < end + LATE_S)
        })
    }

    fn call(&mut self, number: Option<usize>, worker: usize) {
        let id = number.map(trace);
        let mut headers = vec![(":method", "GET"), (":path", "/data"), (":authority", "tool.local")];
        headers.extend(id.as_ref().map(|id| ("traceparent", id.as_str())));
        let mut stream = self.outbound.worker(worker).open_stream(Downstream::plaintext());
        let outcome = stream.request_headers(&headers, true);
        if matches!(outcome, Outcome::LocalReply(_)) {
            self.denied += 1;
            return;
        }
        assert_eq!(outcome, Outcome::Continue);
        self.stamped += 1;
        let upstream = stream.upstream();
        let value = upstream.header("x-ambit-lineage").expect("a call that is not stamped");
        let lineage = header::parse(value).unwrap();
        let named = |request: &Request| number == Some(request.trace);
        let stamped =
            |who: &str| lineage.members().any(|member| member.as_str().ends_with(&format!("/{who}")));
        let is_found = self.owed().any(named);
        if !is_found
            && self.may_be_found(number)
            && self.requests.iter().any(|past| named(past) && stamped(past.who))
        {
            return;
        }
        for owed in self.owed().filter(|request| !is_found || named(request)) {
            let value = String::from_utf8_lossy(value);
            assert!(stamped(owed.who), "{} limits the call, and it is stamped {value}", owed.who);
        }
        let live: BTreeSet<_> = self
            .requests
            .iter()
            .filter(|request| request.stream.is_some() && (!is_found || named(request)))
            .map(|request| (request.trace, request.who))
            .collect();
        for work in live {
            let calls = self.spent.entry(work).or_default();
            *calls += 1;
            assert!(*calls <= PER_ROOT, "{calls} calls for {work:?}");
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.inbound.end_faults();
        for _ in 0..seconds {
            self.inbound.advance(Duration::from_secs(1));
            self.outbound.advance(Duration::ZERO);
        }
        self.now_s += seconds;
    }

    fn write(&mut self, key: Index, value: &Poison) {
        let keys = self.inbound.shared_keys();
        let key = key.get(&keys);
        let mut poisoned = self.inbound.shared_data(key).unwrap();
        match value {
            Poison::Bytes(bytes) => poisoned.clone_from(bytes),
            Poison::Flipped(at) if !poisoned.is_empty() => {
                let at = at.index(poisoned.len() * 8);
                poisoned[at / 8] ^= 1 << (at % 8);
            }
            Poison::Cut(at) if !poisoned.is_empty() => poisoned.truncate(at.index(poisoned.len())),
            Poison::Old(which) if !self.old.is_empty() => {
                // A VM believes an old table whose successor it has not seen, until it looks again; so all look.
                self.pass(6);
                poisoned.clone_from(which.get(&self.old));
            }
            _ => {}
        }
        self.inbound.set_shared_data(key, poisoned);
    }

    fn fail(&mut self, failing: &Failing) {
        let (get, set) = ("proxy_get_shared_data", "proxy_set_shared_data");
        self.inbound.inject(match failing {
            Failing::Get(status) => Fault::of(get, Effect::Return(Status(*status))),
            Failing::GetNothing => Fault::of(get, Effect::Replace(Vec::new())),
            Failing::GetShort(length) => Fault::of(get, Effect::Truncate(*length)),
            Failing::GetOther(bytes) => Fault::of(get, Effect::Replace(bytes.clone())),
            Failing::Set(status) => Fault::of(set, Effect::Return(Status(*status))),
        });
    }

    /// Everything ends, the attack too: then calls are roots again.
    fn finish(mut self) {
        for request in &mut self.requests {
            drop(request.stream.take());
        }
        self.requests.clear();
        self.spent.clear();
        self.pass(2 * (WINDOW_S + QUARANTINE_S));
        let denied = self.denied;
        self.call(None, 0);
        self.call(None, 1);
        assert_eq!(self.denied, denied, "the table is repaired");
    }
}

/// A case takes far longer than in other properties; `PROPTEST_CASES` counts here, too.
fn fewer_cases() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: config.cases / 8, ..config }
}

proptest! {
    #![proptest_config(fewer_cases())]

    #[test]
    fn a_poisoned_store_never_widens(ops in vec(any_op(), 1..40)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        world.finish();
    }
}

/// The same world without an attack, so that the property is about something: calls are stamped with what limits them.
#[test]
fn without_poison_calls_are_stamped() {
    let mut world = World::new();
    for (bob, trace) in [(false, 0), (true, 1)] {
        world.apply(&Op::Begin { bob, trace, worker: trace });
    }
    for trace in [Some(0), Some(1), None] {
        for worker in 0..2 {
            world.apply(&Op::Call { trace, worker });
        }
    }
    // The last one finds the budgets used up.
    assert_eq!((world.stamped, world.denied), (5, 1));
    world.finish();
}

/// What the property found once.
#[test]
fn what_was_found_stays_mended() {
    use Failing::{Get, GetNothing};
    let begin = |bob, trace, worker| Op::Begin { bob, trace, worker };
    let call = |trace, worker| Op::Call { trace, worker };
    let cases = [
        // Counts were forgotten in quarantine, while it was not known yet that their root was live.
        vec![
            begin(false, 0, 0),
            call(None, 0),
            Op::Pass(6),
            Op::Fail(GetNothing),
            begin(false, 1, 1),
            call(None, 0),
            call(None, 1),
            Op::Pass(50),
            call(None, 0),
            call(None, 0),
            call(None, 0),
        ],
        // A store that said that nothing is there had a first table written over the one with live requests.
        vec![
            Op::Pass(1),
            begin(false, 0, 0),
            Op::Fail(Get(1)),
            begin(false, 0, 0),
            Op::Configure,
            Op::Pass(1),
            call(None, 0),
        ],
        // Two workers built a new table in the same epoch, and each took the other's for its own.
        vec![
            Op::Fail(Get(1)),
            Op::Pass(1),
            begin(false, 0, 0),
            call(None, 1),
            Op::Fail(GetNothing),
            call(None, 1),
            call(None, 0),
            Op::Pass(45),
            call(None, 0),
            call(None, 0),
            call(None, 0),
        ],
    ];
    for ops in &cases {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.finish();
    }
}
