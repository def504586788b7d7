use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::callback;
use super::connection::{Connection, ConnectionState};
use super::downstream::Downstream;
use super::guest::Guest;
use super::limits::RELOAD_BACKOFF;
use super::log::Place;
use super::module::Module;
use super::outcome::Message;
use super::process::Process;
use super::proxy::{FailStrategy, Options};
use super::root::{Plugin, Root};
use super::stream::{Admission, Stream, StreamState};
use super::usage::{Ledger, Usage};
use super::vm::{Vm, VmRef};

/// One worker of a proxy, with a VM of its own.
pub struct Worker {
    seat: Seat,
    state: RefCell<State>,
}

/// What it takes to make a VM at some place.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) place: Place,
    pub(super) module: Module,
    pub(super) options: Rc<Options>,
    pub(super) process: Rc<RefCell<Process>>,
    pub(super) ledger: Rc<RefCell<Ledger>>,
}

struct State {
    vm: Option<VmRef>,
    plugin: Option<Rc<Plugin>>,
    standing: Standing,
    last_load: Duration,
    reloads: u32,
}

/// What becomes of new streams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No configuration has come: no connection is accepted.
    Waiting,
    /// None has been good.
    Unconfigured,
    /// They begin under this root.
    Serving { root: u32 },
    /// The configuration was accepted by the canary but failed on this worker. Envoy then leaves the filter out of the
    /// chain: **open**, whatever the fail strategy.
    Bypassed,
}

impl Seat {
    pub(super) fn new(
        place: Place,
        module: Module,
        options: Rc<Options>,
        process: Rc<RefCell<Process>>,
    ) -> Self {
        Self { place, module, options, process, ledger: Rc::default() }
    }

    /// The same for another place, with a ledger of its own.
    pub(super) fn at(&self, place: Place) -> Self {
        Self { place, ledger: Rc::default(), ..self.clone() }
    }

    pub(super) fn new_vm(&self) -> Vm {
        let guest = Guest::new(
            Rc::clone(&self.process),
            self.place,
            self.options.vm_id.clone(),
            self.options.allow_on_headers_stop_iteration,
        );
        Vm::new(&self.module, guest, Rc::clone(&self.ledger))
    }
}

impl Worker {
    pub(super) fn new(seat: Seat) -> Self {
        let state = State {
            vm: None,
            plugin: None,
            standing: Standing::Waiting,
            last_load: Duration::ZERO,
            reloads: 0,
        };
        Self { seat, state: RefCell::new(state) }
    }

    /// A request is about to arrive. The filter's context on it belongs to the configuration now in force.
    pub fn open_stream(&self, downstream: Downstream) -> Stream {
        let admitted = self.open(downstream, |vm, id, root, connection, downstream| {
            vm.guest().streams.insert(id, StreamState::new(root, connection, downstream));
        });
        let unconfigured = self.state.borrow().standing == Standing::Unconfigured;
        Stream::new(match admitted {
            Some((vm, id)) => Admission::Admitted { vm, id },
            None if unconfigured => Admission::Unconfigured { answer: Message::default() },
            None => Admission::Refused,
        })
    }

    /// A TCP connection arrives, at a filter of type NETWORK.
    pub fn open_connection(&self, downstream: Downstream) -> Connection {
        Connection::new(self.open(downstream, |vm, id, root, connection, downstream| {
            vm.guest().connections.insert(id, ConnectionState::new(root, connection, downstream));
            vm.new_connection(id);
        }))
    }

    fn open(
        &self,
        downstream: Downstream,
        admit: impl FnOnce(&mut Vm, u32, Option<u32>, u64, Downstream),
    ) -> Option<(VmRef, u32)> {
        self.reload_if_due();
        let state = self.state.borrow();
        let root = match state.standing {
            Standing::Waiting | Standing::Unconfigured => return None,
            Standing::Serving { root } => Some(root),
            Standing::Bypassed => None,
        };
        let vm_ref = Rc::clone(state.vm.as_ref().expect("a configured worker has a VM"));
        drop(state);
        let connection = self.seat.process.borrow_mut().next_connection_id();
        let mut vm = vm_ref.borrow_mut();
        let guest = vm.guest();
        let id = guest.new_context();
        if let Some(root) = root.and_then(|root| guest.roots.get_mut(&root)) {
            root.in_flight += 1;
        }
        admit(&mut vm, id, root, connection, downstream);
        drop(vm);
        Some((vm_ref, id))
    }

    /// Why the worker's VM is dead, if it is.
    pub fn failure(&self) -> Option<String> {
        self.with_vm(|vm| vm.guest().failure.clone()).flatten()
    }

    /// How often a dead VM was replaced.
    pub fn reloads(&self) -> u32 {
        self.state.borrow().reloads
    }

    /// Size of the guest's linear memory, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.with_vm(|vm| vm.memory_bytes()).unwrap_or(0)
    }

    /// Root contexts that live in the VM: more than one during an update.
    pub fn root_contexts(&self) -> usize {
        self.with_vm(|vm| vm.guest().roots.len()).unwrap_or(0)
    }

    /// Streams and connections whose handles live, ended or not.
    pub fn open_contexts(&self) -> usize {
        self.with_vm(|vm| vm.guest().streams.len() + vm.guest().connections.len()).unwrap_or(0)
    }

    /// Metric ids that the VM has defined. They are never freed, so a number that grows is a leak.
    pub fn metric_definitions(&self) -> usize {
        self.with_vm(|vm| vm.guest().metric_ids.len()).unwrap_or(0)
    }

    /// What one callback has cost on this worker so far.
    pub fn usage(&self, callback: &str) -> Usage {
        self.seat.ledger.borrow().get(callback).cloned().unwrap_or_default()
    }

    /// What all callbacks have cost on this worker so far.
    pub fn total_usage(&self) -> Usage {
        Usage::total(&self.seat.ledger.borrow())
    }

    fn with_vm<T>(&self, look: impl FnOnce(&mut Vm) -> T) -> Option<T> {
        self.state.borrow().vm.as_ref().map(|vm| look(&mut vm.borrow_mut()))
    }

    /// Puts an accepted configuration in force: a new root context in the running VM, or in a new VM if that has failed.
    /// The old root is retired after.
    pub(super) fn configure(&self, plugin: &Rc<Plugin>) {
        let mut state = self.state.borrow_mut();
        let old = (state.vm.take(), state.standing);
        let vm_ref = match &old.0 {
            Some(vm) if !vm.borrow().has_failed() => Rc::clone(vm),
            _ => Rc::new(RefCell::new(self.seat.new_vm())),
        };
        let mut vm = vm_ref.borrow_mut();
        let root = vm.revive_root(plugin).or_else(|| vm.start_root(plugin));
        drop(vm);
        state.standing = root.map_or(Standing::Bypassed, |root| Standing::Serving { root });
        state.plugin = Some(Rc::clone(plugin));
        state.vm = Some(vm_ref);
        state.last_load = self.seat.process.borrow().clock.monotonic;
        drop(state);
        if let (Some(vm), Standing::Serving { root: old }) = old
            && root != Some(old)
        {
            vm.borrow_mut().retire_root(old);
        }
    }

    /// The first configuration was refused.
    pub(super) fn leave_unconfigured(&self) {
        self.state.borrow_mut().standing = Standing::Unconfigured;
    }

    fn reload_if_due(&self) {
        let mut state = self.state.borrow_mut();
        let now = self.seat.process.borrow().clock.monotonic;
        let failed = state.vm.as_ref().is_some_and(|vm| vm.borrow().has_failed());
        let serving = matches!(state.standing, Standing::Serving { .. });
        let reload = self.seat.options.fail_strategy == FailStrategy::Reload;
        // The back-off counts from the last load, not from the failure.
        if !(failed && serving && reload) || now - state.last_load < RELOAD_BACKOFF {
            return;
        }
        state.last_load = now;
        let plugin = Rc::clone(state.plugin.as_ref().expect("a serving worker has a plugin"));
        let mut vm = self.seat.new_vm();
        if let Some(root) = vm.start_root(&plugin) {
            state.vm = Some(Rc::new(RefCell::new(vm)));
            state.standing = Standing::Serving { root };
            state.reloads += 1;
        }
    }

    /// When the next tick is due on this worker.
    pub(super) fn next_tick(&self) -> Option<Duration> {
        self.with_vm(|vm| {
            if vm.has_failed() {
                return None;
            }
            vm.guest().roots.values().filter_map(|root| root.timer.as_ref()).map(|timer| timer.due).min()
        })
        .flatten()
    }

    /// Fires the ticks that are due, each armed again after its callback.
    pub(super) fn tick(&self, now: Duration) {
        self.with_vm(|vm| {
            let is_due = |root: &Root| root.timer.as_ref().is_some_and(|timer| timer.due <= now);
            let roots = vm.guest().roots.iter();
            let due: Vec<u32> = roots.filter(|(_, root)| is_due(root)).map(|(id, _)| *id).collect();
            for id in due {
                vm.call(callback::TICK, id, &[id]);
                if let Some(timer) = vm.guest().roots.get_mut(&id).and_then(|root| root.timer.as_mut()) {
                    timer.due = now + timer.period;
                }
            }
        });
    }

    pub(super) fn queue_ready(&self, root: u32, token: u32) {
        self.with_vm(|vm| {
            if vm.guest().roots.contains_key(&root) {
                vm.call(callback::QUEUE_READY, root, &[root, token]);
            }
        });
    }

    /// The proxy goes down in good order: every root is done and deleted.
    pub(super) fn shut_down(&self) {
        self.with_vm(|vm| {
            let roots: Vec<u32> = vm.guest().roots.keys().copied().collect();
            for root in roots {
                vm.retire_root(root);
            }
        });
        self.state.borrow_mut().standing = Standing::Waiting;
    }
}
