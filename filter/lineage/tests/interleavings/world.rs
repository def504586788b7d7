//! The workers of one proxy, and the model of what they should know.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ambit_lineage::budget::{Budget, Exhausted, Holder, Rate};
use ambit_lineage::context::{Answer, Trust};
use ambit_lineage::correlation::{Correlation, Ids};
use ambit_lineage::limits::{DEAD_AFTER_MS, DEFAULT_WINDOW_MS, MAX_CLOCK_STEP_MS, MAX_WINDOW_MS, TICK_MS};
use ambit_lineage::secret::Secret;
use ambit_lineage::shared::{Contexts, Ticket, Unspent};
use ambit_lineage::{Lineage, Mission, Principal, RootId};
use proptest::sample::Index;

use crate::host::{Handle, Map, Raced};

const SECRET: [u8; 16] = *b"0123456789abcdef";

/// The budget of all calls that have one.
const PER_ROOT: u32 = 4;
const RATE: Rate = Rate { calls: 9, window_ms: 20_000 };

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A request is let in.
    Begin { worker: usize, lineage: usize, peer: usize, trace: Option<usize>, request: Option<usize> },
    /// A response ends.
    End { which: usize },
    /// All workers are configured anew.
    Window(u32),
    /// The application makes a call for one of the requests.
    Call { which: usize, worker: usize, ids: CallIds, strict: bool },
    /// The same, and the call has a budget.
    Spend { which: usize, worker: usize, ids: CallIds, strict: bool },
    /// Time passes, with ticks where they are due.
    Pass(u64),
    /// The host's clock is set.
    StepClock(i64),
    /// A request is let in by one worker while others are let in by another.
    Race { first: usize, second: usize, times: usize },
    /// Many requests are let in.
    Flood { worker: usize, count: usize, lineages: usize },
    /// A VM dies with its requests, and another takes its place.
    Crash(usize),
    /// A worker misses its next ticks.
    Stall(usize),
    /// Someone else writes to the shared map.
    Damage(Damage),
}

#[derive(Clone, Debug)]
pub(crate) enum CallIds {
    Own,
    Nothing,
    Unknown,
    Other(usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Empty,
    Garbage(Vec<u8>),
    Flip(Index),
    Truncate(Index),
    /// An older table that was written once.
    Replay(Index),
    /// The same table again.
    Rewrite,
}

/// What limits a request: names of members and missions.
type Limits = BTreeSet<String>;

/// A request, as the model knows it.
struct Request {
    worker: usize,
    ticket: Option<Ticket>,
    limits: Limits,
    /// Who began the root that it is part of; all roots have one id.
    root: String,
    trace: Option<usize>,
    request: Option<usize>,
    /// True time at which it stops to limit, if its response ended.
    owed_until: Option<u64>,
    /// The same, if the table may remember it longer: the latest time at which it still may limit.
    known_until: Option<u64>,
}

pub(crate) struct World {
    map: Rc<RefCell<Map>>,
    workers: Vec<RefCell<Contexts>>,
    stalled: Vec<bool>,
    requests: Vec<Request>,
    true_ms: u64,
    skew_ms: i64,
    /// How much longer the table's clock may think things last.
    slow_ms: u64,
    /// Answers must be as narrow as needed and not narrower.
    pub(crate) must_be_exact: bool,
    replayed: bool,
    window: u32,
    longest: u32,
    crashed: bool,
    /// Calls that were counted: when, in true time or before.
    spent: Vec<i64>,
    /// Calls that were counted and made for a live request of a root, since there was a request of it.
    spent_for: BTreeMap<String, u32>,
    /// A worker that died may have been the only one who saw the last calls counted.
    spent_unseen: bool,
}

impl World {
    pub(crate) fn new(workers: usize) -> Self {
        let map = Rc::new(RefCell::new(Map::default()));
        let world = Self {
            workers: (0..workers).map(|_| RefCell::new(Contexts::new(Secret::new(SECRET)))).collect(),
            stalled: vec![false; workers],
            requests: Vec::new(),
            true_ms: 1_000_000,
            skew_ms: 1_700_000_000_000,
            slow_ms: 0,
            must_be_exact: false,
            replayed: false,
            window: DEFAULT_WINDOW_MS,
            longest: DEFAULT_WINDOW_MS,
            crashed: false,
            spent: Vec::new(),
            spent_for: BTreeMap::new(),
            spent_unseen: false,
            map,
        };
        for worker in &world.workers {
            worker.borrow_mut().install(&mut world.handle(), world.now()).unwrap();
        }
        world
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Begin { worker, lineage, peer, trace, request } => {
                let made = made(*lineage, *peer);
                let ticket = self.begin(&mut self.handle(), *worker, *lineage, *peer, *trace, *request);
                self.note(*worker, ticket, made, *trace, *request);
            }
            Op::End { which } => self.end(*which),
            Op::Window(window) => {
                (self.window, self.longest) = (*window, self.longest.max(*window));
                for worker in &self.workers {
                    worker.borrow_mut().set_window(*window);
                }
            }
            Op::Call { which, worker, ids, strict } => self.call(*which, *worker, ids, *strict),
            Op::Spend { which, worker, ids, strict } => self.spend(*which, *worker, ids, *strict),
            Op::Pass(ms) => self.pass(*ms),
            Op::StepClock(ms) => self.step_clock(*ms),
            Op::Race { first, second, times } => self.race(*first, *second, *times),
            Op::Flood { worker, count, lineages } => {
                for turn in 0..*count {
                    let (lineage, trace) = (100 + turn % lineages, Some(turn % 7));
                    let made = made(lineage, turn % 3);
                    let ticket = self.begin(&mut self.handle(), *worker, lineage, turn % 3, trace, None);
                    self.note(*worker, ticket, made, trace, None);
                }
            }
            Op::Crash(worker) => self.crash(*worker),
            Op::Stall(worker) => {
                let worker = worker % self.workers.len();
                self.stalled[worker] = true;
            }
            Op::Damage(damage) => self.damage(damage),
        }
        let stored = self.map.borrow().values.values().map(|(value, _)| value.len()).max().unwrap();
        assert!(stored < 100 * 1024, "{stored} bytes in the store");
        let owed: BTreeSet<String> = self.owed().map(|request| request.root.clone()).collect();
        self.spent_for.retain(|root, _| owed.contains(root));
    }

    /// Everything ends, and is forgotten.
    pub(crate) fn finish(mut self) {
        for which in 0..self.requests.len() {
            self.end(which);
        }
        // Longer than a dead worker is missed, its window, and a quarantine.
        let longest = u64::from(self.longest.min(MAX_WINDOW_MS));
        self.pass(2 * longest + 100_000 + if self.crashed { DEAD_AFTER_MS } else { 0 });
        for worker in &self.workers {
            let mut contexts = worker.borrow_mut();
            let answer = contexts.lookup(&mut self.handle(), &Ids::none(), Trust::Nothing, self.now());
            assert_eq!(answer, Answer::Root);
        }
    }

    fn handle(&self) -> Handle {
        Handle(Rc::clone(&self.map))
    }

    fn now(&self) -> u64 {
        self.true_ms.checked_add_signed(self.skew_ms).unwrap()
    }

    fn begin(
        &self,
        store: &mut impl ambit_lineage::shared::Store,
        worker: usize,
        lineage: usize,
        peer: usize,
        trace: Option<usize>,
        request: Option<usize>,
    ) -> Option<Ticket> {
        let mut contexts = self.workers[worker % self.workers.len()].borrow_mut();
        let ids = ids(&contexts, trace, request);
        let (names, _) = made(lineage, peer);
        let lineage = names.lineage();
        let peer = Principal::parse(names.peer.as_bytes()).unwrap();
        contexts.begin(store, &ids, peer, &lineage, self.now()).ok()
    }

    /// A request that was refused was never let in.
    fn note(
        &mut self,
        worker: usize,
        ticket: Option<Ticket>,
        (names, limits): (Names, Limits),
        trace: Option<usize>,
        request: Option<usize>,
    ) {
        assert!(ticket.is_some() || !self.must_be_exact, "a request was refused");
        if let Some(ticket) = ticket {
            let worker = worker % self.workers.len();
            self.requests.push(Request {
                worker,
                ticket: Some(ticket),
                limits,
                root: names.via.into_iter().next().unwrap_or(names.peer),
                trace,
                request,
                owed_until: None,
                known_until: None,
            });
        }
    }

    fn end(&mut self, which: usize) {
        let (handle, now) = (&mut self.handle(), self.now());
        let Some(at) = which.checked_rem(self.requests.len()) else { return };
        let request = &mut self.requests[at];
        if let Some(ticket) = request.ticket.take() {
            self.workers[request.worker].borrow_mut().end(handle, ticket, now);
            let window = u64::from(self.window.min(MAX_WINDOW_MS));
            request.owed_until = Some(self.true_ms + window);
            // The table knows of it with the next tick, unless the window is shorter than that.
            let wait = if window < TICK_MS { 0 } else { TICK_MS };
            request.known_until = Some(self.true_ms + wait + window + self.slow_ms);
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.true_ms + ms;
        loop {
            let next_tick = (self.true_ms / TICK_MS + 1) * TICK_MS;
            if next_tick > end {
                break;
            }
            self.true_ms = next_tick;
            for (worker, contexts) in self.workers.iter().enumerate() {
                if !std::mem::take(&mut self.stalled[worker]) {
                    let done = contexts.borrow_mut().tick(&mut self.handle(), self.now());
                    assert_eq!(done, Ok(()));
                }
            }
        }
        self.true_ms = end;
    }

    fn step_clock(&mut self, ms: i64) {
        self.skew_ms = (self.skew_ms + ms).max(1_000_000_000_000);
        for request in &mut self.requests {
            // A step ahead may count as time, but not for more than the bound.
            if let Some(until) = &mut request.owed_until
                && ms > 0
            {
                *until = until.saturating_sub(MAX_CLOCK_STEP_MS);
            }
            if let Some(until) = &mut request.known_until
                && ms < 0
            {
                // What passed since the clock was last looked at, and the slack between workers.
                *until += TICK_MS + 2_000;
            }
        }
        if ms > 0 {
            for at in &mut self.spent {
                *at -= i64::try_from(MAX_CLOCK_STEP_MS).unwrap();
            }
        }
        if ms < 0 {
            self.slow_ms = TICK_MS + 2_000;
        }
    }

    fn race(&mut self, first: usize, second: usize, times: usize) {
        let (first, second) = (first % self.workers.len(), second % self.workers.len());
        if first == second {
            return;
        }
        let (mut left, mut others) = (times, Vec::new());
        let mut raced = Raced {
            handle: self.handle(),
            interloper: Box::new(|| {
                if left > 0 {
                    left -= 1;
                    others.push(self.begin(&mut self.handle(), second, 3, 2, Some(1), None));
                }
            }),
        };
        let ticket = self.begin(&mut raced, first, 2, 1, Some(1), None);
        drop(raced);
        if ticket.is_some() || times < 16 {
            self.note(first, ticket, made(2, 1), Some(1), None);
        }
        for ticket in others {
            self.note(second, ticket, made(3, 2), Some(1), None);
        }
    }

    fn crash(&mut self, worker: usize) {
        self.crashed = true;
        // A VM without memory believes any table that is authentic.
        if self.replayed {
            self.look();
        }
        self.spent_unseen = true;
        let worker = worker % self.workers.len();
        self.workers[worker] = RefCell::new(Contexts::new(Secret::new(SECRET)));
        // A VM that starts while the table is damaged cannot know of longer windows than it is told of.
        self.workers[worker].borrow_mut().set_window(self.longest);
        self.workers[worker].borrow_mut().set_window(self.window);
        self.workers[worker].borrow_mut().install(&mut self.handle(), self.now()).unwrap();
        // The host resets the requests of a VM that died, and nothing more is owed to them. The table keeps
        // them for a time, because the application may still work on them; and so it keeps those whose end was not
        // written yet.
        for request in self.requests.iter_mut().filter(|request| request.worker == worker) {
            if request.ticket.take().is_some() {
                request.owed_until = Some(self.true_ms);
            }
            request.known_until = Some(u64::MAX / 2);
        }
    }

    /// All workers read the store.
    fn look(&mut self) {
        for worker in &self.workers {
            let mut contexts = worker.borrow_mut();
            let _ = contexts.lookup(&mut self.handle(), &Ids::none(), Trust::Nothing, self.now());
        }
        (self.replayed, self.spent_unseen) = (false, false);
    }

    fn damage(&mut self, damage: &Damage) {
        // What someone can do who puts back a table whose successor a worker did not see is shown by
        // a test of its own.
        if matches!(damage, Damage::Replay(_) | Damage::Rewrite) {
            self.look();
            self.replayed = true;
        }
        if self.spent_unseen {
            self.spent.clear();
            self.spent_for.clear();
        }
        let mut map = self.map.borrow_mut();
        let key = map.key();
        let mut value = map.values[&key].0.clone();
        match damage {
            Damage::Empty => value.clear(),
            Damage::Garbage(garbage) => value.clone_from(garbage),
            Damage::Flip(at) => {
                if !value.is_empty() {
                    let at = at.index(value.len() * 8);
                    value[at / 8] ^= 1 << (at % 8);
                }
            }
            Damage::Truncate(at) => {
                if !value.is_empty() {
                    value.truncate(at.index(value.len()));
                }
            }
            Damage::Replay(which) => value.clone_from(which.get(&map.history)),
            Damage::Rewrite => {}
        }
        map.write(&key, &value);
    }

    fn call(&mut self, which: usize, worker: usize, call_ids: &CallIds, strict: bool) {
        let (trace, request) = self.carried_by(which, call_ids);
        let mut contexts = self.workers[worker % self.workers.len()].borrow_mut();
        let ids = ids(&contexts, trace, request);
        let trust = if strict { Trust::Nothing } else { Trust::Ids };
        let answer = contexts.lookup(&mut self.handle(), &ids, trust, self.now());

        let owed = || self.owed();
        let known = || {
            let lasts = |end: u64| self.true_ms <= end + TICK_MS;
            self.requests.iter().filter(move |request| request.known_until.is_none_or(lasts))
        };
        let has_id = |other: &&Request| {
            (trace.is_some() && other.trace == trace) || (request.is_some() && other.request == request)
        };
        let selected = !strict && owed().any(|request| has_id(&request));
        let must: Limits = if selected {
            owed().filter(has_id).flat_map(|request| request.limits.clone()).collect()
        } else {
            owed().flat_map(|request| request.limits.clone()).collect()
        };
        match answer {
            Answer::Root => assert_eq!(owed().count(), 0, "a root while requests are live"),
            Answer::Found(lineage) => {
                let limits = limits(&lineage);
                // An id selects only if a request has it, though its window may be over.
                assert!(selected || (!strict && known().any(|request| has_id(&request))), "found by nothing");
                let must = if selected { must } else { Limits::new() };
                assert!(must.is_subset(&limits), "{must:?} must limit, and only {limits:?} do");
                if self.must_be_exact {
                    // The filter of ids remembers for longer than a window.
                    let ever = self.requests.iter().filter(has_id);
                    let may: Limits = ever.flat_map(|request| request.limits.clone()).collect();
                    assert!(limits.is_subset(&may), "{limits:?} limit, and only {may:?} should");
                }
            }
            Answer::Merged { lineage, .. } => {
                let limits = limits(&lineage);
                assert!(must.is_subset(&limits), "{must:?} must limit, and only {limits:?} do");
                if self.must_be_exact {
                    assert!(!selected, "a call was lost");
                    let may: Limits = known().flat_map(|request| request.limits.clone()).collect();
                    assert!(limits.is_subset(&may), "{limits:?} limit, and only {may:?} should");
                }
            }
            Answer::Overflow(_) => assert!(!self.must_be_exact, "too much"),
            Answer::Quarantine | Answer::Unavailable => assert!(!self.must_be_exact, "no answer"),
        }
    }
}

impl World {
    /// Requests that limit what is done.
    fn owed(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.owed_until.is_none_or(|end| self.true_ms < end))
    }

    /// The ids that a call carries.
    fn carried_by(&self, which: usize, ids: &CallIds) -> (Option<usize>, Option<usize>) {
        let of = |place: usize| {
            let request = place.checked_rem(self.requests.len()).map(|at| &self.requests[at]);
            request.map_or((None, None), |request| (request.trace, request.request))
        };
        match ids {
            CallIds::Own => of(which),
            CallIds::Nothing => (None, None),
            CallIds::Unknown => (Some(99), Some(99)),
            CallIds::Other(other) => of(*other),
        }
    }

    /// A call with a budget. For no root are more calls counted than it has, and in no window.
    fn spend(&mut self, which: usize, worker: usize, call_ids: &CallIds, strict: bool) {
        let (trace, request) = self.carried_by(which, call_ids);
        let budget = Budget { per_root: Some(PER_ROOT), rate: Some(RATE) };
        let trust = if strict { Trust::Nothing } else { Trust::Ids };
        let outcome = {
            let mut contexts = self.workers[worker % self.workers.len()].borrow_mut();
            let ids = ids(&contexts, trace, request);
            contexts.spend(&mut self.handle(), &ids, trust, &[(Holder::Agent, budget)], self.now())
        };
        let now = i64::try_from(self.true_ms).unwrap();
        match outcome {
            Ok(()) => {
                self.spent.push(now);
                let within = self.spent.iter().filter(|at| now - **at < i64::from(RATE.window_ms)).count();
                assert!(within <= RATE.calls.try_into().unwrap(), "{within} calls in a window");
                let is_honest = strict || !matches!(call_ids, CallIds::Other(_));
                let cause = which.checked_rem(self.requests.len()).map(|at| &self.requests[at]);
                // Of one that has ended, only those that are listed still count.
                if let Some(cause) = cause.filter(|cause| is_honest && cause.ticket.is_some()) {
                    let calls = self.spent_for.entry(cause.root.clone()).or_default();
                    *calls += 1;
                    assert!(*calls <= PER_ROOT, "{calls} calls for {}", cause.root);
                }
            }
            Err(Unspent::Exhausted { place, part }) => {
                assert_eq!(place, 0);
                let least = match part {
                    Exhausted::Root => PER_ROOT,
                    Exhausted::Window => RATE.calls,
                };
                let spent = u32::try_from(self.spent.len()).unwrap();
                assert!(!self.must_be_exact || spent >= least, "only {spent} calls and no {}", part.word());
            }
            Err(Unspent::Refused(refused)) => assert!(!self.must_be_exact, "{refused}"),
        }
    }
}

/// The names that one request comes with.
struct Names {
    via: Vec<String>,
    mission: Option<String>,
    peer: String,
}

impl Names {
    fn lineage(&self) -> Lineage<'_> {
        let mut lineage = Lineage::root(RootId::parse(b"root"));
        for name in &self.via {
            lineage = lineage.stamp(Principal::parse(name.as_bytes()).unwrap()).unwrap();
        }
        match &self.mission {
            Some(name) => lineage.with_mission(Mission::parse(name.as_bytes()).unwrap()).unwrap(),
            None => lineage,
        }
    }
}

/// The request number so and so, from a peer, and what limits it. Few names, so that they meet; from
/// 100 on many.
fn made(lineage: usize, peer: usize) -> (Names, Limits) {
    let name = |letter: usize| format!("spiffe://t/{letter}");
    let names = Names {
        via: if lineage < 100 {
            (0..lineage % 3).map(|hop| name((lineage + hop) % 5)).collect()
        } else {
            vec![name(lineage)]
        },
        mission: (lineage % 4 == 1).then(|| format!("mission-{}", lineage % 3)),
        peer: name(peer),
    };
    let limits = names.via.iter().chain([&names.peer]).chain(&names.mission).cloned().collect();
    (names, limits)
}

fn limits(lineage: &Lineage<'_>) -> Limits {
    let members = lineage.members().map(|member| member.as_str().to_owned());
    members.chain(lineage.missions().iter().map(|mission| mission.as_str().to_owned())).collect()
}

fn ids(contexts: &Contexts, trace: Option<usize>, request: Option<usize>) -> Ids {
    let trace = trace.map(|trace| format!("00-{:032x}-00000000000000ff-01", trace + 1));
    let request = request.map(|request| format!("request-{request}"));
    let mut correlation = Correlation::default();
    if let Some(trace) = &trace {
        correlation.header(b"traceparent", trace.as_bytes());
    }
    if let Some(request) = &request {
        correlation.header(b"x-request-id", request.as_bytes());
    }
    contexts.ids(&correlation)
}
