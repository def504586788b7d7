//! What any policy keeps, whatever it says.

use super::*;
use crate::generate::{self, Choices, asks_for_presence};
use crate::model::{Condition, Cycles, Delegates, Identity, Policy, Workload};

const POLICIES: u64 = 1_000;

/// Judges many generated requests, once as they are and once after `narrow`, which must never turn deny into allow.
/// `prepare` may change the policy first. There must be requests that are allowed and stay so, and such that do not.
#[track_caller]
fn narrows(prepare: impl Fn(&mut Policy), narrow: impl Fn(&mut Choices, &mut Policy, &mut Case) -> bool) {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..POLICIES {
        let mut choices = Choices::from_seed(seed);
        let mut before = generate::policy(&mut choices);
        prepare(&mut before);
        for _ in 0..30 {
            let (workload, case) = generate::case(&mut choices, &before);
            let (mut after, mut narrowed) = (before.clone(), case.clone());
            if !narrow(&mut choices, &mut after, &mut narrowed) {
                continue;
            }
            let wide = judge(&before, &workload, &case, Terms::default());
            let narrow = judge(&after, &workload, &narrowed, Terms::default());
            let (was, is) = (wide.verdict == Verdict::Allow, narrow.verdict == Verdict::Allow);
            assert!(
                was || !is,
                "seed {seed}: {wide:?} became {narrow:?}\n{case:?}\n{narrowed:?}\n{before:?}"
            );
            kept += u32::from(was && is);
            lost += u32::from(was && !is);
        }
    }
    assert!(kept >= 4 && lost >= 4, "{kept} kept, {lost} lost");
}

fn as_it_is(_: &mut Policy) {}

/// Lets anyone hand work to anyone, so that more members and more orders are allowed.
fn freely(policy: &mut Policy) {
    policy.mesh.max_depth = 17;
    policy.mesh.cycles = Cycles::Tolerate;
    for agent in &mut policy.agents {
        agent.delegates = Delegates { to: None, max_depth: None };
        agent.mission_required = false;
    }
}

/// Takes out what asks for someone to be there: `originates: false`, and conditions on who is in the chain.
fn without_presence(policy: &mut Policy) {
    for agent in &mut policy.agents {
        agent.originates = true;
    }
    for rule in &mut policy.rules {
        if rule.when.as_ref().is_some_and(asks_for_presence) {
            rule.when = Some(Condition::Constant(true));
        }
    }
}

fn someone(choices: &mut Choices, policy: &Policy) -> String {
    let paths: Vec<&String> = policy
        .agents
        .iter()
        .flat_map(|agent| &agent.identities)
        .filter_map(|identity| match identity {
            Identity::Path(path) | Identity::Id { path, .. } => Some(path),
            _ => None,
        })
        .collect();
    let path = choices.pick(&paths).map_or("/ns/n/sa/a", |path| path.as_str());
    format!("spiffe://mesh.example{path}")
}

fn is_stamped(policy: &Policy, case: &Case) -> bool {
    chain::caller(policy, case).is_ok_and(|caller| chain::agent(policy, caller).stamping)
}

#[test]
fn a_member_in_front_narrows() {
    narrows(without_presence, |choices, policy, case| match &mut case.lineage {
        Lineage::Parsed { members, .. } => {
            members.insert(0, someone(choices, policy));
            true
        }
        _ => false,
    });
}

#[test]
fn a_claimed_member_narrows_even_where_presence_is_asked_for() {
    narrows(freely, |choices, policy, case| {
        if is_stamped(policy, case) {
            return false;
        }
        let member = someone(choices, policy);
        match &mut case.lineage {
            Lineage::Parsed { members, .. } => {
                let place = choices.below(members.len() + 1);
                members.insert(place, member);
            }
            Lineage::Absent => {
                case.lineage = Lineage::Parsed { members: vec![member], missions: Vec::new(), merged: false };
            }
            Lineage::Malformed(_) => return false,
        }
        true
    });
}

#[test]
fn a_member_more_in_a_merge_narrows() {
    narrows(freely, |choices, policy, case| match &mut case.lineage {
        Lineage::Parsed { members, merged: true, .. } if !members.is_empty() => {
            members.push(someone(choices, policy));
            true
        }
        _ => false,
    });
}

/// Whoever loses its lineage is judged at least as strictly as for any request that it may have acted for. One member,
/// so that there is no inner edge: those were judged where they were crossed.
#[test]
fn losing_a_lineage_narrows() {
    let prepare = |policy: &mut Policy| policy.agents.iter_mut().for_each(|agent| agent.originates = true);
    narrows(prepare, |choices, policy, case| match &mut case.lineage {
        Lineage::Parsed { members, merged, .. } if members.len() == 1 && !*merged => {
            *merged = true;
            if choices.below(2) == 1 {
                members.push(someone(choices, policy));
            }
            true
        }
        _ => false,
    });
}

#[test]
fn an_effect_more_narrows() {
    narrows(as_it_is, |choices, policy, _| {
        let label = 1 << choices.below(3);
        for action in policy.services.iter_mut().flat_map(|service| &mut service.actions) {
            action.effects.0 |= label;
        }
        true
    });
}

#[test]
fn without_grants_nothing_is_allowed() {
    for seed in 0..POLICIES {
        let mut choices = Choices::from_seed(seed);
        let mut policy = generate::policy(&mut choices);
        policy.agents.iter_mut().for_each(|agent| agent.grants.clear());
        let (workload, case) = generate::case(&mut choices, &policy);
        assert_eq!(judge(&policy, &workload, &case, Terms::default()).verdict, Verdict::Deny, "seed {seed}");
    }
}

#[test]
fn each_way_to_be_no_one_has_a_code() {
    let mut choices = Choices::from_seed(0);
    let policy = generate::policy(&mut choices);
    let (workload, case) = generate::case(&mut choices, &policy);
    let empty = Policy { agents: Vec::new(), services: Vec::new(), ..policy.clone() };
    let check = |policy: &Policy, peer: Option<&str>, code| {
        let case = Case { peer: peer.map(str::to_owned), ..case.clone() };
        assert_eq!(judge(policy, &workload, &case, Terms::default()).code, code, "{peer:?}");
    };
    check(&policy, None, Code::CallerUnauthenticated);
    check(&policy, Some("admin"), Code::CallerMalformed);
    check(&policy, Some("spiffe://other.example/ns/n/sa/a"), Code::CallerForeign);
    check(&policy, Some("spiffe://mesh.example/ns/no/sa/one"), Code::CallerUnmapped);
    check(&empty, Some("spiffe://mesh.example/ns/n/sa/a"), Code::CallerUnmapped);
}

#[test]
fn a_workload_without_services_knows_no_action() {
    let mut choices = Choices::from_seed(3);
    let policy = generate::policy(&mut choices);
    let elsewhere = Workload { namespace: "no".into(), service_account: "where".into() };
    for _ in 0..100 {
        let (_, case) = generate::case(&mut choices, &policy);
        assert_eq!(judge(&policy, &elsewhere, &case, Terms::default()).verdict, Verdict::Deny);
    }
}
