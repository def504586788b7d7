//! Blobs, and requests that are judged by what verifies.

use ambit_bytecode::blob::{CHECKED_FROM, CHECKSUM_AT};
use ambit_bytecode::hash::hash;
use ambit_eval::{
    Arguments, Caller, Count, Facts, Key, Lineage, Number, Principal, Program, Protocol, Request, Statement,
    Value,
};

const MEMBERS: [&str; 4] = [
    "spiffe://cluster.local/ns/n/sa/a",
    "spiffe://cluster.local/ns/n/sa/b",
    "spiffe://cluster.local/ns/team-0/sa/agent-0",
    "spiffe://other.example/x",
];

const KEYS: [&[u8]; 7] = [
    b"tools/call:tool-3",
    b"tools/call:query",
    b"GET /rows/a",
    b"message.send",
    b"/shop.Orders/Get",
    b"http",
    b"",
];

pub(crate) fn run(bytes: &[u8]) {
    let Ok(program) = Program::verify(bytes) else { return };
    let members = MEMBERS.map(principal);
    let facts = [Value::Absent, Value::Text(b"a"), Value::Number(Number { coefficient: 5, exponent: 0 })];
    for protocol in Protocol::ALL {
        for key in KEYS {
            for value in facts {
                for (count, merged) in [(0, false), (1, false), (3, false), (3, true)] {
                    let lineage = Lineage { members: &members[..count], missions: &[b"m"], merged };
                    let request = Request {
                        caller: Caller::Proven(members[count]),
                        statement: Statement::Lineage(lineage),
                        protocol,
                        key: Key::Known(key),
                        facts: &Same(value),
                        now: 1_800_000_000,
                    };
                    for verdict in [program.decide(&request), program.best_case(&request)] {
                        assert!(verdict.steps <= program.step_bound(), "{verdict:?}");
                    }
                }
            }
        }
    }
}

pub(crate) fn run_repaired(bytes: &[u8]) {
    let mut repaired = bytes.to_vec();
    if repaired.len() >= CHECKED_FROM {
        let length = u32::try_from(repaired.len()).expect("a small input");
        repaired[8..12].copy_from_slice(&length.to_le_bytes());
        let checksum = hash(0, &repaired[CHECKED_FROM..]);
        repaired[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
    }
    run(&repaired);
}

/// A SPIFFE id in its parts.
fn principal(id: &str) -> Principal<'_> {
    let rest = id.strip_prefix("spiffe://").expect("the scheme");
    let (trust_domain, path) = rest.split_at(rest.find('/').expect("a path"));
    Principal { whole: id.as_bytes(), trust_domain: trust_domain.as_bytes(), path: path.as_bytes() }
}

/// Every field has this value, and lists have two of it.
struct Same<'a>(Value<'a>);

impl Facts for Same<'_> {
    fn value(&self, _: u16) -> Value<'_> {
        self.0
    }

    fn count(&self, _: u16) -> Count {
        Count::Elements(2)
    }

    fn element(&self, _: u16, _: u32) -> Value<'_> {
        self.0
    }

    fn arguments(&self, _: u16) -> Arguments {
        Arguments::Listed
    }
}
