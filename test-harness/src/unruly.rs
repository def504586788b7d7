//! A host that keeps to no order: it calls back for contexts that there are and that there are not, in any sequence, twice,
//! too late and in the middle of its own host calls, says that there is more than there is, and fails at everything. The
//! module that ships has to bear with it: it never traps, and lets nothing pass that a host in order would not have seen pass.
//!
//! [`Proxy`](crate::host::Proxy) is the host in order. This one knows little, so that nothing keeps it from doing anything.

mod requests;
mod script;
mod world;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use wasmtime::{
    AsContextMut, Config, Engine, ExternType, FuncType, InstancePre, Linker, Module, Store, StoreContextMut,
    Val,
};

use crate::artifact;
use crate::host::FUEL_PER_CALL;
use requests::{ASKED, CONFINED, HIDDEN, Kind, REPLY};
pub use script::HOSTCALLS;
use script::{Piece, Script, Size, Step};
use world::{Stream, World};

/// The callbacks that the module exports and this host calls: a test holds them to the module.
const CALLBACKS: [&str; 12] = [
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_delete",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_new_connection",
    "proxy_on_downstream_data",
    "proxy_on_memory_allocate",
];

/// What a callback returns if it goes on.
const CONTINUE: u32 = 0;
/// Callbacks in the middle of host calls in the middle of callbacks, and no more.
const MAX_DEPTH: u32 = 3;
/// What a VM may take after a short script, whatever was in it: the module's own, and what is bounded in it.
const MAX_MEMORY_BYTES: usize = 8 << 20;

/// Does what any bytes say, in a new VM.
///
/// # Panics
///
/// When the module traps, lets something pass that it should not, or does not let go of a context.
pub fn run(bytes: &[u8]) {
    let mut vm = Vm::new();
    vm.perform(Script::new(bytes, true));
    vm.end();
    let bound = MAX_MEMORY_BYTES + 2 * vm.store.data().wasted_bytes;
    assert!(vm.memory_bytes() <= bound, "{} bytes, and not {bound}", vm.memory_bytes());
}

type Context<'a> = StoreContextMut<'a, World>;

/// The module in a VM of its own.
pub struct Vm {
    store: Store<World>,
}

impl Default for Vm {
    fn default() -> Self {
        Self::new()
    }
}

impl Vm {
    /// A new VM.
    ///
    /// # Panics
    ///
    /// When the module cannot be had.
    #[must_use]
    pub fn new() -> Self {
        let module = module();
        let mut store = Store::new(module.module().engine(), World::new(Script::default()));
        store.set_fuel(FUEL_PER_CALL).expect("fuel is counted");
        let instance = module.instantiate(&mut store).expect("it links");
        let callbacks = CALLBACKS
            .map(|name| (name, instance.get_func(&mut store, name).expect("it exports all callbacks")));
        let memory = instance.get_memory(&mut store, "memory");
        let allocator = instance.get_typed_func(&mut store, "proxy_on_memory_allocate").ok();
        let start = instance.get_typed_func::<(), ()>(&mut store, "_initialize").expect("it begins");
        let world = store.data_mut();
        (world.callbacks, world.memory, world.allocator) = (BTreeMap::from(callbacks), memory, allocator);
        start.call(&mut store, ()).expect("it begins without a trap");
        Self { store }
    }

    /// Performs all that bytes say, but nothing by which memory is never used again: what a host does not hand over, since
    /// a VM may not use it for something else.
    ///
    /// # Panics
    ///
    /// As [`run`].
    pub fn run_frugally(&mut self, bytes: &[u8]) {
        self.perform(Script::new(bytes, false));
        self.end();
    }

    /// What the VM takes; it never shrinks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    fn perform(&mut self, script: Script) {
        self.store.data_mut().script = script;
        while let Some(step) = self.store.data_mut().script.next() {
            step_in(&mut self.store.as_context_mut(), step);
        }
    }

    /// Deletes all contexts, twice, and sees that none is left.
    fn end(&mut self) {
        self.store.data_mut().fault = None;
        let world = self.store.data();
        let all: Vec<u32> = world.streams.keys().chain(world.roots.keys()).copied().collect();
        for context in all.iter().chain(&all) {
            step_in(&mut self.store.as_context_mut(), Step::Delete(*context));
        }
        assert!(self.store.data().streams.is_empty() && self.store.data().roots.is_empty());
        for context in all {
            for step in [
                Step::Headers { context, is_end: true },
                Step::Body { context, size: Size::None, is_end: true },
                Step::Trailers(context),
                Step::Connect(context),
                Step::Data(context),
            ] {
                step_in(&mut self.store.as_context_mut(), step);
            }
        }
    }
}

/// The module that ships, compiled once.
fn module() -> &'static InstancePre<World> {
    static MODULE: OnceLock<InstancePre<World>> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = artifact::filter(&|line| eprintln!("{line}")).expect("the module");
        let mut config = Config::new();
        config.consume_fuel(true);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::from_file(&engine, path).expect("a module");
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(signature) = import.ty() else { panic!("it imports functions") };
            let name = import.name().to_owned();
            assert!(HOSTCALLS.contains(&name.as_str()), "the unruly host has no `{name}`");
            define(&mut linker, name, signature);
        }
        for export in module.exports().filter(|export| export.name().starts_with("proxy_on_")) {
            assert!(CALLBACKS.contains(&export.name()), "the unruly host does not call `{}`", export.name());
        }
        linker.instantiate_pre(&module).expect("it links")
    })
}

fn define(linker: &mut Linker<World>, name: String, signature: FuncType) {
    let called = name.clone();
    let defined = linker.func_new("env", &name, signature, move |mut caller, arguments, results| {
        let status = world::answer(&mut caller, &called, arguments);
        results[0] = Val::I32(status.cast_signed());
        Ok(())
    });
    defined.expect("a name once");
}

/// Performs the next step of the script, in the middle of a host call.
fn perform_next(store: &mut Context<'_>) {
    let world = store.data_mut();
    if world.depth < MAX_DEPTH
        && let Some(step) = world.script.next()
    {
        step_in(store, step);
    }
}

fn call(store: &mut Context<'_>, name: &'static str, context: u32, arguments: &[u32]) -> u32 {
    let is_first = store.data().depth == 0;
    if is_first {
        store.set_fuel(FUEL_PER_CALL).expect("fuel is counted");
    }
    let world = store.data_mut();
    world.depth += 1;
    let asked = world.streams.get(&context).map_or(&ASKED[0], |stream| stream.asked);
    let former = std::mem::replace(&mut world.asked, asked);
    let function = world.callbacks[name];
    let arguments: Vec<Val> = arguments.iter().map(|argument| Val::I32(argument.cast_signed())).collect();
    let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
    if let Err(trap) = function.call(&mut *store, &arguments, &mut results) {
        panic!("`{name}` for {context} traps: {trap:?}");
    }
    let world = store.data_mut();
    world.depth -= 1;
    world.asked = former;
    match results.first() {
        Some(Val::I32(value)) => value.cast_unsigned(),
        _ => 0,
    }
}

/// Performs a step, and holds what comes of it to what a host in order sees.
fn step_in(store: &mut Context<'_>, step: Step) {
    match step {
        Step::Root(context) => {
            call(store, "proxy_on_context_create", context, &[context, 0]);
            store.data_mut().roots.insert(context, None);
        }
        // A stream without a parent is a root.
        Step::Stream { context, parent: 0, .. } => step_in(store, Step::Root(context)),
        Step::Stream { context, parent, asked } => {
            let kind = store.data_mut().roots.get(&parent).copied().flatten();
            let world = store.data_mut();
            world.begun += 1;
            let (asked, number, begun) = (&ASKED[asked], asked, world.begun);
            let stream = Stream { kind, asked, number, begun, is_live: false, has_passed: false };
            world.streams.insert(context, stream);
            call(store, "proxy_on_context_create", context, &[context, parent]);
        }
        Step::Configure { context, kind, size } => {
            store.data_mut().configuration = kind.config();
            let size = said(kind.config().len(), size);
            let is_taken = call(store, "proxy_on_configure", context, &[context, size]) == 1;
            if is_taken && let Some(root) = store.data_mut().roots.get_mut(&context) {
                *root = Some(kind);
            }
        }
        Step::Headers { context, is_end } => headers(store, context, is_end),
        Step::Body { context, size, is_end } => {
            let whole = store.data().streams.get(&context).map_or(0, |stream| stream.asked.body.len());
            let arguments = [context, said(whole, size), is_end.into()];
            goes_on(store, "proxy_on_request_body", context, &arguments, |clean| clean.body);
        }
        Step::Trailers(context) => {
            goes_on(store, "proxy_on_request_trailers", context, &[context, 0], |clean| clean.body);
        }
        Step::ReplyHeaders { context, is_end } => {
            call(store, "proxy_on_response_headers", context, &[context, 0, is_end.into()]);
        }
        Step::ReplyBody { context, piece, is_end } => reply_body(store, context, piece, is_end),
        Step::Connect(context) => {
            goes_on(store, "proxy_on_new_connection", context, &[context], |clean| clean.connection);
        }
        Step::Data(context) => {
            goes_on(store, "proxy_on_downstream_data", context, &[context, 3, 0], |clean| clean.connection);
        }
        Step::Tick(context) => {
            call(store, "proxy_on_tick", context, &[context]);
        }
        Step::Delete(context) => {
            call(store, "proxy_on_delete", context, &[context]);
            let world = store.data_mut();
            if world.streams.remove(&context).is_none() {
                world.roots.remove(&context);
            }
        }
        Step::Time(seconds) => {
            let world = store.data_mut();
            world.now_ns = world.now_ns.saturating_add_signed(i64::from(seconds) * 1_000_000_000);
        }
        Step::Plan(fault) => store.data_mut().fault = Some(fault),
        Step::Mend => store.data_mut().fault = None,
        Step::Allocate(size) => {
            let wastes = store.data_mut().script.wastes;
            if wastes && call(store, "proxy_on_memory_allocate", 0, &[size]) != 0 {
                store.data_mut().wasted_bytes += size as usize;
            }
        }
    }
}

fn headers(store: &mut Context<'_>, context: u32, is_end: bool) {
    let asking = store.data().streams.get(&context).cloned();
    let before = std::mem::take(&mut store.data_mut().stamped);
    let action = call(store, "proxy_on_request_headers", context, &[context, 6, is_end.into()]);
    let world = store.data_mut();
    let stamped = std::mem::replace(&mut world.stamped, before);
    if action != CONTINUE {
        return;
    }
    let asking = asking.unwrap_or_else(|| panic!("headers of {context} go on, which is no context"));
    assert!(clean(&asking).headers, "headers go on: {asking:?}");
    if asking.kind.is_some_and(Kind::is_inbound) {
        if let Some(stream) = world.still(context, &asking) {
            stream.is_live = true;
        }
        return;
    }
    for peer in world.streams.values().filter(|stream| stream.is_live).map(|stream| stream.asked.peer) {
        if asking.asked.stays() {
            let has = |value: &Vec<u8>| value.windows(peer.len()).any(|part| part == peer.as_bytes());
            assert!(stamped.iter().any(has), "a call is not limited by {peer}: {stamped:?}");
        } else {
            assert_ne!(peer, CONFINED, "a call leaves the mesh on behalf of one who may not");
        }
    }
}

/// A callback after the headers, or one of a connection.
fn goes_on(
    store: &mut Context<'_>,
    name: &'static str,
    context: u32,
    arguments: &[u32],
    may: fn(&Clean) -> bool,
) {
    let asking = store.data().streams.get(&context).cloned();
    if call(store, name, context, arguments) == CONTINUE {
        let asking = asking.unwrap_or_else(|| panic!("`{name}` goes on, and {context} is no context"));
        assert!(may(&clean(&asking)), "`{name}` goes on: {asking:?}");
        if let Some(stream) = store.data_mut().still(context, &asking) {
            stream.has_passed = true;
        }
    }
}

fn reply_body(store: &mut Context<'_>, context: u32, piece: Piece, is_end: bool) {
    let half = REPLY.len() / 2;
    let reply = match piece {
        Piece::Whole => REPLY,
        Piece::First => &REPLY[..half],
        Piece::Second => &REPLY[half..],
        Piece::Empty => &[],
    };
    store.data_mut().reply = reply.to_vec();
    let size = u32::try_from(reply.len()).expect("a small reply");
    let action = call(store, "proxy_on_response_body", context, &[context, size, is_end.into()]);
    let world = store.data_mut();
    let is_list =
        |stream: &&Stream| stream.kind == Some(Kind::Mcp) && stream.asked.body.ends_with(b"list\"}");
    if action == CONTINUE
        && let Some(stream) = world.streams.get(&context).filter(is_list)
    {
        let shows = world.reply.windows(HIDDEN.len()).any(|part| part == HIDDEN);
        assert!(
            !shows || !stream.has_passed,
            "{piece:?} of a list goes on: {}",
            String::from_utf8_lossy(&world.reply)
        );
    }
}

/// What the host says in place of a size.
fn said(size: usize, how: Size) -> u32 {
    let size = u32::try_from(size).expect("a small size");
    match how {
        Size::Whole => size,
        Size::Half => size / 2,
        Size::None => 0,
        Size::More => size + 7,
        Size::Most => u32::MAX,
    }
}

/// What goes on if the host is in order.
#[derive(Clone, Copy, Debug)]
struct Clean {
    headers: bool,
    body: bool,
    connection: bool,
}

/// What comes of what a stream asks, with nothing else under way.
fn clean(stream: &Stream) -> Clean {
    static KNOWN: Mutex<BTreeMap<(Kind, usize), Clean>> = Mutex::new(BTreeMap::new());
    let asked = stream.number;
    let Some(kind) = stream.kind else { return Clean { headers: false, body: false, connection: false } };
    if let Some(clean) = KNOWN.lock().expect("no one panics with it").get(&(kind, asked)) {
        return *clean;
    }
    let goes_on = |steps: &[(&'static str, u32, &[u32])]| {
        let mut vm = Vm::new();
        let store = &mut vm.store.as_context_mut();
        step_in(store, Step::Root(1));
        step_in(store, Step::Configure { context: 1, kind, size: Size::Whole });
        step_in(store, Step::Stream { context: 2, parent: 1, asked });
        let went = steps.iter().map(|(name, context, more)| {
            let arguments = [&[*context][..], more].concat();
            call(store, name, *context, &arguments) == CONTINUE
        });
        went.last().unwrap_or(false)
    };
    let size = u32::try_from(ASKED[asked].body.len()).expect("a small body");
    let head = ("proxy_on_request_headers", 2, &[6, u32::from(size == 0)][..]);
    let headers = goes_on(&[head]);
    let body = if size == 0 {
        headers
    } else {
        headers && goes_on(&[head, ("proxy_on_request_body", 2, &[size, 1])])
    };
    let clean = Clean { headers, body, connection: goes_on(&[("proxy_on_new_connection", 2, &[])]) };
    KNOWN.lock().expect("no one panics with it").insert((kind, asked), clean);
    clean
}
