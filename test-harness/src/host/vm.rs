use std::cell::RefCell;
use std::rc::Rc;

use wasmtime::{Instance, Store, Trap, Val};

use super::callback::{self, Callback};
use super::guest::{Deferred, Guest};
use super::limits::FUEL_PER_CALL;
use super::module::Module;
use super::root::{Plugin, Root, RootState};
use super::usage::{Ledger, Usage};

/// A global with the place of a 64-bit count.
const ALLOCATED_BYTES: &str = "AMBIT_ALLOCATED_BYTES";

/// One Wasm VM: an instance of the module with its root contexts and streams.
pub(super) struct Vm {
    pub(super) store: Store<Guest>,
    instance: Option<Instance>,
    ledger: Rc<RefCell<Ledger>>,
}

pub(super) type VmRef = Rc<RefCell<Vm>>;

/// How a callback went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// The module does not export it.
    Absent,
    /// With this value; `u32::MAX` if a local reply overrides it; zero if the callback returns nothing.
    Returned(u32),
    /// The VM is dead, perhaps since before.
    Failed,
}

impl Vm {
    /// Instantiates the module and runs its start functions. If that fails, so has the VM.
    pub(super) fn new(module: &Module, guest: Guest, ledger: Rc<RefCell<Ledger>>) -> Self {
        let mut store = Store::new(module.engine(), guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_fuel(FUEL_PER_CALL).expect("fuel metering is on");
        let mut vm = match module.instantiate(&mut store) {
            Ok(instance) => Self { store, instance: Some(instance), ledger },
            Err(error) => {
                store.data_mut().fail("instantiate", &reason(&error));
                Self { store, instance: None, ledger }
            }
        };
        vm.guest().restricted = true;
        if vm.invoke(callback::INITIALIZE, 0, &[]) == Called::Absent {
            vm.invoke(callback::START, 0, &[]);
        }
        vm.guest().restricted = false;
        vm
    }

    pub(super) fn guest(&mut self) -> &mut Guest {
        self.store.data_mut()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.store.data().failure.is_some()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// What the guest has asked its own allocator for since it began, if it keeps count.
    fn allocated_bytes(&mut self) -> u64 {
        let mut count = || {
            let export = self.instance?.get_global(&mut self.store, ALLOCATED_BYTES)?;
            let place = usize::try_from(export.get(&mut self.store).i32()?).ok()?;
            let memory = self.store.data().memory?;
            let mut bytes = [0; 8];
            memory.read(&self.store, place, &mut bytes).ok()?;
            Some(u64::from_le_bytes(bytes))
        };
        count().unwrap_or(0)
    }

    /// Calls the guest for `context` and does what it asked for meanwhile.
    pub(super) fn call(&mut self, callback: Callback, context: u32, args: &[u32]) -> Called {
        let called = self.invoke(callback, context, args);
        self.settle();
        called
    }

    fn invoke(&mut self, (name, _, results): Callback, context: u32, args: &[u32]) -> Called {
        if self.has_failed() {
            return Called::Failed;
        }
        let Some(function) = self.instance.and_then(|instance| instance.get_func(&mut self.store, name))
        else {
            return Called::Absent;
        };
        let guest = self.guest();
        guest.current = context;
        guest.effective = None;
        guest.stop_iteration = false;
        guest.usage = Usage::default();
        self.store.set_fuel(FUEL_PER_CALL).expect("fuel metering is on");

        let allocated = self.allocated_bytes();
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(arg.cast_signed())).collect();
        let mut returned = [Val::I32(0)];
        let result = function.call(&mut self.store, &args, &mut returned[..results]);

        let left = self.store.get_fuel().expect("fuel metering is on");
        self.guest().usage.guest_bytes = self.allocated_bytes().saturating_sub(allocated);
        self.record(name, context, FUEL_PER_CALL - left);
        let guest = self.guest();
        guest.current = 0;
        guest.effective = None;
        if let Err(error) = result {
            guest.fail(name, &reason(&error));
        }
        if guest.failure.is_some() {
            // The failure is answered first, so a reply that the guest asked for comes too late.
            guest.deferred.retain(|deferred| !matches!(deferred, Deferred::Reply { .. }));
            return Called::Failed;
        }
        let value = returned[0].i32().expect("callbacks return 32 bits").cast_unsigned();
        Called::Returned(if guest.stop_iteration { u32::MAX } else { value })
    }

    fn record(&mut self, name: &'static str, context: u32, fuel: u64) {
        let guest = self.guest();
        let mut usage = std::mem::take(&mut guest.usage);
        usage.calls = 1;
        usage.fuel = fuel;
        if let Some(stream) = guest.streams.get_mut(&context) {
            stream.usage.entry(name).or_default().add(&usage);
        }
        if let Some(connection) = guest.connections.get_mut(&context) {
            connection.usage.entry(name).or_default().add(&usage);
        }
        self.ledger.borrow_mut().entry(name).or_default().add(&usage);
    }

    /// Does what hostcalls left to do. Doing it calls the guest again, which may leave more.
    pub(super) fn settle(&mut self) {
        while let Some(deferred) = self.guest().deferred.pop_front() {
            match deferred {
                Deferred::Reply { stream, reply } => self.local_reply(stream, reply),
                Deferred::Resume { stream, side } => self.resume(stream, side),
                Deferred::Reset { stream } => self.reset(stream, Some(b"wasm_close_stream")),
                Deferred::ResumeReading { connection } => self.resume_reading(connection),
                Deferred::Close { connection, flow } => self.close_connection(connection, flow),
                Deferred::RootDone { root } => self.delete_root(root),
            }
        }
    }

    /// Makes a root context for `plugin` and configures it. `None` means that it refused, or that the VM died of it.
    pub(super) fn start_root(&mut self, plugin: &Rc<Plugin>) -> Option<u32> {
        let guest = self.guest();
        let id = guest.new_context();
        let root = Root { plugin: Rc::clone(plugin), in_flight: 0, state: RootState::Current, timer: None };
        guest.roots.insert(id, root);
        guest.configuring = Some(Rc::clone(plugin));
        self.call(callback::CONTEXT_CREATE, id, &[id, 0]);
        // Envoy's VM configuration is empty: Istio sets none.
        let started = self.call(callback::VM_START, id, &[id, 0]);
        let configured = if is_yes(started) {
            let size = u32::try_from(plugin.configuration.len()).expect("a configuration below 4 GiB");
            self.call(callback::CONFIGURE, id, &[id, size])
        } else {
            started
        };
        self.guest().configuring = None;
        is_yes(configured).then_some(id)
    }

    /// The root that already runs `plugin`'s configuration, in force again if it was on its way out.
    pub(super) fn revive_root(&mut self, plugin: &Plugin) -> Option<u32> {
        let root = self.guest().roots.iter_mut().find(|(_, root)| {
            root.plugin.configuration == plugin.configuration && root.state != RootState::Finishing
        });
        root.map(|(id, root)| {
            root.state = RootState::Current;
            *id
        })
    }

    /// Takes a root out of force. It ends with the last of its streams.
    pub(super) fn retire_root(&mut self, id: u32) {
        if let Some(root) = self.guest().roots.get_mut(&id) {
            root.state = RootState::Retired;
        }
        self.finish_root_if_idle(id);
    }

    /// A stream of this root has ended.
    pub(super) fn release_root(&mut self, id: u32) {
        if let Some(root) = self.guest().roots.get_mut(&id) {
            root.in_flight -= 1;
        }
        self.finish_root_if_idle(id);
    }

    fn finish_root_if_idle(&mut self, id: u32) {
        let idle = |root: &Root| root.state == RootState::Retired && root.in_flight == 0;
        if self.guest().roots.get(&id).is_some_and(idle) {
            if let Some(root) = self.guest().roots.get_mut(&id) {
                root.state = RootState::Finishing;
            }
            if is_yes(self.call(callback::DONE, id, &[id])) {
                self.delete_root(id);
            }
        }
    }

    fn delete_root(&mut self, id: u32) {
        if self.guest().roots.contains_key(&id) {
            self.call(callback::DELETE, id, &[id]);
            self.guest().roots.remove(&id);
        }
    }
}

/// A callback that is not exported agrees; one that failed does not.
fn is_yes(called: Called) -> bool {
    match called {
        Called::Absent => true,
        Called::Returned(value) => value != 0,
        Called::Failed => false,
    }
}

fn reason(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => "a loop without end: the callback's fuel is spent".to_owned(),
        Some(Trap::UnreachableCodeReached) => "unreachable".to_owned(),
        _ => cause,
    }
}
