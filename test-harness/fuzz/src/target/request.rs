//! Requests. An input is lines: choices, then method, path, lineage, a header, cuts, and the body.

use ambit_filter::decision::{Decision, Form};
use ambit_filter::head::Pairs;
use ambit_filter::inbound::{Inbound, Peer, Step};
use ambit_filter::policy::Policy;

use super::policies::{self, CALLER, OTHER};
use crate::input::{Input, pieces};

const NOW: u64 = 1_800_000_000;

const TYPES: [&str; 5] = [
    "application/json",
    "application/grpc",
    "application/a2a+json",
    "text/event-stream",
    "application/json; charset=utf-8",
];

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut choices = Input::new(input.line());
    let policy = choices.one_of(policies::all());
    let inbound = inbound(&mut choices, &mut input);
    let cuts = input.line();
    let body = input.rest();
    let whole = decide_at_once(policy, &inbound, body);
    for cut in [vec![body], pieces(body, cuts), body.chunks(1).collect()] {
        assert_eq!(seen(&decide(policy, &inbound, &cut)), seen(&whole), "{cut:?}");
    }
    assert!(whole.verdict.steps <= policy.program().step_bound());
}

/// The head of a request.
pub(crate) fn inbound<'a>(choices: &mut Input<'a>, input: &mut Input<'a>) -> Inbound {
    let (method, path, lineage, header) = (input.line(), input.line(), input.line(), input.line());
    let method = if method.is_empty() { b"POST" } else { method };
    let mut headers = vec![
        (b":method".to_vec(), method.to_vec()),
        (b":path".to_vec(), path.to_vec()),
        (b":authority".to_vec(), b"s.local".to_vec()),
        (b"content-type".to_vec(), choices.one_of(&TYPES).as_bytes().to_vec()),
    ];
    match choices.byte() % 4 {
        0 => {}
        1 => headers.push((b"mcp-protocol-version".to_vec(), b"2026-07-28".to_vec())),
        2 => headers.push((b"mcp-protocol-version".to_vec(), b"2025-03-26".to_vec())),
        _ => headers.push((b"a2a-version".to_vec(), b"1.0".to_vec())),
    }
    if !lineage.is_empty() {
        let lineage =
            if lineage == b"b" { format!("v=1, via=(\"{OTHER}\")").into_bytes() } else { lineage.to_vec() };
        headers.push((b"x-ambit-lineage".to_vec(), lineage));
    }
    for pair in header.split(|byte| *byte == b'|') {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            headers.push((name.to_vec(), value.to_vec()));
        }
    }
    Inbound {
        pairs: Pairs::from_headers(&headers),
        peer: Peer::San(CALLER.to_vec()),
        peer_address: Vec::new(),
        is_recorded: true,
    }
}

/// Decides on a body that comes in one piece, of which it is known that it is the last.
fn decide_at_once(policy: &Policy, inbound: &Inbound, body: &[u8]) -> Decision {
    match inbound.begin(policy, false, NOW) {
        Step::Decided(decision) => decision,
        Step::Read(mut reading) => reading.last(inbound, policy, body, NOW),
    }
}

pub(crate) fn decide(policy: &Policy, inbound: &Inbound, pieces: &[&[u8]]) -> Decision {
    let mut reading = match inbound.begin(policy, false, NOW) {
        Step::Decided(decision) => return decision,
        Step::Read(reading) => reading,
    };
    for piece in pieces {
        if let Some(decision) = reading.push(inbound, policy, piece, NOW) {
            return decision;
        }
    }
    reading.last(inbound, policy, b"", NOW)
}

/// What can be seen of a decision.
fn seen(decision: &Decision) -> (&'static str, Option<ambit_eval::Hop>, Option<u16>, Option<u32>, Form) {
    let verdict = &decision.verdict;
    (verdict.code.word(), verdict.hop, verdict.action, verdict.rule, decision.form.clone())
}
