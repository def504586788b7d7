//! What is decided of a body does not depend on how it comes: every cut into pieces gives the same verdict and the same
//! reply, whatever the body.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

#[path = "intake/held.rs"]
mod held;

use ambit_compiler::compile::Options;
use ambit_filter::decision::{Decision, Form};
use ambit_filter::head::Pairs;
use ambit_filter::inbound::{Inbound, Peer, Step};
use ambit_filter::policy::Policy;
use ambit_harness::policy_directory::compile_text;
use proptest::prelude::*;

const NOW: u64 = 1_800_000_000;

/// A service of `protocol` with `actions`, and an agent that holds `grants` and `denies`.
fn policy(protocol: &str, actions: &str, grants: &str) -> Policy {
    let text = format!(
        "
apiVersion: ambit.dev/v1alpha1
kind: Service
metadata: {{name: s}}
spec: {{workload: {{namespace: n, serviceAccount: s}}, protocol: {protocol}, actions: [{actions}]}}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {{name: a}}
spec:
  identity: [{{namespace: n, serviceAccount: a}}]
  originates: true
{grants}
"
    );
    let mut blobs = compile_text(&text, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    Policy::load(blobs.remove("s").unwrap()).unwrap()
}

fn inbound(method: &str, path: &str, headers: &[(&str, &str)]) -> Inbound {
    let fixed = [
        (":method", method),
        (":path", path),
        (":authority", "s.local"),
        ("content-type", "application/json"),
    ];
    let pair = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    Inbound {
        pairs: Pairs::from_headers(&fixed.iter().chain(headers).map(pair).collect::<Vec<_>>()),
        peer: Peer::San(b"spiffe://cluster.local/ns/n/sa/a".to_vec()),
        peer_address: Vec::new(),
        is_recorded: false,
    }
}

/// The decision on a body that comes in one piece, of which it is known that it is the last.
fn decide_at_once(policy: &Policy, inbound: &Inbound, body: &[u8]) -> Decision {
    match inbound.begin(policy, false, NOW) {
        Step::Decided(decision) => decision,
        Step::Read(mut reading) => reading.last(inbound, policy, body, NOW),
    }
}

/// The decision, and after how many bytes it was there.
fn decide(policy: &Policy, inbound: &Inbound, pieces: &[&[u8]]) -> (Decision, usize) {
    let mut reading = match inbound.begin(policy, false, NOW) {
        Step::Decided(decision) => return (decision, 0),
        Step::Read(reading) => reading,
    };
    for piece in pieces {
        if let Some(decision) = reading.push(inbound, policy, piece, NOW) {
            return (decision, reading.taken());
        }
    }
    let taken = reading.taken();
    (reading.last(inbound, policy, b"", NOW), taken)
}

/// What can be seen of a decision.
fn seen(decision: &Decision) -> (String, Option<ambit_eval::Hop>, Option<u16>, Option<u32>, Form) {
    let verdict = &decision.verdict;
    (verdict.code.word().to_owned(), verdict.hop, verdict.action, verdict.rule, decision.form.clone())
}

struct Subject {
    policy: Policy,
    inbound: Vec<Inbound>,
    /// Bodies that are cut, joined and damaged.
    seeds: Vec<&'static str>,
}

fn mcp() -> Subject {
    Subject {
        policy: policy(
            "mcp",
            "{tool: query}, {tool: list}, {tool: drop}, {method: tools/list}, {method: response}",
            "  grants:
    - {actions: [s/list, s/tools.list]}
    - {actions: [s/query], when: 'args.table in [\"orders\"] && args.rows.all(r, r.n < 5)'}
  denies:
    - {actions: [s/query], when: 'args.force == true'}",
        ),
        inbound: vec![
            inbound("POST", "/mcp", &[("mcp-protocol-version", "2025-11-25")]),
            inbound("POST", "/mcp", &[]),
            inbound(
                "POST",
                "/mcp",
                &[
                    ("mcp-protocol-version", "2026-07-28"),
                    ("mcp-method", "tools/call"),
                    ("mcp-name", "query"),
                ],
            ),
        ],
        seeds: vec![
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"force":false,"table":"orders","rows":[{"n":1},{"n":2}]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
            r#"{"method":"tools/call","params":{"arguments":{"rows":[{"n":9}],"table":"orders","force":false},"name":"query"},"jsonrpc":"2.0","id":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"query","arguments":{"force":true}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list"}}"#,
            r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"drop"}}]"#,
            r#"{"jsonrpc":"2.0","id":5,"method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
        ],
    }
}

fn a2a() -> Subject {
    Subject {
        policy: policy(
            "a2a",
            "{method: message.send}, {method: tasks.get}, {method: push.create}",
            "  grants:
    - {actions: [s/message.send], when: 'args.amount <= 50 && args.items.all(i, i.price <= 9)'}
  denies:
    - {actions: [s/message.send], when: 'args.force == true'}",
        ),
        inbound: vec![inbound("POST", "/", &[]), inbound("POST", "/x/message:send", &[])],
        seeds: vec![
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"parts":[{"data":{"amount":50,"force":false,"items":[{"price":9}]}}]}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"message":{"parts":[{"data":{"amount":51}},{"data":{"amount":1,"items":[]}}]},"configuration":{"pushNotificationConfig":{"url":"http://x/"}}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"parts":[{"data":{"force":false,"amount":51}},{"data":{"force":false,"items":[]}}]}}}"#,
            r#"{"id":1,"method":"tasks/get","params":{"id":"t"}}"#,
            r#"{"message":{"parts":[{"data":{"amount":50,"force":false,"items":[]}}]}}"#,
            r#"{"message":{"content":[{"data":{"data":{"amount":50,"force":true,"items":[]}}}]},"configuration":{"taskPushNotificationConfig":{"url":"http://x/"}}}"#,
        ],
    }
}

fn http() -> Subject {
    Subject {
        policy: policy(
            "http",
            "{name: refund, methods: [POST], path: /refund}",
            "  grants:
    - {actions: [s/refund], when: 'args.amount <= 50 && \"x\" in args.tags'}
  denies:
    - {actions: [s/refund], when: 'args.force == true'}",
        ),
        inbound: vec![inbound("POST", "/refund", &[])],
        seeds: vec![
            r#"{"amount":50,"tags":["y","x"],"force":false}"#,
            r#"{"force":true,"amount":1}"#,
            r#"{"force":false,"amount":51,"tags":[1,2,{"a":[]}]}"#,
        ],
    }
}

/// A body made of a seed: as it is, or with a piece of another one or of anything in it.
fn body(seeds: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let seed = || prop::sample::select(seeds.clone());
    let change = prop_oneof![
        3 => Just(Vec::new()),
        2 => prop::sample::select(vec![&b"\""[..], b"}", b"]", b",", b"{", b"\\ud800", b"null", b"1e999", b" ", b"\xff", b"\"id\":2,"]).prop_map(<[u8]>::to_vec),
        1 => (seed(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(other, a, b)| {
            let (a, b) = (a.index(other.len()), b.index(other.len()));
            other.as_bytes()[a.min(b)..a.max(b)].to_vec()
        }),
    ];
    (seed(), change, any::<prop::sample::Index>(), 0_usize..4).prop_map(|(seed, change, at, removed)| {
        let mut body = seed.as_bytes().to_vec();
        let at = at.index(body.len());
        let end = (at + if change.is_empty() { 0 } else { removed }).min(body.len());
        body.splice(at..end, change);
        body
    })
}

fn pieces<'b>(body: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect()
}

fn check(subject: &Subject) {
    let cases = (body(subject.seeds.clone()), prop::collection::vec(any::<prop::sample::Index>(), 0..6));
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(case in cases)| {
        let (body, cuts) = case;
        for inbound in &subject.inbound {
            let whole = decide_at_once(&subject.policy, inbound, &body);
            let (one, _) = decide(&subject.policy, inbound, &[&body]);
            prop_assert_eq!(seen(&one), seen(&whole), "{}", String::from_utf8_lossy(&body));
            let (parts, _) = decide(&subject.policy, inbound, &pieces(&body, &cuts));
            prop_assert_eq!(seen(&parts), seen(&whole), "{} {:?}", String::from_utf8_lossy(&body), cuts);
            let bytes: Vec<&[u8]> = body.chunks(1).collect();
            let (single, _) = decide(&subject.policy, inbound, &bytes);
            prop_assert_eq!(seen(&single), seen(&whole), "{}", String::from_utf8_lossy(&body));
        }
    });
    for seed in &subject.seeds {
        assert!(
            subject.inbound.iter().any(|inbound| !decide_at_once(&subject.policy, inbound, seed.as_bytes())
                .verdict
                .code
                .word()
                .starts_with("body-")),
            "{seed}"
        );
    }
}

#[test]
fn pieces_of_mcp() {
    check(&mcp());
}

#[test]
fn pieces_of_a2a() {
    check(&a2a());
}

#[test]
fn pieces_of_http() {
    check(&http());
}

/// A deny that is certain is not kept waiting for the rest of the body.
#[test]
fn decided_early() {
    let subject = mcp();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"#;
    for (start, code) in [
        (format!("{call}\"drop\""), "not-granted"),
        (format!("{call}\"query\",\"arguments\":{{\"force\":true,"), "explicitly-denied"),
        (
            format!("{call}\"query\",\"arguments\":{{\"force\":false,\"table\":\"users\","),
            "condition-not-met",
        ),
        (
            format!("{call}\"query\",\"arguments\":{{\"force\":false,\"rows\":[{{\"n\":1}},{{\"n\":9}}],"),
            "condition-not-met",
        ),
    ] {
        let rest = vec![b' '; 100_000];
        let bytes: Vec<&[u8]> = start.as_bytes().chunks(1).chain([&rest[..]]).collect();
        let (decision, taken) = decide(&subject.policy, &subject.inbound[0], &bytes);
        assert_eq!(decision.verdict.code.word(), code, "{start}");
        assert!(taken <= start.len(), "{start}: {taken} of {}", start.len());
    }
    // An allow is never early.
    let allowed = format!("{call}\"list\"}}}}");
    let (decision, taken) = decide(&subject.policy, &subject.inbound[0], &[allowed.as_bytes(), b" ", b"x"]);
    assert_eq!((decision.verdict.code.word(), taken), ("body-malformed", allowed.len() + 2));
}
