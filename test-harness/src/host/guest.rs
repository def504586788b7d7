use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use wasmtime::{Memory, StoreLimits, StoreLimitsBuilder, TypedFunc};

use super::connection::{ConnectionState, Flow};
use super::half::Side;
use super::limits::MAX_MEMORY_BYTES;
use super::local_reply::LocalReply;
use super::log::{LogLevel, Place};
use super::metrics::MetricIds;
use super::process::Process;
use super::root::{Plugin, Root};
use super::stream::StreamState;
use super::usage::Usage;

/// All that the host keeps for one VM; hostcalls work on it.
pub(super) struct Guest {
    pub(super) process: Rc<RefCell<Process>>,
    pub(super) place: Place,
    pub(super) vm_id: String,
    pub(super) allow_on_headers_stop_iteration: bool,

    pub(super) memory: Option<Memory>,
    pub(super) malloc: Option<TypedFunc<u32, u32>>,
    pub(super) limits: StoreLimits,
    /// Only logging is allowed: the module is starting, or its allocator runs.
    pub(super) restricted: bool,
    /// Why the VM is dead.
    pub(super) failure: Option<String>,

    pub(super) roots: BTreeMap<u32, Root>,
    pub(super) streams: BTreeMap<u32, StreamState>,
    pub(super) connections: BTreeMap<u32, ConnectionState>,
    next_context: u32,

    /// The context that the current callback is for.
    pub(super) current: u32,
    /// The context that the guest chose instead, until the callback ends.
    pub(super) effective: Option<u32>,
    /// The plugin being configured, whose configuration can be read.
    pub(super) configuring: Option<Rc<Plugin>>,
    /// What hostcalls asked for, to be done when the callback has returned.
    pub(super) deferred: VecDeque<Deferred>,
    /// A local reply was asked for in this callback, so it counts as stopping whatever it returns.
    pub(super) stop_iteration: bool,
    pub(super) metric_ids: MetricIds,
    /// Of the current callback.
    pub(super) usage: Usage,
}

/// What waits for the end of a callback.
pub(super) enum Deferred {
    Reply { stream: u32, reply: LocalReply },
    Resume { stream: u32, side: Side },
    Reset { stream: u32 },
    ResumeReading { connection: u32 },
    Close { connection: u32, flow: Flow },
    RootDone { root: u32 },
}

impl Guest {
    pub(super) fn new(process: Rc<RefCell<Process>>, place: Place, vm_id: String, allow_stop: bool) -> Self {
        Self {
            process,
            place,
            vm_id,
            allow_on_headers_stop_iteration: allow_stop,
            memory: None,
            malloc: None,
            limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY_BYTES).build(),
            restricted: false,
            failure: None,
            roots: BTreeMap::new(),
            streams: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_context: 1,
            current: 0,
            effective: None,
            configuring: None,
            deferred: VecDeque::new(),
            stop_iteration: false,
            metric_ids: MetricIds::default(),
            usage: Usage::default(),
        }
    }

    pub(super) fn new_context(&mut self) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        id
    }

    /// The context that hostcalls act on. Zero, the VM itself, is neither a root nor a stream.
    pub(super) fn context(&self) -> u32 {
        self.effective.filter(|id| self.exists(*id)).unwrap_or(self.current)
    }

    pub(super) fn exists(&self, context: u32) -> bool {
        context == 0
            || self.roots.contains_key(&context)
            || self.streams.get(&context).is_some_and(|stream| !stream.complete)
            || self.connections.get(&context).is_some_and(|connection| !connection.complete)
    }

    /// The root of the context that hostcalls act on.
    pub(super) fn root(&self) -> u32 {
        let context = self.context();
        let of_stream = self.streams.get(&context).map(|stream| stream.root);
        of_stream
            .or_else(|| self.connections.get(&context).map(|connection| connection.root))
            .unwrap_or(context)
    }

    pub(super) fn stream(&self) -> Option<&StreamState> {
        self.streams.get(&self.context())
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.context())
    }

    /// Marks the VM dead, with Envoy's log line. The first reason stands.
    pub(super) fn fail(&mut self, function: &str, reason: &str) {
        if self.failure.is_none() {
            let message =
                format!("Wasm VM failed Function: {function} failed: Uncaught RuntimeError: {reason}");
            self.process.borrow_mut().log(self.place, LogLevel::Critical, message.as_str());
            self.failure = Some(format!("{function}: {reason}"));
        }
    }
}
