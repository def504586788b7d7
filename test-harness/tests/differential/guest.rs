//! The evaluator as a WebAssembly module. What goes in and what comes out, `filter/eval/no-panic/src/request.rs` says.

use ambit_compiler::reference::Case;
use ambit_eval::{
    Arguments, Caller, Code, Count, Facts, Hop, Key, Principal, Program, Request, Statement, Value, Verdict,
};
use ambit_harness::artifact;
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

use crate::facts;

/// The most elements of a list that the evaluator looks at.
const MAX_LIST: u32 = 64;

const VERDICT_BYTES: usize = 16;
const PAGE_BYTES: usize = 1 << 16;
/// What a blob may take, and what a request may.
const ROOM: usize = 1 << 20;

/// An instance of the module.
pub(crate) struct Guest {
    store: Store<()>,
    memory: Memory,
    judge: TypedFunc<(u32, u32, u32, u32, u32), u64>,
    /// Where the blob, the request and the verdict are.
    places: [usize; 3],
    /// The blob that is there.
    blob: Vec<u8>,
    /// How many cases were judged.
    pub(crate) judged: u64,
}

impl Guest {
    pub(crate) fn start() -> Self {
        let path = artifact::build("ambit-no-panic", &|line| eprintln!("{line}")).unwrap();
        let engine = Engine::default();
        let module = Module::from_binary(&engine, &std::fs::read(path).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let judge = instance.get_typed_func(&mut store, "judge").unwrap();
        // Beyond what the module uses, since it has no allocator that could be asked.
        let start = memory.data_size(&store);
        let pages = (2 * ROOM + VERDICT_BYTES).div_ceil(PAGE_BYTES);
        memory.grow(&mut store, u64::try_from(pages).unwrap()).unwrap();
        let places = [start, start + ROOM, start + 2 * ROOM];
        Self { store, memory, judge, places, blob: Vec::new(), judged: 0 }
    }

    /// Judges a case by a blob.
    pub(crate) fn decide(&mut self, program: &Program<Vec<u8>>, case: &Case) -> Verdict {
        let request = facts::with_facts(program, case, |request| encode(program, request));
        let [blob, asked, out] = self.places;
        if self.blob != program.bytes() {
            self.blob = program.bytes().to_vec();
            assert!(self.blob.len() <= ROOM);
            self.memory.write(&mut self.store, blob, &self.blob).unwrap();
        }
        assert!(request.len() <= ROOM);
        self.memory.write(&mut self.store, asked, &request).unwrap();
        let [blob, length, asked, asked_length, verdict] =
            [blob, self.blob.len(), asked, request.len(), out].map(|number| u32::try_from(number).unwrap());
        let outcome = self.judge.call(&mut self.store, (blob, length, asked, asked_length, verdict)).unwrap();
        assert_eq!(outcome, 0, "the module refuses the request or the blob");
        let mut bytes = [0; VERDICT_BYTES];
        self.memory.read(&self.store, out, &mut bytes).unwrap();
        self.judged += 1;
        decode(&bytes)
    }
}

fn decode(bytes: &[u8; VERDICT_BYTES]) -> Verdict {
    let [code, flags, place, _, caller @ .., action_low, action_high, r0, r1, r2, r3, s0, s1, s2, s3] =
        *bytes;
    let has = |bit: u8| flags & bit != 0;
    let verdict = Verdict {
        code: Code::from_number(code).unwrap(),
        hop: match flags & 3 {
            1 => Some(Hop::Member(place)),
            2 => Some(Hop::Mission(place)),
            _ => None,
        },
        caller: has(4).then_some(u16::from_le_bytes(caller)),
        action: has(8).then_some(u16::from_le_bytes([action_low, action_high])),
        rule: has(16).then_some(u32::from_le_bytes([r0, r1, r2, r3])),
        shadow: has(32),
        pending: has(64),
        steps: u32::from_le_bytes([s0, s1, s2, s3]),
    };
    assert_eq!(verdict.passes(), has(128));
    verdict
}

/// A request, with the values of all fields of a program.
fn encode<F: Facts>(program: &Program<Vec<u8>>, request: &Request<'_, F>) -> Vec<u8> {
    let mut out = Vec::new();
    let (lineage, statement, refusal) = match request.statement {
        Statement::Absent => (None, 0, 0),
        Statement::Refused(code) => (None, 1, code.number()),
        Statement::Lineage(lineage) => (Some(lineage), if lineage.merged { 3 } else { 2 }, 0),
    };
    let members = lineage.map(|lineage| lineage.members).unwrap_or_default();
    let missions = lineage.map(|lineage| lineage.missions).unwrap_or_default();
    let (key, text, key_refusal) = match request.key {
        Key::Known(text) => (0, text, 0),
        Key::Refused(code) => (1, &[][..], code.number()),
        Key::Unread => (2, &[][..], 0),
        Key::Action(action) => panic!("no case asks for action {action} by its id"),
    };
    let caller = match request.caller {
        Caller::Unauthenticated => 0,
        Caller::Malformed => 1,
        Caller::Proven(_) => 2,
    };
    let counts = [members.len(), missions.len()].map(|count| u8::try_from(count).unwrap());
    out.extend([caller, statement, refusal, request.protocol as u8, key, key_refusal]);
    out.extend(counts);
    out.extend(request.now.to_le_bytes());
    if let Caller::Proven(proven) = &request.caller {
        principal(&mut out, proven);
    }
    members.iter().for_each(|member| principal(&mut out, member));
    missions.iter().for_each(|mission| self::text(&mut out, mission));
    self::text(&mut out, text);
    facts_of(program, request.facts, &mut out);
    out
}

fn facts_of<F: Facts>(program: &Program<Vec<u8>>, facts: &F, out: &mut Vec<u8>) {
    out.extend(program.fields().to_le_bytes());
    out.extend(program.listings().to_le_bytes());
    let records = out.len();
    out.resize(records + 12 * usize::from(program.fields()), 0);
    for listing in 0..program.listings() {
        out.push(match facts.arguments(listing) {
            Arguments::Listed => 0,
            Arguments::Unlisted => 1,
            Arguments::Unread => 2,
        });
    }
    for field in 0..program.fields() {
        let description = program.field(field).unwrap();
        let list = description.list.unwrap_or(field);
        let count = facts.count(list);
        let elements = match count {
            Count::Elements(count) => count.min(MAX_LIST),
            Count::NotAList | Count::Unread => 0,
        };
        let value = match description.list {
            None => value(out, &facts.value(field)),
            Some(_) => value(out, &Value::Unusable),
        };
        let of_elements: Vec<u32> =
            (0..elements).map(|place| self::value(out, &facts.element(field, place))).collect();
        let at = u32::try_from(out.len()).unwrap();
        out.extend(of_elements.iter().flat_map(|element| element.to_le_bytes()));
        let count = match count {
            Count::Elements(count) => count,
            Count::Unread => u32::MAX,
            Count::NotAList => 0xffff_fffe,
        };
        let record: Vec<u8> = [value, count, at].into_iter().flat_map(u32::to_le_bytes).collect();
        out[records + 12 * usize::from(field)..][..12].copy_from_slice(&record);
    }
}

/// Where the value is.
fn value(out: &mut Vec<u8>, value: &Value<'_>) -> u32 {
    let at = u32::try_from(out.len()).unwrap();
    match value {
        Value::Absent => out.push(0),
        Value::Unread => out.push(1),
        Value::Unusable => out.push(2),
        Value::Null => out.push(3),
        Value::Bool(truth) => out.push(4 + u8::from(*truth)),
        Value::Number(number) => {
            out.push(6);
            out.extend(number.coefficient.to_le_bytes());
            out.extend(number.exponent.to_le_bytes());
        }
        Value::Text(bytes) => {
            out.push(7);
            text(out, bytes);
        }
    }
    at
}

fn principal(out: &mut Vec<u8>, principal: &Principal<'_>) {
    [principal.whole, principal.trust_domain, principal.path].into_iter().for_each(|part| text(out, part));
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    out.extend(bytes);
}
