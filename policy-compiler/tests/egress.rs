//! Calls outside: the policy that is made of lists of destinations says what the lists say, and what policy may write of a
//! host is what the filter reads.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use std::collections::BTreeMap;

use ambit_compiler::check::check;
use ambit_compiler::egress;
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::model::{
    Decimal, Denied, Destination, Field, HostPattern, MeshEgress, Policy, Protocol, Workload,
};
use ambit_compiler::reference::egress::{Call, allows, denies};
use ambit_compiler::reference::{Case, Code, FieldValue, Hop, Key, Lineage, Terms, judge};
use ambit_compiler::source::Sources;
use ambit_request::destination::Host;

const POLICIES: u64 = 800;
const CALLS_A_POLICY: usize = 40;

fn workload() -> Workload {
    Workload { namespace: "w".into(), service_account: "w1".into() }
}

fn text(fields: &BTreeMap<Field, FieldValue>, field: &Field) -> Option<String> {
    fields.get(field).map(|value| match value {
        FieldValue::Text(text) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("{other:?}"),
    })
}

fn port(fields: &BTreeMap<Field, FieldValue>) -> u16 {
    let Some(FieldValue::Number(Decimal { coefficient, exponent })) = fields.get(&Field::DestinationPort)
    else {
        panic!("no port");
    };
    u16::try_from(coefficient * 10_i64.pow(u32::try_from(*exponent).unwrap())).unwrap()
}

/// A call of the first agent, made on behalf of `members` under `missions`; and what the lists say of it.
fn expected(policy: &Policy, members: &[usize], missions: &[usize], call: &Call<'_>) -> (Code, Option<Hop>) {
    if denies(&policy.mesh.egress, call) {
        // It is the caller that is denied it, wherever it comes first.
        let first = members.iter().position(|member| *member == 0).unwrap_or(members.len());
        return (Code::ExplicitlyDenied, Some(Hop::Member(first)));
    }
    let agents = members.iter().chain([&0]).map(|agent| policy.agents[*agent].egress.as_ref());
    let hops = agents.enumerate().map(|(place, egress)| (Hop::Member(place), egress));
    let missions = missions.iter().map(|mission| policy.missions[*mission].egress.as_ref());
    let hops = hops.chain(missions.enumerate().map(|(place, egress)| (Hop::Mission(place), egress)));
    match hops.into_iter().find(|(_, egress)| egress.is_some_and(|egress| !allows(egress, call))) {
        Some((hop, _)) => (Code::EgressNotAllowed, Some(hop)),
        None => (Code::Allowed, None),
    }
}

/// Grants made of lists against the lists, entry by entry.
#[test]
fn what_is_judged_is_what_the_lists_say() {
    let mut counts = BTreeMap::new();
    for seed in 0..POLICIES {
        let mut choices = Choices::from_seed(seed);
        let policy = generate::egress::world(&mut choices, &workload());
        let outside = egress::policy(&policy, &workload()).unwrap();
        for _ in 0..CALLS_A_POLICY {
            let members = choices.some(0, 3, |choices| choices.below(policy.agents.len()));
            let most = if policy.missions.is_empty() { 0 } else { 2 };
            let missions = choices.some(0, most, |choices| choices.below(policy.missions.len()));
            let fields = generate::egress::fields(&mut choices);
            let (host, address) =
                (text(&fields, &Field::DestinationHost), text(&fields, &Field::DestinationAddress));
            let (method, path) = (text(&fields, &Field::Method), text(&fields, &Field::Path));
            let call = Call {
                host: host.as_deref(),
                address: address.map(|address| address.parse().unwrap()),
                port: port(&fields),
                http: method.as_deref().zip(path.as_deref()),
            };
            let principal = |agent: &usize| match agent {
                0 => String::from("spiffe://mesh.example/ns/w/sa/w1"),
                other => format!("spiffe://mesh.example/ns/w/sa/agent{other}"),
            };
            let case = Case {
                peer: Some(principal(&0)),
                lineage: Lineage::Parsed {
                    members: members.iter().map(principal).collect(),
                    missions: missions.iter().map(|mission| policy.missions[*mission].name.clone()).collect(),
                    merged: choices.one_in(2),
                },
                protocol: Protocol::Egress,
                key: Key::Known(if call.http.is_some() { b"http".to_vec() } else { b"connect".to_vec() }),
                fields: fields.clone(),
                arguments: None,
                now: 0,
            };
            let found = judge(&outside, &workload(), &case, Terms::default());
            let (code, hop) = expected(&policy, &members, &missions, &call);
            assert_eq!((found.code, found.hop), (code, hop), "seed {seed}\n{case:?}\n{policy:?}");
            *counts.entry(code.word()).or_insert(0_u32) += 1;
        }
    }
    for code in ["allowed", "egress-not-allowed", "explicitly-denied"] {
        assert!(counts.get(code).copied().unwrap_or(0) > 1_000, "{counts:?}");
    }
}

/// Nobody but the workload's own agent is the caller of its calls, whatever lists others have.
#[test]
fn no_one_else_calls_from_the_workload() {
    for seed in 0..200 {
        let policy = generate::egress::world(&mut Choices::from_seed(seed), &workload());
        let outside = egress::policy(&policy, &workload()).unwrap();
        for agent in 1..policy.agents.len() {
            let case = Case {
                peer: Some(format!("spiffe://mesh.example/ns/w/sa/agent{agent}")),
                lineage: Lineage::Parsed { members: Vec::new(), missions: Vec::new(), merged: false },
                protocol: Protocol::Egress,
                key: Key::Known(b"connect".to_vec()),
                fields: generate::egress::fields(&mut Choices::from_seed(seed)),
                arguments: None,
                now: 0,
            };
            let found = judge(&outside, &workload(), &case, Terms::default());
            assert_eq!(found.code, Code::EgressNotAllowed, "seed {seed}, agent {agent}");
        }
    }
}

/// Lists of agents that may stand behind nobody's call here are not carried, and lineages with them are denied as before.
#[test]
fn a_blob_knows_the_lists_of_those_who_may_stand_behind_a_call() {
    let agent = |name: &str, to: &str| {
        format!(
            "apiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  \
             identity: [{{namespace: w, serviceAccount: {name}}}]\n  originates: true\n  delegates: {{to: [{to}]}}\n  \
             egress: {{allow: [both.example, {name}.example]}}\n---\n"
        )
    };
    let text: String =
        [("w1", ""), ("near", "w1"), ("far", "near"), ("all", "'*'"), ("away", "far2"), ("far2", "")]
            .iter()
            .map(|(name, to)| agent(name, to))
            .collect();
    let policy = check(&Sources::single("a.yaml", text)).policy.unwrap();
    let outside = egress::policy(&policy, &workload()).unwrap();
    let carried: Vec<&str> = outside
        .agents
        .iter()
        .filter(|agent| !agent.grants.is_empty())
        .map(|agent| agent.name.as_str())
        .collect();
    assert_eq!(carried, ["w1", "near", "far", "all"]);
    let call = |members: &[&str]| {
        let principal = |name: &&str| format!("spiffe://cluster.local/ns/w/sa/{name}");
        let port = FieldValue::Number(Decimal::whole(443));
        let case = Case {
            peer: Some(principal(&"w1")),
            lineage: Lineage::Parsed {
                members: members.iter().map(principal).collect(),
                missions: Vec::new(),
                merged: false,
            },
            protocol: Protocol::Egress,
            key: Key::Known(b"connect".to_vec()),
            fields: BTreeMap::from([
                (Field::DestinationHost, FieldValue::Text(b"both.example".to_vec())),
                (Field::DestinationPort, port),
            ]),
            arguments: None,
            now: 0,
        };
        judge(&outside, &workload(), &case, Terms::default()).code
    };
    for members in [&[][..], &["near"], &["far", "near"], &["all"], &["all", "near"]] {
        assert_eq!(call(members), Code::Allowed, "{members:?}");
    }
    for members in [&["far"][..], &["away"], &["far2"], &["away", "near"]] {
        assert_eq!(call(members), Code::DelegationNotPermitted, "{members:?}");
    }
}

/// An agent's list of these entries, if they are accepted.
fn listed(entries: &[&str]) -> Option<Vec<Destination>> {
    let entries: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    let text = format!(
        "apiVersion: ambit.dev/v1alpha1\nkind: Agent\nmetadata: {{name: a}}\nspec:\n  \
         identity: [{{namespace: w, serviceAccount: w1}}]\n  originates: true\n  egress: {{allow: [{}]}}\n",
        entries.join(", ")
    );
    let policy = check(&Sources::single("a.yaml", text)).policy?;
    policy.agents[0].egress.clone().map(|egress| egress.allow)
}

/// A host that policy accepts is compared with names as the filter reads them, so it must be such a name itself; and what
/// the filter takes for an address, or refuses, can be no host.
#[test]
fn hosts_are_names_as_the_filter_reads_them() {
    let parts =
        ["a", "B", "-", "_", ".", "1", "0x", "f", "xn--a", "é", " ", "%2e", "example", "com", "10.0.0"];
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..6_000 {
        let mut choices = Choices::from_seed(seed);
        let name = choices.some(1, 7, |choices| choices.pick(&parts).copied().unwrap()).concat();
        let read = Host::of_server_name(name.as_bytes());
        match listed(&[&name]).map(|list| list[0].host.clone().unwrap()) {
            Some(HostPattern::Exact(host)) => {
                accepted += 1;
                let read = read.unwrap_or_else(|error| panic!("`{name}`: {error}"));
                assert_eq!(read.name(), Some(host.as_bytes()), "{name}");
            }
            Some(HostPattern::Below(host)) => panic!("`{name}` is `*.{host}`"),
            // A name of one label is one of the mesh.
            None => {
                refused += 1;
                let is_name = read.is_ok_and(|host| host.name().is_some_and(|name| name.contains(&b'.')));
                assert!(!is_name, "`{name}` is a host");
            }
        }
    }
    assert!(accepted > 400 && refused > 400, "{accepted} {refused}");
}

#[test]
fn who_is_not_bounded_is_judged_for_who_is() {
    let text = "
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: bounded}
spec:
  identity:
    - {namespace: b, serviceAccount: one}
    - {namespace: a, serviceAccount: two}
    - {namespace: wide}
    - {spiffe: \"spiffe://cluster.local/ns/c/sa/three\"}
    - {spiffe: \"spiffe://cluster.local/elsewhere\"}
  originates: true
  egress: {allow: []}
---
apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: free}
spec:
  identity: [{namespace: wide, serviceAccount: four}]
  originates: true
  grants: []
";
    let policy = check(&Sources::single("a.yaml", text)).policy.unwrap();
    let named: Vec<String> = egress::workloads(&policy)
        .iter()
        .map(|workload| format!("{}/{}", workload.namespace, workload.service_account))
        .collect();
    assert_eq!(named, ["a/two", "b/one", "c/three", "wide/four"]);
    let has = |namespace: &str, account: &str| {
        let workload = Workload { namespace: namespace.into(), service_account: account.into() };
        egress::policy(&policy, &workload).is_some()
    };
    assert!(has("wide", "any") && has("wide", "four") && !has("d", "five"));
    let MeshEgress { deny, span, .. } = &policy.mesh.egress;
    assert!(span.is_none() && deny.iter().any(|denied| matches!(denied, Denied::Network(_))));
    let free = "apiVersion: ambit.dev/v1alpha1
kind: Agent
metadata: {name: free}
spec: {identity: [{namespace: wide, serviceAccount: four}], originates: true, grants: []}
";
    let policy = check(&Sources::single("a.yaml", free)).policy.unwrap();
    assert!(egress::workloads(&policy).is_empty(), "it is off until someone asks for it");
    let free = Workload { namespace: "wide".into(), service_account: "four".into() };
    assert!(egress::policy(&policy, &free).is_none());
}
