//! Ambit's evaluator as it runs in the host's own instructions.

use std::hint::black_box;

use ambit_compiler::compile::{Options, compile};
use ambit_eval::{
    Arguments, Caller, Count, Facts, Key, Lineage, Principal, Program, Protocol, Request, Statement, Value,
};

use crate::Engine;
use crate::workload::{Workload, tool};

pub(crate) struct Native {
    program: Program<Vec<u8>>,
    requests: Vec<(Vec<String>, String)>,
}

/// The blob of a workload's policy.
pub(crate) fn blob(workload: &Workload) -> Vec<u8> {
    compile(&workload.policy, &workload.place, &Options::default()).expect("it compiles").blob
}

/// The action key of a request.
pub(crate) fn key(action: u32) -> String {
    format!("tools/call:{}", tool(action))
}

impl Native {
    pub(crate) fn new(workload: &Workload) -> Self {
        let requests = workload
            .requests
            .iter()
            .map(|request| (workload.members(request).map(str::to_owned).collect(), key(request.action)));
        Self { program: Program::verify(blob(workload)).expect("it verifies"), requests: requests.collect() }
    }
}

impl Engine for Native {
    fn decide(&mut self, request: usize, times: u32) -> bool {
        let (chain, key) = &self.requests[request];
        let mut members = [Principal { whole: &[], trust_domain: &[], path: &[] }; 16];
        for (slot, member) in members.iter_mut().zip(chain) {
            *slot = principal(member);
        }
        let (caller, members) = members[..chain.len()].split_last().expect("a caller");
        let asked = Request {
            caller: Caller::Proven(*caller),
            statement: Statement::Lineage(Lineage { members, missions: &[], merged: false }),
            protocol: Protocol::Mcp,
            key: Key::Known(key.as_bytes()),
            facts: &Nothing,
            now: 1_800_000_000,
        };
        (0..times).fold(false, |_, _| self.program.decide(black_box(&asked)).allows())
    }
}

/// A SPIFFE id of the one trust domain, in its parts.
pub(crate) fn principal(id: &str) -> Principal<'_> {
    let start = "spiffe://".len();
    let slash = start + id[start..].find('/').expect("a path");
    Principal {
        whole: id.as_bytes(),
        trust_domain: id[start..slash].as_bytes(),
        path: id[slash..].as_bytes(),
    }
}

/// No condition reads anything.
struct Nothing;

impl Facts for Nothing {
    fn value(&self, _: u16) -> Value<'_> {
        Value::Absent
    }

    fn count(&self, _: u16) -> Count {
        Count::NotAList
    }

    fn element(&self, _: u16, _: u32) -> Value<'_> {
        Value::Absent
    }

    fn arguments(&self, _: u16) -> Arguments {
        Arguments::Listed
    }
}
