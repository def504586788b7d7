//! Ambit's evaluator as WebAssembly: the module that proves it free of panics, run by wasmtime.
//!
//! It verifies the blob in each call, so a call judges many times, and what one judgement takes is counted from there.

use std::process::Command;

use wasmtime::{Engine as Runtime, Instance, Memory, Module, Store, TypedFunc};

use crate::Engine;
use crate::ambit::{blob, key, principal};
use crate::workload::Workload;

const PAGE_BYTES: usize = 1 << 16;
const VERDICT_BYTES: usize = 16;

pub(crate) struct Guest {
    store: Store<()>,
    memory: Memory,
    judge: TypedFunc<(u32, u32, u32, u32, u32, u32), u64>,
    requests: Vec<Vec<u8>>,
    blob_bytes: usize,
    /// Where the blob, the request and the verdict are.
    places: [usize; 3],
}

impl Guest {
    pub(crate) fn new(workload: &Workload) -> Self {
        let runtime = Runtime::default();
        let module = Module::from_binary(&runtime, &build()).expect("a module");
        let mut store = Store::new(&runtime, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("it imports nothing");
        let memory = instance.get_memory(&mut store, "memory").expect("a memory");
        let judge = instance.get_typed_func(&mut store, "judge_often").expect("the function");
        let blob = blob(workload);
        let requests: Vec<Vec<u8>> = workload
            .requests
            .iter()
            .map(|request| encode(&workload.members(request).collect::<Vec<_>>(), &key(request.action)))
            .collect();
        let longest = requests.iter().map(Vec::len).max().unwrap_or(0);
        // Beyond what the module uses, since it has no allocator that could be asked.
        let start = memory.data_size(&store);
        let places = [start, start + blob.len(), start + blob.len() + longest];
        let pages = (blob.len() + longest + VERDICT_BYTES).div_ceil(PAGE_BYTES);
        memory.grow(&mut store, pages as u64).expect("memory");
        memory.write(&mut store, start, &blob).expect("room");
        Self { store, memory, judge, requests, blob_bytes: blob.len(), places }
    }
}

impl Engine for Guest {
    fn decide(&mut self, request: usize, times: u32) -> bool {
        let asked = &self.requests[request];
        self.memory.write(&mut self.store, self.places[1], asked).expect("room");
        let [blob, asked, length, verdict, blob_bytes] =
            [self.places[0], self.places[1], asked.len(), self.places[2], self.blob_bytes]
                .map(|number| number as u32);
        let outcome = self.judge.call(&mut self.store, (blob, blob_bytes, asked, length, verdict, times));
        assert_eq!(outcome.expect("no trap"), 0, "the module takes the blob and the request");
        let mut bytes = [0; VERDICT_BYTES];
        self.memory.read(&self.store, self.places[2], &mut bytes).expect("a verdict");
        // The flag that the request passes.
        bytes[1] & 128 != 0
    }
}

/// The module, built with the profile of the one that ships.
fn build() -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let arguments = [
        "build",
        "--quiet",
        "--profile",
        "wasm",
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "ambit-no-panic",
    ];
    let status = Command::new("cargo")
        .current_dir(root)
        .args(arguments)
        .args(["--target-dir", "target/wasm"])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the module cannot be built");
    std::fs::read(format!("{root}/target/wasm/wasm32-unknown-unknown/wasm/ambit_no_panic.wasm"))
        .expect("the module")
}

/// A request, as `filter/eval/no-panic/src/request.rs` describes it. There are no fields.
fn encode(chain: &[&str], key: &str) -> Vec<u8> {
    const PROVEN: u8 = 2;
    const LINEAGE: u8 = 2;
    const KNOWN: u8 = 0;
    let (caller, members) = chain.split_last().expect("a caller");
    let mut out = vec![PROVEN, LINEAGE, 0, ambit_eval::Protocol::Mcp as u8, KNOWN, 0, members.len() as u8, 0];
    out.extend(1_800_000_000_u64.to_le_bytes());
    for id in std::iter::once(caller).chain(members) {
        let principal = principal(id);
        for part in [principal.whole, principal.trust_domain, principal.path] {
            text(&mut out, part);
        }
    }
    text(&mut out, key.as_bytes());
    out.extend([0; 4]);
    out
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}
