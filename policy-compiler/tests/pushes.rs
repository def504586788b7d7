//! Where a workload that speaks A2A may be made to call: what its callers' lists say, and nothing where there are none.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use std::collections::BTreeMap;

use ambit_compiler::compile::{Options, compile};
use ambit_compiler::egress::with_pushes;
use ambit_compiler::generate::{self, Choices};
use ambit_compiler::model::{Field, Mode, Policy, Protocol, Workload};
use ambit_compiler::reference::egress::{Call, allows, denies};
use ambit_compiler::reference::{Case, Code, FieldValue, Hop, Key, Lineage, Terms, judge};

const POLICIES: u64 = 400;
const CALLS_A_POLICY: usize = 40;

fn workload() -> Workload {
    Workload { namespace: "w".into(), service_account: "w1".into() }
}

/// A policy in which the workload speaks A2A; its first agent is the workload's own.
fn world(choices: &mut Choices) -> Policy {
    let mut policy = generate::egress::world(choices, &workload());
    policy.services.truncate(1);
    policy.rules.clear();
    let service = &mut policy.services[0];
    (service.protocol, service.workload) = (Protocol::A2a, workload());
    service.actions.clear();
    for agent in &mut policy.agents {
        (agent.grants, agent.denies) = (Vec::new(), Vec::new());
        if let Some(egress) = agent.egress.as_mut().filter(|_| choices.one_in(6)) {
            egress.mode = Some(Mode::Shadow);
        }
    }
    for mission in &mut policy.missions {
        (mission.grants, mission.denies) = (Vec::new(), Vec::new());
    }
    policy
}

/// What the lists say of a call that the last of `chain` names, on behalf of the others.
fn expected(policy: &Policy, chain: &[usize], missions: &[usize], call: &Call<'_>) -> (Code, Option<Hop>) {
    let lists = |agent: &usize| policy.agents[*agent].egress.as_ref().filter(|list| list.mode.is_none());
    let agents = chain.iter().map(lists).enumerate().map(|(place, list)| (Hop::Member(place), list));
    let missions = missions.iter().map(|mission| policy.missions[*mission].egress.as_ref());
    let missions = missions.enumerate().map(|(place, list)| (Hop::Mission(place), list));
    if denies(&policy.mesh.egress, call)
        && let Some((hop, _)) = agents.clone().find(|(_, list)| list.is_some())
    {
        return (Code::ExplicitlyDenied, Some(hop));
    }
    match agents.chain(missions).find(|(_, list)| list.is_some_and(|list| !allows(list, call))) {
        Some((hop, _)) => (Code::EgressNotAllowed, Some(hop)),
        None => (Code::Allowed, None),
    }
}

#[test]
fn callers_name_what_they_could_call() {
    let mut counts = BTreeMap::new();
    for seed in 0..POLICIES {
        let mut choices = Choices::from_seed(seed);
        let policy = world(&mut choices);
        let Some(extended) = with_pushes(&policy, &workload()) else {
            assert!(
                policy
                    .agents
                    .iter()
                    .all(|agent| agent.egress.as_ref().is_none_or(|list| list.mode.is_some()))
                    && policy.missions.iter().all(|mission| mission.egress.is_none()),
                "seed {seed}"
            );
            continue;
        };
        assert!(with_pushes(&extended, &workload()).is_none(), "seed {seed}");
        let options = Options::default();
        let blob = |policy: &Policy| compile(policy, &workload(), &options).map(|compiled| compiled.blob);
        assert_eq!(blob(&policy), blob(&extended), "seed {seed}");
        for _ in 0..CALLS_A_POLICY {
            let mut chain = choices.some(0, 3, |choices| choices.below(policy.agents.len()));
            chain.push(choices.below(policy.agents.len()));
            let most = if policy.missions.is_empty() { 0 } else { 2 };
            let missions = choices.some(0, most, |choices| choices.below(policy.missions.len()));
            let fields = generate::egress::fields(&mut choices);
            let text = |field: &Field| match fields.get(field) {
                Some(FieldValue::Text(text)) => Some(String::from_utf8(text.clone()).unwrap()),
                _ => None,
            };
            let (host, address) = (text(&Field::DestinationHost), text(&Field::DestinationAddress));
            let (Some(method), Some(path)) = (text(&Field::Method), text(&Field::Path)) else { continue };
            let Some(FieldValue::Number(port)) = fields.get(&Field::DestinationPort) else {
                panic!("no port")
            };
            let port = port.coefficient * 10_i64.pow(u32::try_from(port.exponent).unwrap());
            let call = Call {
                host: host.as_deref(),
                address: address.map(|address| address.parse().unwrap()),
                port: u16::try_from(port).unwrap(),
                http: Some((&method, &path)),
            };
            let principal = |agent: &usize| match agent {
                0 => String::from("spiffe://mesh.example/ns/w/sa/w1"),
                other => format!("spiffe://mesh.example/ns/w/sa/agent{other}"),
            };
            let (caller, members) = chain.split_last().unwrap();
            let case = Case {
                peer: Some(principal(caller)),
                lineage: Lineage::Parsed {
                    members: members.iter().map(principal).collect(),
                    missions: missions.iter().map(|mission| policy.missions[*mission].name.clone()).collect(),
                    merged: choices.one_in(2),
                },
                protocol: Protocol::Egress,
                key: Key::Known(b"http".to_vec()),
                fields: fields.clone(),
                arguments: None,
                now: 0,
            };
            let found = judge(&extended, &workload(), &case, Terms::default());
            let (code, hop) = expected(&policy, &chain, &missions, &call);
            assert_eq!((found.code, found.hop), (code, hop), "seed {seed}\n{case:?}\n{policy:?}");
            *counts.entry(code.word()).or_insert(0_u32) += 1;
        }
    }
    for code in ["allowed", "egress-not-allowed", "explicitly-denied"] {
        assert!(counts.get(code).copied().unwrap_or(0) > 300, "{counts:?}");
    }
}

/// Nothing is added where nobody asks for it, or where nobody can be made to call.
#[test]
fn nothing_is_added_where_there_is_nothing_to_judge() {
    for seed in 0..50 {
        let mut policy = world(&mut Choices::from_seed(seed));
        let elsewhere = Workload { namespace: "w".into(), service_account: "w2".into() };
        assert!(with_pushes(&policy, &elsewhere).is_none());
        policy.agents.iter_mut().for_each(|agent| agent.egress = None);
        policy.missions.iter_mut().for_each(|mission| mission.egress = None);
        assert!(with_pushes(&policy, &workload()).is_none());
    }
}
