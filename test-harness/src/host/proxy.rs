use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;
use std::time::Duration;

use super::fault::{Fault, FaultId};
use super::log::{LogLevel, LogLine, Place};
use super::metrics::Metric;
use super::module::Module;
use super::process::Process;
use super::root::Plugin;
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
    seat: Seat,
    main: Worker,
    workers: Vec<Worker>,
    /// The configuration in force.
    plugin: Option<Rc<Plugin>>,
    /// What the canary said of each configuration, by the hash of its bytes; it is asked once.
    verdicts: BTreeMap<u64, bool>,
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
        let process = Rc::new(RefCell::new(Process::new(options.log_level)));
        Self::in_process(module, options, process)
    }

    /// Another plugin of the same process, with no worker yet: it has VMs of its own, and shares clock, shared data,
    /// queues, metrics and log. Both are to be told of time that passes; only one moves the clock.
    #[must_use]
    pub fn beside(&self, module: &Module, options: Options) -> Self {
        Self::in_process(module, options, Rc::clone(&self.seat.process))
    }

    fn in_process(module: &Module, options: Options, process: Rc<RefCell<Process>>) -> Self {
        let seat = Seat::new(Place::Main, module.clone(), Rc::new(options), process);
        Self {
            main: Worker::new(seat.clone()),
            seat,
            workers: Vec::new(),
            plugin: None,
            verdicts: BTreeMap::new(),
        }
    }

    /// Adds a worker and returns its index. Its VM comes with the configuration, which may be in force already.
    pub fn add_worker(&mut self) -> usize {
        let index = self.workers.len();
        let worker = Worker::new(self.seat.at(Place::Worker(index)));
        if let Some(plugin) = &self.plugin {
            worker.configure(plugin);
        } else if !self.verdicts.is_empty() {
            worker.leave_unconfigured();
        }
        self.workers.push(worker);
        index
    }

    /// The worker with this index.
    pub fn worker(&self, index: usize) -> &Worker {
        &self.workers[index]
    }

    /// Brings a configuration as ECDS does: the canary tries it, then the main thread and every worker take it into the
    /// VM they have. The same bytes again change nothing, and are not tried again.
    pub fn configure(&mut self, plugin_config: &[u8]) -> Configured {
        let plugin = Rc::new(Plugin {
            name: self.seat.options.name.clone(),
            root_id: self.seat.options.root_id.clone(),
            configuration: plugin_config.to_vec(),
        });
        let mut hasher = DefaultHasher::new();
        hasher.write(plugin_config);
        let known = self.verdicts.get(&hasher.finish()).copied();
        let accepted = known.unwrap_or_else(|| self.try_on_canary(&plugin));
        self.verdicts.insert(hasher.finish(), accepted);
        if accepted {
            self.threads().for_each(|thread| thread.configure(&plugin));
            self.plugin = Some(plugin);
        } else if self.plugin.is_none() {
            self.workers.iter().for_each(Worker::leave_unconfigured);
        }
        Configured { accepted }
    }

    fn try_on_canary(&self, plugin: &Rc<Plugin>) -> bool {
        // The canary is thrown away without being told.
        self.seat.at(Place::Canary).new_vm().start_root(plugin).is_some()
    }

    /// Whatever runs the plugin for good: the main thread and the workers.
    fn threads(&self) -> impl Iterator<Item = &Worker> {
        std::iter::once(&self.main).chain(&self.workers)
    }

    /// Lets time pass: both clocks move, ticks fire as they fall due, and items posted to queues are announced.
    pub fn advance(&mut self, time: Duration) {
        let end = self.seat.process.borrow().clock.monotonic + time;
        self.deliver_posted();
        while let Some(due) = self.next_tick().filter(|due| *due <= end) {
            self.fire_ticks(due);
        }
        self.seat.process.borrow_mut().clock.move_to(end);
    }

    /// Lets time pass until the next tick and fires it. Returns false if no tick is armed.
    pub fn tick(&mut self) -> bool {
        self.deliver_posted();
        let Some(due) = self.next_tick() else { return false };
        self.fire_ticks(due);
        true
    }

    fn next_tick(&self) -> Option<Duration> {
        self.threads().filter_map(Worker::next_tick).min()
    }

    fn fire_ticks(&self, due: Duration) {
        self.seat.process.borrow_mut().clock.move_to(due);
        self.threads().for_each(|thread| thread.tick(due));
        self.deliver_posted();
    }

    fn deliver_posted(&self) {
        loop {
            let Some(ready) = self.seat.process.borrow_mut().queues.next_posted() else { return };
            match ready.reader.place {
                Place::Canary => {}
                Place::Main => self.main.queue_ready(ready.reader.root, ready.token),
                Place::Worker(index) => self.workers[index].queue_ready(ready.reader.root, ready.token),
            }
        }
    }

    /// The time that guests read, in nanoseconds since the Unix epoch.
    pub fn wall_clock_ns(&self) -> u64 {
        self.seat.process.borrow().clock.wall_ns
    }

    /// Sets the time that guests read, forward or backward. Ticks are not moved by it.
    pub fn set_wall_clock_ns(&mut self, ns: u64) {
        self.seat.process.borrow_mut().clock.wall_ns = ns;
    }

    /// A metric, by the name that guests defined.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.seat.process.borrow().metrics.get(name).cloned()
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
        self.seat.process.borrow().metrics.clone()
    }

    /// The log so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.seat.process.borrow().log.clone()
    }

    /// The log so far, which then starts anew.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.seat.process.borrow_mut().log)
    }

    /// A value in shared data, as any plugin without a `vm_id` sees it.
    pub fn shared_data(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.seat
            .process
            .borrow()
            .shared_data
            .get(&self.seat.options.vm_id, key.as_ref())
            .map(|(value, _)| value.clone())
    }

    /// The keys of shared data, which no plugin can list.
    pub fn shared_keys(&self) -> Vec<Vec<u8>> {
        self.seat.process.borrow().shared_data.keys(&self.seat.options.vm_id)
    }

    /// Writes shared data as another plugin of the proxy could.
    pub fn set_shared_data(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let mut process = self.seat.process.borrow_mut();
        let written =
            process.shared_data.set(&self.seat.options.vm_id, key.as_ref(), value.as_ref().to_vec(), 0);
        written.expect("an unconditional write succeeds");
    }

    /// Plans a fault.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.seat.process.borrow_mut().faults.plan(fault)
    }

    /// How often a planned fault has struck.
    pub fn struck(&self, id: FaultId) -> u32 {
        self.seat.process.borrow().faults.fired(id)
    }

    /// Ends all faults.
    pub fn end_faults(&mut self) {
        self.seat.process.borrow_mut().faults.end();
    }

    /// Shuts down in good order: every root context is told that it is done. Streams in flight finish under theirs.
    pub fn shut_down(&mut self) {
        self.threads().for_each(Worker::shut_down);
        self.plugin = None;
    }
}
