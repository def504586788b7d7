use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::fault::{Fault, FaultId};
use super::log::{LogLevel, LogLine, Place};
use super::metrics::Metric;
use super::module::Module;
use super::process::Process;
use super::root::Plugin;
use super::usage::Ledger;
use super::worker::{Seat, Worker};

/// A proxy process: workers, and what they share.
///
/// ```no_run
/// use ambit_harness::host::{Downstream, Module, Outcome, Proxy};
///
/// let module = Module::from_file("filter.wasm")?;
/// let mut proxy = Proxy::new(&module);
/// proxy.add_worker();
/// assert!(proxy.configure(b"{}").accepted);
/// let mut stream = proxy.worker(0).open_stream(Downstream::mtls("spiffe://cluster.local/ns/a/sa/b"));
/// let outcome = stream.request_headers(&[(":method", "GET"), (":path", "/"), (":authority", "a")], true);
/// assert_eq!(outcome, Outcome::Continue);
/// # Ok::<(), ambit_harness::host::Error>(())
/// ```
pub struct Proxy {
    module: Module,
    options: Rc<Options>,
    process: Rc<RefCell<Process>>,
    workers: Vec<Worker>,
    /// The configuration in force.
    plugin: Option<Rc<Plugin>>,
    /// What the canary said of each configuration; it is asked once.
    verdicts: BTreeMap<Vec<u8>, bool>,
}

/// How the plugin is set up. The defaults are those of Istio's WasmPlugin with `failStrategy: FAIL_RELOAD`.
#[derive(Clone, Debug)]
pub struct Options {
    pub fail_strategy: FailStrategy,
    /// Lets body callbacks run while headers are held. Istio's WasmPlugin cannot set it.
    pub allow_on_headers_stop_iteration: bool,
    /// Property `plugin_name`.
    pub name: String,
    /// Property `plugin_root_id`.
    pub root_id: String,
    /// Property `plugin_vm_id`, and the namespace of shared data. Istio never sets it.
    pub vm_id: String,
    /// The least level that reaches the log.
    pub log_level: LogLevel,
}

/// What happens to new streams after a VM has failed. FAIL_OPEN is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailStrategy {
    /// 503 for ever.
    Close,
    /// 503 until the back-off is over, then a new VM.
    Reload,
}

/// What became of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Configured {
    /// The canary took it and it is in force; otherwise the previous one stays in force.
    pub accepted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fail_strategy: FailStrategy::Reload,
            allow_on_headers_stop_iteration: false,
            name: "ambit-system.ambit".into(),
            root_id: "ambit".into(),
            vm_id: String::new(),
            log_level: LogLevel::Info,
        }
    }
}

impl Proxy {
    /// A proxy with default options and no worker yet.
    pub fn new(module: &Module) -> Self {
        Self::with_options(module, Options::default())
    }

    /// A proxy with no worker yet.
    pub fn with_options(module: &Module, options: Options) -> Self {
        Self {
            module: module.clone(),
            process: Rc::new(RefCell::new(Process::new(options.log_level))),
            options: Rc::new(options),
            workers: Vec::new(),
            plugin: None,
            verdicts: BTreeMap::new(),
        }
    }

    /// Adds a worker and returns its index. Its VM comes with the configuration, which may be in force already.
    pub fn add_worker(&mut self) -> usize {
        let index = self.workers.len();
        let worker = Worker::new(self.seat(Place::Worker(index)));
        if let Some(plugin) = &self.plugin {
            worker.configure(plugin);
        }
        self.workers.push(worker);
        index
    }

    /// The worker with this index.
    pub fn worker(&self, index: usize) -> &Worker {
        &self.workers[index]
    }

    /// Brings a configuration as ECDS does: the canary tries it, then every worker takes it into the VM it has. The same
    /// bytes again change nothing, and are not tried again.
    pub fn configure(&mut self, plugin_config: &[u8]) -> Configured {
        let plugin = Rc::new(Plugin {
            name: self.options.name.clone(),
            root_id: self.options.root_id.clone(),
            configuration: plugin_config.to_vec(),
        });
        let known = self.verdicts.get(plugin_config).copied();
        let accepted = known.unwrap_or_else(|| self.try_on_canary(&plugin));
        self.verdicts.insert(plugin_config.to_vec(), accepted);
        if accepted {
            self.workers.iter().for_each(|worker| worker.configure(&plugin));
            self.plugin = Some(plugin);
        }
        Configured { accepted }
    }

    fn try_on_canary(&self, plugin: &Rc<Plugin>) -> bool {
        // The canary is thrown away without being told.
        self.seat(Place::Canary).new_vm().start_root(plugin).is_some()
    }

    fn seat(&self, place: Place) -> Seat {
        Seat {
            place,
            module: self.module.clone(),
            options: Rc::clone(&self.options),
            process: Rc::clone(&self.process),
            ledger: Rc::new(RefCell::new(Ledger::new())),
        }
    }

    /// Lets time pass: both clocks move, ticks fire as they fall due, and items posted to queues are announced.
    pub fn advance(&mut self, time: Duration) {
        let end = self.process.borrow().clock.monotonic + time;
        self.deliver_posted();
        while let Some(due) = self.next_tick().filter(|due| *due <= end) {
            self.fire_ticks(due);
        }
        self.process.borrow_mut().clock.move_to(end);
    }

    /// Lets time pass until the next tick and fires it. Returns false if no tick is armed.
    pub fn tick(&mut self) -> bool {
        self.deliver_posted();
        let Some(due) = self.next_tick() else { return false };
        self.fire_ticks(due);
        true
    }

    fn next_tick(&self) -> Option<Duration> {
        self.workers.iter().filter_map(Worker::next_tick).min()
    }

    fn fire_ticks(&self, due: Duration) {
        self.process.borrow_mut().clock.move_to(due);
        self.workers.iter().for_each(|worker| worker.tick(due));
        self.deliver_posted();
    }

    fn deliver_posted(&self) {
        loop {
            let Some(ready) = self.process.borrow_mut().queues.next_posted() else { return };
            if let Place::Worker(index) = ready.reader.place {
                self.workers[index].queue_ready(ready.reader.root, ready.token);
            }
        }
    }

    /// The time that guests read, in nanoseconds since the Unix epoch.
    pub fn wall_clock_ns(&self) -> u64 {
        self.process.borrow().clock.wall_ns
    }

    /// Sets the time that guests read, forward or backward. Ticks are not moved by it.
    pub fn set_wall_clock_ns(&mut self, ns: u64) {
        self.process.borrow_mut().clock.wall_ns = ns;
    }

    /// A metric, by the name that guests defined.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.process.borrow().metrics.get(name).cloned()
    }

    /// A counter's value; zero if nobody defined it.
    pub fn counter(&self, name: &str) -> u64 {
        match self.metric(name) {
            Some(Metric::Counter(value)) => value,
            _ => 0,
        }
    }

    /// All metrics by name.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.process.borrow().metrics.clone()
    }

    /// The log so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.process.borrow().log.clone()
    }

    /// The log so far, which then starts anew.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.process.borrow_mut().log)
    }

    /// A value in shared data, as any plugin without a `vm_id` sees it.
    pub fn shared_data(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.process
            .borrow()
            .shared_data
            .get(&self.options.vm_id, key.as_ref())
            .map(|(value, _)| value.clone())
    }

    /// Writes shared data as another plugin of the proxy could.
    pub fn set_shared_data(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let mut process = self.process.borrow_mut();
        let written = process.shared_data.set(&self.options.vm_id, key.as_ref(), value.as_ref().to_vec(), 0);
        written.expect("an unconditional write succeeds");
    }

    /// Plans a fault.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.process.borrow_mut().faults.plan(fault)
    }

    /// How often a planned fault has struck.
    pub fn struck(&self, id: FaultId) -> u32 {
        self.process.borrow().faults.fired(id)
    }

    /// Ends all faults.
    pub fn end_faults(&mut self) {
        self.process.borrow_mut().faults.end();
    }

    /// Shuts down in good order: every root context is told that it is done. Streams in flight finish under theirs.
    pub fn shut_down(&mut self) {
        self.workers.iter().for_each(Worker::shut_down);
        self.plugin = None;
    }
}
